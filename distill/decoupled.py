"""Decoupled knowledge distillation, DKD (Zhao et al. 2022)."""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.losses import SoftLoss


@keras.saving.register_keras_serializable(package="distill")
@dataclass(frozen=True)
class DKD(SoftLoss):
    """T² · (α · TCKD + β · NCKD): the KL divergence in two parts, weighed apart (Zhao et al. 2022, Eq. 7).

    TCKD is the divergence between the binary distributions (true class, all others); NCKD is that between the
    distributions over the other classes, given that the true one is not it. With β = 1 − p_t of the teacher, the sum
    is the ordinary divergence (Eq. 5); DKD makes β a constant.

    The true class is the label's, so that λ = 1, which never sees a label, does not go with this loss.

    Attributes:
        alpha: α ≥ 0.
        beta: β ≥ 0; the paper takes 1 to 10, and 8 for most pairs on CIFAR-100.
    """

    alpha: float = 1.0
    beta: float = 8.0

    needs_labels: ClassVar[bool] = True

    def __call__(self, teacher_logits, student_logits, temperature: float, labels):
        """Gives the loss of each example and position.

        Args:
            teacher_logits: float (b, ..., classes).
            student_logits: float (b, ..., classes).
            temperature: T > 0.
            labels: integers (b, ...), or one-hot (b, ..., classes).

        Returns:
            float32 (b, ...).

        Raises:
            DistillationError: fewer than three classes, where the second part is empty.
        """
        classes = student_logits.shape[-1]
        if classes < 3:
            raise DistillationError(
                f"DKD over {classes} classes: expected 3 or more, with 2 only its first part is left"
            )
        true = _one_hot(labels, student_logits, classes)
        teacher = ops.log_softmax(ops.cast(teacher_logits, "float32") / temperature)
        student = ops.log_softmax(ops.cast(student_logits, "float32") / temperature)
        targets, others = _binary_divergence(teacher, student, true), _others_divergence(teacher, student, true)
        return temperature**2 * (self.alpha * targets + self.beta * others)


def _one_hot(labels, logits, classes: int):
    if len(labels.shape) == len(logits.shape) and labels.shape[-1] == classes:
        return ops.cast(labels, "float32")
    labels = ops.reshape(labels, ops.shape(logits)[:-1])
    return ops.one_hot(ops.cast(labels, "int32"), classes, dtype="float32")


def _without_true(log_probabilities, true):
    """Log probabilities with the true class's put out of reach."""
    return log_probabilities - 1e4 * true


def _binary_divergence(teacher, student, true):
    teacher_true, student_true = ops.sum(teacher * true, -1), ops.sum(student * true, -1)
    teacher_rest = ops.logsumexp(_without_true(teacher, true), -1)
    student_rest = ops.logsumexp(_without_true(student, true), -1)
    kept = ops.exp(teacher_true) * (teacher_true - student_true)
    return kept + ops.exp(teacher_rest) * (teacher_rest - student_rest)


def _others_divergence(teacher, student, true):
    teacher, student = (ops.log_softmax(_without_true(part, true)) for part in (teacher, student))
    return ops.sum(ops.exp(teacher) * (teacher - student) * (1 - true), -1)
