"""Knowledge distillation: the `Distiller`, its losses, and the cache of teacher outputs."""

from distill.batch_norm import moving_statistics, recalibrate, set_moving_statistics
from distill.distiller import Distiller, check_lambda, check_same_outputs, check_temperature
from distill.errors import DistillationError
from distill.features import FeatureDistiller
from distill.guides import drop_guides, guides
from distill.hints import Hint, hint_loss
from distill.losses import soft_target_loss, soft_targets
from distill.responses import Responses, load_responses, smoothed_labels
from distill.teacher import TeacherOutputs, mixture, model_fingerprint, softened_names, teacher_outputs

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
