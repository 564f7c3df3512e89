"""The soft half of the distillation loss for softmax and sigmoid outputs, as pure functions of logits (Hinton 2015 §2).

Every soft loss of this package keeps one contract: `loss(teacher_logits, student_logits, temperature)` takes logits
(b, ..., c) and gives one float32 value an example and position, (b, ...); a loss with `needs_labels = True` is given
the labels (b, ...) as a fourth argument.
"""

from dataclasses import Field, asdict
from typing import ClassVar

import tensorflow as tf
from keras import ops


class SoftLoss:
    """Base of the soft losses with parameters, which are frozen dataclasses; a Distiller saves them with itself."""

    needs_labels = False
    __dataclass_fields__: ClassVar[dict[str, Field]]

    def get_config(self):
        return asdict(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def soft_targets(teacher_logits, temperature: float):
    """softmax(z_t / T), Hinton 2015 Eq. 1.

    Args:
        teacher_logits: float (..., classes).
        temperature: T > 0; 1 gives the teacher's probabilities.

    Returns:
        float32 (..., classes), rows summing to 1.
    """
    # TensorFlow's softmax takes 40 µs on a small batch, four times as long as these two.
    return ops.exp(ops.log_softmax(ops.cast(teacher_logits, "float32") / temperature))


def soft_target_loss(teacher_logits, student_logits, temperature: float):
    """T² · KL(softmax(z_t / T) ‖ softmax(z_s / T)), summed over classes (Hinton 2015 §2).

    T² keeps the size of the gradient when T changes; for T → ∞ the gradient tends to that of ½ (z_s − z_t)² / classes
    for logits with zero mean (§2.1).

    Args:
        teacher_logits: float (b, ..., classes).
        student_logits: float (b, ..., classes).
        temperature: T > 0.

    Returns:
        float32 (b, ...), each ≥ 0 up to rounding.
    """
    return temperature**2 * soft_divergence(soften(teacher_logits, temperature), student_logits, temperature)


def bernoulli_loss(teacher_logits, student_logits, temperature: float):
    """T² · KL between the Bernoulli distributions σ(z_t / T) and σ(z_s / T) of each logit, averaged over the logits.

    For binary (one logit) and multi-label (a logit a label) outputs; the mean over logits is on the scale of
    `keras.losses.BinaryCrossentropy`.

    Args:
        teacher_logits: float (b, ..., labels).
        student_logits: float (b, ..., labels).
        temperature: T > 0.

    Returns:
        float32 (b, ...), each ≥ 0 up to rounding.
    """
    teacher = ops.cast(teacher_logits, "float32") / temperature
    student = ops.cast(student_logits, "float32") / temperature
    present = ops.sigmoid(teacher) * (ops.log_sigmoid(teacher) - ops.log_sigmoid(student))
    absent = ops.sigmoid(-teacher) * (ops.log_sigmoid(-teacher) - ops.log_sigmoid(-student))
    return temperature**2 * ops.mean(present + absent, axis=-1)


def soften(teacher_logits, temperature: float):
    """The teacher's half of the divergence: its soft targets (b, ..., c) and their entropy (b, ...), float32."""
    targets = soft_targets(teacher_logits, temperature)
    return targets, _cross_entropy(targets, teacher_logits, temperature)


def mix(weighted) -> tuple:
    """What `soften` would give for several teachers: Σ w · KL(p_i ‖ q) = CE(Σ w p_i, q) − Σ w H(p_i).

    Args:
        weighted: list of (w, (soft targets, entropy)); weights add up to 1.
    """
    if len(weighted) == 1:
        return weighted[0][1]
    return tuple(sum(weight * softened[part] for weight, softened in weighted) for part in (0, 1))


def soft_divergence(softened, student_logits, temperature: float):
    """KL(softmax(z_t / T) ‖ softmax(z_s / T)) of what `soften` gave: float32 (b, ...)."""
    targets, entropy = softened
    return _cross_entropy(targets, student_logits, temperature) - entropy


def _cross_entropy(targets, logits, temperature: float):
    logits = ops.cast(logits, "float32") / temperature
    if len(logits.shape) == 2:
        # The op itself: tf.nn's wrapper adds a dozen shape operations, a tenth of a small network's time.
        return tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=logits, labels=targets).loss
    return tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits)
