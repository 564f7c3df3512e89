"""Which soft loss goes with an output: said by the caller or by the compiled loss, never guessed from shapes."""

from collections.abc import Callable

import keras

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.losses import bernoulli_loss, mix, soft_divergence, soft_target_loss, soften

NAMED = {"softmax": soft_target_loss, "sigmoid": bernoulli_loss}
SOFTMAX = (
    keras.losses.SparseCategoricalCrossentropy,
    keras.losses.CategoricalCrossentropy,
    keras.losses.CategoricalFocalCrossentropy,
)
SIGMOID = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
# They have no `from_logits`.
PROBABILISTIC = (
    keras.losses.KLDivergence,
    keras.losses.Poisson,
    keras.losses.Dice,
    keras.losses.Tversky,
    keras.losses.CategoricalGeneralizedCrossEntropy,
)
REGRESSION = (
    keras.losses.MeanSquaredError,
    keras.losses.MeanAbsoluteError,
    keras.losses.MeanAbsolutePercentageError,
    keras.losses.MeanSquaredLogarithmicError,
    keras.losses.Huber,
    keras.losses.LogCosh,
    keras.losses.CosineSimilarity,
)


def named_soft_loss(soft_loss) -> Callable:
    """The function that a `soft_loss` argument stands for.

    Raises:
        DistillationError: neither a known name nor callable.
    """
    if callable(soft_loss):
        return soft_loss
    if not isinstance(soft_loss, str) or soft_loss not in NAMED:
        raise DistillationError(
            f"soft_loss {soft_loss!r}: expected 'softmax', 'sigmoid', or a loss such as distill.DKD() or "
            "distill.bernoulli_loss"
        )
    return NAMED[soft_loss]


def soft_loss_of(hard: keras.losses.Loss) -> Callable:
    """The soft loss that goes with a loss of labels: cross-entropies have one, others need the caller's word.

    Raises:
        DistillationError: a loss of regression, or one that this package does not know.
    """
    if isinstance(hard, SOFTMAX):
        return soft_target_loss
    if isinstance(hard, SIGMOID):
        return bernoulli_loss
    if isinstance(hard, REGRESSION):
        raise DistillationError(
            f"loss {hard.name!r} is one of regression, which has no soft targets: train on a teacher's features with "
            "FeatureDistiller or Hint, or pass soft_loss="
        )
    raise DistillationError(
        f"loss {hard.name!r} does not say whether logits are of classes or of labels: pass soft_loss='softmax' or "
        "'sigmoid'"
    )


def check_kind(soft_loss: Callable, hard: keras.losses.Loss, shape) -> None:
    """Refuses a soft loss that contradicts the loss of the labels, or that one output cannot have.

    Args:
        soft_loss: of an output.
        hard: loss of the same output against labels.
        shape: of the output, (None, ..., c), or None where it is not known yet.

    Raises:
        DistillationError: softmax over one output, or a softmax loss beside a sigmoid one and the reverse.
    """
    over_classes = soft_loss is not bernoulli_loss
    if over_classes and shape is not None and shape[-1] == 1:
        raise DistillationError(
            "the student has one logit, whose softmax is always 1: expected a loss of binary outputs, compile with "
            "keras.losses.BinaryCrossentropy(from_logits=True) or pass soft_loss='sigmoid'"
        )
    clash = soft_loss is soft_target_loss and isinstance(hard, SIGMOID)
    if clash or (soft_loss is bernoulli_loss and isinstance(hard, SOFTMAX)):
        name = "softmax" if over_classes else "sigmoid"
        raise DistillationError(f"soft_loss {name!r} beside the loss {hard.name!r}: expected both of one kind")


class SoftTerm(keras.losses.Loss):
    """A soft loss as a Keras loss: masks, sample weights, reduction and `tf.distribute` as for the loss of the labels.

    What the teachers give is prepared by `signal`: for the divergence of softmax outputs their soft targets and
    entropy, mixed; for other losses their logits.

    Args:
        soft_loss: the function.
        temperature: T > 0.
        reduction: that of the labels' loss.
    """

    def __init__(self, soft_loss: Callable, temperature: float, reduction: str):
        super().__init__(name="soft_loss", reduction=reduction)
        self.soft_loss, self.temperature = soft_loss, temperature
        self.needs_labels = getattr(soft_loss, "needs_labels", False)
        self.takes_soft_targets = soft_loss is soft_target_loss

    def signal(self, weighted):
        """What `call` compares with, from [(weight, logits)] of the teachers."""
        if self.takes_soft_targets:
            return mix([(weight, soften(logits, self.temperature)) for weight, logits in weighted])
        return weighted

    def call(self, y_true, y_pred):
        if self.takes_soft_targets:
            return self.temperature**2 * soft_divergence(y_true["signal"], y_pred, self.temperature)
        labels = (y_true["labels"],) if self.needs_labels else ()
        parts = [
            weight * self.soft_loss(logits, y_pred, self.temperature, *labels) for weight, logits in y_true["signal"]
        ]
        return sum(parts[1:], parts[0])
