"""The end of a classifier: taken off to two or more logits for the work, and put back on the result."""

from dataclasses import dataclass

import keras
import numpy as np

from kdsuite import distill, prune
from kdsuite.compress.augmentation import without_augmentation
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_conversion import in_float32
from kdsuite.distill.probabilities import final_activation


@dataclass(frozen=True)
class Ending:
    """How a model ends.

    Attributes:
        activation: "softmax" or "sigmoid", or None where it ends in logits.
        one_output: whether a single number stands for two classes.
        last: name of the dense layer that gives it, where it is a single one.
    """

    activation: str | None
    one_output: bool
    last: str = ""

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The class that each row of the model's outputs stands for; int64 (n,)."""
        if not self.one_output:
            return outputs.argmax(-1)
        return (outputs[:, 0] > (0.5 if self.activation else 0)).astype(np.int64)

    def put_back(self, student: keras.Model) -> keras.Model:
        """A model whose outputs are of the kind that the teacher gave."""
        if self.one_output:
            kernel, *bias = student.get_layer(self.last).get_weights()
            student = _with_last(student, self.last, 1, [part[..., 1:] - part[..., :1] for part in (kernel, *bias)])
        if self.activation is None:
            return student
        end = keras.layers.Activation(self.activation, dtype="float32", name=f"{self.activation}_end")
        return keras.Model(student.input, end(student.output), name=student.name)


def as_logits(model: keras.Model) -> tuple[keras.Model, Ending]:
    """A flat model of the same weights, in float32, that ends in a logit a class, and how the given one ends.

    It lacks the given one's layers of augmentation: a student would see other images in training than its teacher
    answered for.

    One output z becomes the two logits −z/2 and z/2, whose softmax is the sigmoid of z.

    Raises:
        CompressionError: several outputs, outputs that are no vector, several sigmoids (one a label), or a model in
            another precision that cannot be built again in float32.
        PruneError: a model whose layers cannot be seen.
    """
    flat = without_augmentation(in_float32(prune.flatten(model)))
    if len(flat.outputs) != 1 or len(flat.outputs[0].shape) != 2:
        shapes = [tuple(output.shape) for output in flat.outputs]
        raise CompressionError(f"model {model.name!r} has outputs {shapes}: expected one, (n, classes)")
    found = final_activation(flat)
    activation = None if found is None else found.split()[0]
    one_output = flat.outputs[0].shape[-1] == 1
    if activation == "sigmoid" and not one_output:
        raise CompressionError(
            f"model {model.name!r} ends in several sigmoids, one a label: expected classes that exclude one another"
        )
    if activation is not None:
        flat = prune.flatten(distill.to_logits(flat))
    if not one_output:
        return flat, Ending(activation, False)
    last = flat.outputs[0]._keras_history.operation
    if not isinstance(last, keras.layers.Dense):
        raise CompressionError(f"model {model.name!r} gives one number by {last.name!r}: expected a dense layer")
    halves = [np.concatenate([-part / 2, part / 2], -1) for part in last.get_weights()]
    return _with_last(flat, last.name, 2, halves), Ending(activation, True, last.name)


def _with_last(model: keras.Model, name: str, units: int, weights: list[np.ndarray]) -> keras.Model:
    """The model with another number of outputs, and these weights for them."""
    config = model.get_layer(name).get_config() | {"units": units}
    edited = prune.replace_layer(model, name, keras.layers.Dense.from_config(config))
    edited.get_layer(name).set_weights(weights)
    return edited
