"""The soft half of the distillation loss, as pure functions of logits (Hinton 2015 §2)."""

import keras
import tensorflow as tf
from keras import ops


def soft_targets(teacher_logits, temperature: float):
    """softmax(z_t / T), Hinton 2015 Eq. 1.

    Args:
        teacher_logits: float (n, classes).
        temperature: T > 0; 1 gives the teacher's probabilities.

    Returns:
        float32 (n, classes), rows summing to 1.
    """
    return ops.softmax(ops.cast(teacher_logits, "float32") / temperature)


def soft_cross_entropy(teacher_logits, student_logits, temperature: float):
    """Cross-entropy of softmax(z_s / T) under softmax(z_t / T), one value a row: float32 (n,)."""
    student_logits = ops.cast(student_logits, "float32") / temperature
    return tf.nn.softmax_cross_entropy_with_logits(soft_targets(teacher_logits, temperature), student_logits)


def soft_target_loss(teacher_logits, student_logits, temperature: float):
    """T² · KL(softmax(z_t / T) ‖ softmax(z_s / T)), summed over classes (Hinton 2015 §2).

    T² keeps the size of the gradient when T changes; for T → ∞ the gradient tends to that of ½ (z_s − z_t)² / classes
    for logits with zero mean (§2.1).

    Args:
        teacher_logits: float (n, classes).
        student_logits: float (n, classes).
        temperature: T > 0.

    Returns:
        float32 (n,), each ≥ 0 up to rounding.
    """
    # The teacher's entropy has no gradient; as the fused op's value at z_s = z_t it costs one op.
    entropy = soft_cross_entropy(teacher_logits, teacher_logits, temperature)
    return temperature**2 * (soft_cross_entropy(teacher_logits, student_logits, temperature) - entropy)


class SoftTargetLoss(keras.losses.Loss):
    """`soft_target_loss` with Keras' reduction, so that sample weights and `tf.distribute` scaling apply."""

    def __init__(self, temperature: float):
        super().__init__(name="soft_target_loss")
        self.temperature = temperature

    def call(self, y_true, y_pred):
        return soft_target_loss(y_true, y_pred, self.temperature)
