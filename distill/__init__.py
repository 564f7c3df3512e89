"""Knowledge distillation: the `Distiller`, its losses, and the cache of teacher outputs."""

from distill.batch_norm import moving_statistics, recalibrate, set_moving_statistics
from distill.distiller import Distiller, check_lambda, check_same_outputs, check_temperature
from distill.errors import DistillationError
from distill.features import FeatureDistiller
from distill.guides import drop_guides, guides
from distill.hints import Hint, hint_loss
from distill.losses import soft_target_loss, soft_targets
from distill.teacher import TeacherOutputs, mixture, model_fingerprint, teacher_outputs

__all__ = [
    "DistillationError",
    "Distiller",
    "FeatureDistiller",
    "Hint",
    "TeacherOutputs",
    "check_lambda",
    "check_same_outputs",
    "check_temperature",
    "drop_guides",
    "guides",
    "hint_loss",
    "mixture",
    "model_fingerprint",
    "moving_statistics",
    "recalibrate",
    "set_moving_statistics",
    "soft_target_loss",
    "soft_targets",
    "teacher_outputs",
]
