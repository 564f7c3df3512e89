"""Distillation by correlations, DIST (Huang et al. 2022)."""

from dataclasses import dataclass

import keras
from keras import ops

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.losses import SoftLoss, soft_targets


@keras.saving.register_keras_serializable(package="distill")
@dataclass(frozen=True)
class DIST(SoftLoss):
    """T² · (β · inter + γ · intra): one minus Pearson correlations instead of a divergence (Huang et al. 2022, §4).

    `inter` correlates the probabilities of an example over the classes (Eq. 8), `intra` those of a class over the
    examples of the batch (Eq. 9), each averaged. What a stronger teacher knows is kept up to scale and shift. T² is in
    the authors' code; the paper takes T = 1 on ImageNet and T = 4 on CIFAR-100.

    Attributes:
        beta: β ≥ 0.
        gamma: γ ≥ 0.
    """

    beta: float = 1.0
    gamma: float = 1.0

    def __call__(self, teacher_logits, student_logits, temperature: float):
        """Gives the loss of each example; `intra`, of the whole batch, is the same for all of them.

        Args:
            teacher_logits: float (b, classes).
            student_logits: float (b, classes).
            temperature: T > 0.

        Returns:
            float32 (b,).

        Raises:
            DistillationError: outputs of another rank.
        """
        if len(student_logits.shape) != 2:
            raise DistillationError(f"DIST on outputs {tuple(student_logits.shape)}: expected (b, classes)")
        teacher, student = soft_targets(teacher_logits, temperature), soft_targets(student_logits, temperature)
        between_classes = 1 - _pearson(teacher, student, axis=1)
        between_examples = ops.mean(1 - _pearson(teacher, student, axis=0))
        return temperature**2 * (self.beta * between_classes + self.gamma * between_examples)


def _pearson(first, second, axis: int):
    """Pearson correlation along an axis; 0 where one of the two is constant."""
    first = first - ops.mean(first, axis, keepdims=True)
    second = second - ops.mean(second, axis, keepdims=True)
    # One square root of a product that is kept from 0, where its gradient would be infinite.
    scale = ops.sum(ops.square(first), axis) * ops.sum(ops.square(second), axis)
    return ops.sum(first * second, axis) * ops.rsqrt(ops.maximum(scale, 1e-16))
