"""The terms of the training loss: labels, soft targets of each output, hints."""

import keras
import tensorflow as tf
from keras import ops

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.soft_losses import (
    PROBABILISTIC,
    SIGMOID,
    SOFTMAX,
    SoftTerm,
    check_kind,
    named_soft_loss,
    soft_loss_of,
)
from kdsuite.distill.structure import by_key, for_outputs, known_outputs

LOSS_PARTS = ("hard_loss", "soft_loss", "hint_loss")


class Objective:
    """Losses of a Distiller's outputs, and their weighted sum.

    Args:
        distiller: gives λ, T, hints, soft losses and the student.
        loss: of `compile`.
        loss_weights: of `compile`.

    Raises:
        DistillationError: a loss that expects probabilities or has no soft loss.
    """

    def __init__(self, distiller, loss, loss_weights):
        self.distiller, self.loss_weights = distiller, loss_weights
        self.outputs = known_outputs(distiller.student)
        if loss is None:
            if self.outputs is not None and len(self.outputs) > 1:
                raise DistillationError(
                    f"the student has the outputs {list(self.outputs)}: expected a loss for each, compile(loss={{...}})"
                )
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.hard = _from_logits(loss)
        lambda_, hints = distiller.lambda_, distiller.hints
        are_there = (lambda_ < 1, lambda_ > 0, bool(hints))
        self.parts = [name for name, is_there in zip(LOSS_PARTS, are_there, strict=True) if is_there]
        self._soft = None
        if self.outputs is not None:
            self._build(self.outputs)

    def _build(self, outputs: dict) -> None:
        """Pairs each output with its losses; once the outputs are known."""
        names = self.distiller.output_names
        self.hard_by_output = for_outputs(self.hard, outputs, names, "loss")
        self._weights = for_outputs(
            1.0 if self.loss_weights is None else self.loss_weights, outputs, names, "loss_weights"
        )
        self._soft = []
        if self.distiller.lambda_ == 0:
            return
        given = for_outputs(self.distiller.soft_loss, outputs, names, "soft_loss")
        for (key, output), soft, hard in zip(outputs.items(), given, self.hard_by_output, strict=True):
            soft = soft_loss_of(hard) if soft is None else named_soft_loss(soft)
            check_kind(soft, hard, output.shape)
            term = SoftTerm(soft, self.distiller.temperature, hard.reduction)
            if term.needs_labels and self.distiller.lambda_ == 1:
                raise DistillationError(
                    f"{soft!r} needs labels and lambda is 1, which never sees one: expected a lambda below 1"
                )
            self._soft.append((key, term))

    def hard_losses(self) -> dict:
        """The loss against labels by output, as far as the outputs are known: by position otherwise."""
        if self.outputs is not None:
            return dict(zip(self.outputs, self.hard_by_output, strict=True))
        return dict(enumerate(tf.nest.flatten(self.hard)))

    def loss(self, signal, labels, outputs, features, sample_weight) -> tuple:
        """The loss over the batch, and its parts in the order of `parts`, all scalars.

        Args:
            signal: `Cached` or `Live`.
            labels: as they come with the batch; not looked at where λ = 1.
            outputs: the student's.
            features: of the student's hints, regressed.
            sample_weight: of examples or positions, or None.
        """
        if self._soft is None:
            self._build(by_key(outputs))
        if self._can_be_reduced_at_once(outputs, features, sample_weight):
            return self._reduced_at_once(signal, labels, by_key(outputs)[None])
        lambda_ = self.distiller.lambda_
        terms = []
        if lambda_ < 1:
            terms.append((1 - lambda_, self.distiller._compile_loss(labels, outputs, sample_weight)))
        if lambda_:
            terms.append((lambda_, self._soft_loss(signal, labels, by_key(outputs), sample_weight)))
        if features:
            terms.append((1.0, self._hint_loss(signal, features, sample_weight)))
        return weighted_sum(terms), [value for _, value in terms]

    def _can_be_reduced_at_once(self, outputs, features, sample_weight) -> bool:
        """Whether the batch has nothing but one loss of labels and one soft loss an example to average."""
        outputs = by_key(outputs)
        hard = self.hard_by_output[0]
        return (
            list(outputs) == [None]
            and 0 < self.distiller.lambda_ < 1
            and not features
            and sample_weight is None
            and self._weights == [1.0]
            # What these `call` gives is (b,) here; a loss of the caller's may give anything that Keras averages.
            and type(hard) in (*SOFTMAX, *SIGMOID)
            and hard.reduction == "sum_over_batch_size"
            and hard.get_config().get("ignore_class") is None
            and len(outputs[None].shape) == 2
            and outputs[None].dtype == hard.dtype
            and getattr(outputs[None], "_keras_mask", None) is None
            and tf.distribute.get_strategy().num_replicas_in_sync == 1
        )

    def _reduced_at_once(self, signal, labels, logits) -> tuple:
        """As `loss`, with one reduction for both terms, and no gradient of those that only logs show.

        Operations as small as these are a twentieth of a small network's step.
        """
        assert self._soft is not None, "only reached with a soft loss"
        lambda_, ((key, term),) = self.distiller.lambda_, self._soft
        targets = {"signal": signal.signal(term, key, logits.shape), "labels": labels}
        hard, soft = self.hard_by_output[0].call(labels, logits), term.call(targets, logits)
        share = 1 / tf.cast(tf.shape(logits)[0], tf.float32)
        total = tf.reduce_sum((1 - lambda_) * hard + lambda_ * soft) * share
        return total, [tf.reduce_sum(hard) * share, tf.reduce_sum(soft) * share]

    def _soft_loss(self, signal, labels, outputs: dict, sample_weight):
        assert self._soft is not None
        needed = any(term.needs_labels for _, term in self._soft)
        names = self.distiller.output_names
        labels = for_outputs(labels if needed else None, outputs, names, "labels")
        sample_weights = for_outputs(sample_weight, outputs, names, "sample_weight")
        terms = []
        for (key, term), weight, y, of_sample in zip(self._soft, self._weights, labels, sample_weights, strict=True):
            targets = {"signal": signal.signal(term, key, outputs[key].shape)}
            if term.needs_labels:
                targets["labels"] = y
            terms.append((weight, term(targets, outputs[key], of_sample)))
        return weighted_sum(terms)

    def _hint_loss(self, signal, features, sample_weight):
        if isinstance(sample_weight, dict | list | tuple):
            raise DistillationError("sample weights by output beside hints: expected one weight an example")
        if sample_weight is not None and len(sample_weight.shape) > 1:
            sample_weight = ops.mean(sample_weight, axis=list(range(1, len(sample_weight.shape))))
        hints = self.distiller.hints
        teacher = [signal.feature(number, hint) for number, hint in enumerate(hints)]
        return _HintTerm(hints, self._reduction())(teacher, features, sample_weight)

    def _reduction(self) -> str:
        return self.hard_by_output[0].reduction

    def by_example(self, sample_weight, outputs=None):
        """Sample weights (b,) as (b, 1, …), which spread over the positions of a dense output."""
        outputs = list((self.outputs or {} if outputs is None else by_key(outputs)).values())
        if len(outputs) != 1 or sample_weight is None or isinstance(sample_weight, dict | list | tuple):
            return sample_weight
        positions = len(outputs[0].shape) - 2
        if positions < 1 or len(sample_weight.shape) != 1:
            return sample_weight
        return ops.reshape(sample_weight, (-1, *[1] * positions))


