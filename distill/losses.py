"""The soft half of the distillation loss, as pure functions of logits (Hinton 2015 §2)."""

import keras
import tensorflow as tf
from keras import ops

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.hints import hint_loss


def soft_targets(teacher_logits, temperature: float):
    """softmax(z_t / T), Hinton 2015 Eq. 1.

    Args:
        teacher_logits: float (n, classes).
        temperature: T > 0; 1 gives the teacher's probabilities.

    Returns:
        float32 (n, classes), rows summing to 1.
    """
    # TensorFlow's softmax takes 40 µs on a small batch, four times as long as these two.
    return ops.exp(ops.log_softmax(ops.cast(teacher_logits, "float32") / temperature))


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
    return temperature**2 * soft_divergence(soften(teacher_logits, temperature), student_logits, temperature)


def soften(teacher_logits, temperature: float):
    """The teacher's half of the divergence: its soft targets (n, classes) and their entropy (n,), float32."""
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


def check_weights(weights) -> None:
    """Raises DistillationError unless all weights are above 0 and add up to 1."""
    if not weights or min(weights) <= 0 or abs(sum(weights) - 1) > 1e-6:
        raise DistillationError(f"weights of the teachers {list(weights)}: expected numbers above 0 that add up to 1")


def soft_divergence(softened, student_logits, temperature: float):
    """KL(softmax(z_t / T) ‖ softmax(z_s / T)) of what `soften` gave, one value a row: float32 (n,)."""
    targets, entropy = softened
    return _cross_entropy(targets, student_logits, temperature) - entropy


def _cross_entropy(targets, logits, temperature: float):
    # The op itself: tf.nn's wrapper adds a dozen shape operations, which cost small networks a tenth of their speed.
    logits = ops.cast(logits, "float32") / temperature
    return tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=logits, labels=targets).loss


class WeightedLoss(keras.losses.Loss):
    """(1 − λ) · hard + λ · soft_target_loss + Σ β · hint, one reduction for all (small networks feel every operation).

    Sample weights and `tf.distribute` scaling apply as in any Keras loss.

    Args:
        hard: loss of the student's logits against the labels; its own reduction is the one that counts.
        lambda_: λ in [0, 1].
        temperature: T > 0.
        hint_weights: β of each hint; with any, predictions are (logits, [features]) and targets have "hints".
    """

    def __init__(self, hard: keras.losses.Loss, lambda_: float, temperature: float, hint_weights=()):
        super().__init__(name="weighted_loss", reduction=hard.reduction)
        self.hard, self.lambda_, self.temperature = hard, lambda_, temperature
        self.hint_weights = tuple(hint_weights)

    def call(self, y_true, y_pred):
        if not self.hint_weights:
            return self._of_logits(y_true, y_pred)
        logits, features = y_pred
        total = self._of_logits(y_true, logits)
        for weight, taught, own in zip(self.hint_weights, y_true["hints"], features, strict=True):
            total += weight * hint_loss(taught, own)
        return total

    def _of_logits(self, y_true, logits):
        if self.lambda_ == 0:
            return self.hard.call(y_true["labels"], logits)
        weight = self.lambda_ * self.temperature**2
        soft = weight * soft_divergence(y_true["teacher"], logits, self.temperature)
        if self.lambda_ == 1:
            return soft
        return (1 - self.lambda_) * self.hard.call(y_true["labels"], logits) + soft
