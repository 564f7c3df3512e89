"""Knowledge distillation: the `Distiller`, its losses, and the cache of teacher outputs."""

from kdsuite.distill.attention import attention_loss, attention_map
from kdsuite.distill.batch_norm import moving_statistics, recalibrate, set_moving_statistics
from kdsuite.distill.checks import check_lambda, check_same_outputs, check_temperature
from kdsuite.distill.correlation import DIST
from kdsuite.distill.decoupled import DKD
from kdsuite.distill.distiller import Distiller
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.features import FeatureDistiller
from kdsuite.distill.hints import Hint, cosine_loss, hint_loss
from kdsuite.distill.losses import SoftLoss, bernoulli_loss, soft_target_loss, soft_targets
from kdsuite.distill.mapped import OnDisk
from kdsuite.distill.objective import LOSS_PARTS
from kdsuite.distill.outputs import TeacherOutputs, mixture, softened_names
from kdsuite.distill.probabilities import to_logits
from kdsuite.distill.provenance import TrainingData, training_data, training_data_bytes
from kdsuite.distill.relational import RKD
from kdsuite.distill.responses import Responses, load_responses, smoothed_labels
from kdsuite.distill.saving import save_student
from kdsuite.distill.standardised import StandardisedKD
from kdsuite.distill.teacher import model_fingerprint, teacher_outputs
from kdsuite.distill.teacher_dropout import drop_teachers, stack_teachers

__all__ = [
    "DIST",
    "DKD",
    "LOSS_PARTS",
    "RKD",
    "DistillationError",
    "Distiller",
    "FeatureDistiller",
    "Hint",
    "OnDisk",
    "Responses",
    "SoftLoss",
    "StandardisedKD",
    "TeacherOutputs",
    "TrainingData",
    "attention_loss",
    "attention_map",
    "bernoulli_loss",
    "check_lambda",
    "check_same_outputs",
    "check_temperature",
    "cosine_loss",
    "drop_teachers",
    "hint_loss",
    "load_responses",
    "mixture",
    "model_fingerprint",
    "moving_statistics",
    "recalibrate",
    "save_student",
    "set_moving_statistics",
    "smoothed_labels",
    "soft_target_loss",
    "soft_targets",
    "softened_names",
    "stack_teachers",
    "teacher_outputs",
    "to_logits",
    "training_data",
    "training_data_bytes",
]
