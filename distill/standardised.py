"""Distillation with standardised logits (Sun et al. 2024)."""

from dataclasses import dataclass

import keras
from keras import ops

from kdsuite.distill.losses import SoftLoss, soft_target_loss


@keras.saving.register_keras_serializable(package="distill")
@dataclass(frozen=True)
class StandardisedKD(SoftLoss):
    """T² · KL of logits that are standardised first (Sun et al. 2024, "Logit standardization", Algorithm 1).

    An example's logits less their mean, over their standard deviation (of the population of classes): the student
    has to match their relations and is free in their shift and scale. T is the paper's base temperature, 2 there,
    where the term weighs 9 times as much as the labels' (λ = 0.9).

    Attributes:
        epsilon: is added to the standard deviation.
    """

    epsilon: float = 1e-7

    def __call__(self, teacher_logits, student_logits, temperature: float):
        """Gives the loss of each example and position.

        Args:
            teacher_logits: float (b, ..., classes).
            student_logits: float (b, ..., classes).
            temperature: T > 0.

        Returns:
            float32 (b, ...).
        """
        return soft_target_loss(self._standardised(teacher_logits), self._standardised(student_logits), temperature)

    def _standardised(self, logits):
        logits = ops.cast(logits, "float32")
        centred = logits - ops.mean(logits, -1, keepdims=True)
        # Kept from 0, where the square root's gradient is infinite.
        variance = ops.maximum(ops.mean(ops.square(centred), -1, keepdims=True), 1e-14)
        return centred / (ops.sqrt(variance) + self.epsilon)
