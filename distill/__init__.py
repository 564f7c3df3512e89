"""Knowledge distillation: the `Distiller`, its losses, and the cache of teacher outputs."""

from kdsuite.distill.batch_norm import moving_statistics, recalibrate, set_moving_statistics
from kdsuite.distill.distiller import Distiller, check_lambda, check_same_outputs, check_temperature
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.features import FeatureDistiller
from kdsuite.distill.guides import drop_guides, guides
from kdsuite.distill.hints import Hint, hint_loss
from kdsuite.distill.losses import soft_target_loss, soft_targets
from kdsuite.distill.responses import Responses, load_responses, smoothed_labels
from kdsuite.distill.teacher import TeacherOutputs, mixture, model_fingerprint, softened_names, teacher_outputs

__all__ = [
    "DistillationError",
    "Distiller",
    "FeatureDistiller",
    "Hint",
    "Responses",
    "TeacherOutputs",
    "check_lambda",
    "check_same_outputs",
    "check_temperature",
    "drop_guides",
    "guides",
    "hint_loss",
    "load_responses",
    "mixture",
    "model_fingerprint",
    "moving_statistics",
    "recalibrate",
    "set_moving_statistics",
    "smoothed_labels",
    "soft_target_loss",
    "soft_targets",
    "softened_names",
    "teacher_outputs",
]