def weighted_sum(terms):
    """Σ weight · value, without an operation for a weight of 1: small networks feel every one."""
    values = [value if weight == 1 else weight * value for weight, value in terms]
    return sum(values[1:], values[0])


class _HintTerm(keras.losses.Loss):
    """Σ β · hint as a Keras loss: sample weights, reduction and `tf.distribute` as for the other terms."""

    def __init__(self, hints, reduction: str):
        super().__init__(name="hint_loss", reduction=reduction)
        self.hints = hints

    def call(self, y_true, y_pred):
        parts = [
            hint.weight * hint.compare(teacher, student)
            for hint, teacher, student in zip(self.hints, y_true, y_pred, strict=True)
        ]
        return sum(parts[1:], parts[0])


def _from_logits(loss):
    """Losses as instances, each from logits.

    Raises:
        DistillationError: one that expects probabilities, or is no instance.
    """
    if isinstance(loss, dict):
        return {name: _from_logits(one) for name, one in loss.items()}
    if isinstance(loss, list | tuple):
        return [_from_logits(one) for one in loss]
    resolved = keras.losses.get(loss)
    is_loss = isinstance(resolved, keras.losses.Loss) and not isinstance(resolved, PROBABILISTIC)
    if not is_loss or resolved.get_config().get("from_logits") is False:
        raise DistillationError(f"loss {loss!r}: expected a keras.losses.Loss instance with from_logits=True")
    return resolved
