"""Hints: layers of the student that learn to give what layers of the teacher give."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from kdsuite.distill.errors import DistillationError


@dataclass(frozen=True)
class Hint:
    """One term β · hint of the loss (Romero et al. 2015, FitNets §2.2).

    Attributes:
        student: name of a layer of the student.
        teacher: name of a layer of the teacher, and of its cached output.
        teacher_channels: size of the last axis of the teacher's output. Where the student's differs, a 1 × 1
            regressor, trained with the student and no part of it, maps one to the other.
        weight: β > 0.
    """

    student: str
    teacher: str
    teacher_channels: int
    weight: float = 1.0


def hint_loss(teacher_features, student_features):
    """Mean over positions and channels of the squared difference: float32 (b,) of two (b, ..., channels)."""
    difference = ops.cast(student_features, "float32") - ops.cast(teacher_features, "float32")
    return ops.mean(ops.square(difference), axis=list(range(1, len(difference.shape))))


def with_features(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """A model of the same layers that gives its output and those of the named layers.

    Raises:
        DistillationError: the model is not functional, or has no such layer.
    """
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "_nodes_by_depth"):
        raise DistillationError(f"model {model.name!r} is not functional: features of its layers cannot be read")
    # `layer.output` could belong to another model that shares the layer.
    known = {node.operation.name: node.outputs[0] for nodes in model._nodes_by_depth.values() for node in nodes}
    for name in names:
        if name not in known:
            expected = ", ".join(layer.name for layer in model.layers)
            raise DistillationError(f"no layer {name!r} in {model.name!r}: expected one of {expected}")
    return keras.Model(model.inputs[0], [model.outputs[0], *(known[name] for name in names)])


def regressors(student: keras.Model, hints: Sequence[Hint]) -> list[keras.Layer]:
    """For each hint a built regressor from the student's channels to the teacher's, or an identity.

    Raises:
        DistillationError: a weight that is not above 0.
    """
    made = []
    for hint in hints:
        if not hint.weight > 0:
            raise DistillationError(f"hint weight {hint.weight} of {hint.student!r}: expected a number above 0")
        shape = with_features(student, [hint.student]).outputs[1].shape
        own = shape[-1] == hint.teacher_channels
        layer = layers.Identity() if own else layers.Dense(hint.teacher_channels, name=f"regressor_{hint.student}")
        layer.build(shape)
        made.append(layer)
    return made
