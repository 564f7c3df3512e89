"""Hints: layers of the student that learn to give what layers of the teacher give."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from kdsuite.distill.attention import attention_loss
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.relational import RKD
from kdsuite.distill.structure import as_functional


def hint_loss(teacher_features, student_features):
    """Mean over positions and channels of the squared difference: float32 (b,) of two (b, ..., channels)."""
    difference = ops.cast(student_features, "float32") - ops.cast(teacher_features, "float32")
    return ops.mean(ops.square(difference), axis=list(range(1, len(difference.shape))))


def cosine_loss(teacher_features, student_features):
    """1 − cosine of the channels at each position, averaged over positions: float32 (b,) of two (b, ..., channels)."""
    teacher = keras.ops.normalize(ops.cast(teacher_features, "float32"), axis=-1)
    student = keras.ops.normalize(ops.cast(student_features, "float32"), axis=-1)
    distance = 1 - ops.sum(teacher * student, -1)
    return ops.mean(distance, axis=list(range(1, len(distance.shape)))) if len(distance.shape) > 1 else distance


HINT_LOSSES = {"mse": hint_loss, "cosine": cosine_loss, "attention": attention_loss, "relational": RKD()}
ANY_WIDTH = ("attention", "relational")


@dataclass(frozen=True)
class Hint:
    """One term β · hint of the loss (Romero et al. 2015, FitNets §2.2).

    Attributes:
        student: name of a layer of the student.
        teacher: name of a layer of the teacher, and of its cached output.
        teacher_channels: size of the last axis of the teacher's output. Where the student's differs, a 1 × 1
            regressor, trained with the student and no part of it, maps one to the other. "attention" and "relational"
            take any two widths and need neither.
        weight: β > 0.
        loss: "mse", "cosine" (Romero et al. with another distance), "attention" (Zagoruyko & Komodakis 2017) or
            "relational" (Park et al. 2019).
        resize: resizes the student's features (b, height, width, channels) to the teacher's height and width,
            bilinearly; otherwise other sizes are refused.
    """

    student: str
    teacher: str
    teacher_channels: int | None = None
    weight: float = 1.0
    loss: str = "mse"
    resize: bool = False

    def compare(self, teacher_features, student_features):
        """The loss of each example, float32 (b,).

        Raises:
            DistillationError: features of other positions, or of other channels than `teacher_channels`.
        """
        given, expected = teacher_features.shape[-1], student_features.shape[-1]
        if self.loss not in ANY_WIDTH and None not in (given, expected) and given != expected:
            raise DistillationError(
                f"hint {self.student!r}: the teacher's {self.teacher!r} has {given} channels, expected "
                f"teacher_channels={given}, not {self.teacher_channels}"
            )
        student_features = self._fitted(teacher_features, student_features)
        return HINT_LOSSES[self.loss](teacher_features, student_features)

    def _fitted(self, teacher_features, student_features):
        """The student's features at the teacher's positions."""
        teacher, student = tuple(teacher_features.shape[1:-1]), tuple(student_features.shape[1:-1])
        same_rank = len(teacher) == len(student)
        same = same_rank and all(a == b for a, b in zip(teacher, student, strict=True) if None not in (a, b))
        if same or self.loss == "relational":
            return student_features
        if self.resize and len(teacher) == len(student) == 2:
            return ops.image.resize(student_features, ops.shape(teacher_features)[1:3])
        raise DistillationError(
            f"hint {self.student!r} has positions {student} and the teacher's {self.teacher!r} {teacher}: expected the "
            "same, choose layers of one size" + (" or pass resize=True" if same_rank and len(teacher) == 2 else "")
        )


def with_features(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """A model of the same layers that gives its output and those of the named layers.

    Raises:
        DistillationError: the model is not functional, or has no such layer.
    """
    model = as_functional(model)
    if not hasattr(model, "_nodes_by_depth"):
        raise DistillationError(f"model {model.name!r} is not functional: features of its layers cannot be read")
    # `layer.output` could belong to another model that shares the layer.
    known = {node.operation.name: node.outputs[0] for nodes in model._nodes_by_depth.values() for node in nodes}
    for name in names:
        if name not in known:
            expected = ", ".join(layer.name for layer in model.layers)
            raise DistillationError(f"no layer {name!r} in {model.name!r}: expected one of {expected}")
    return keras.Model(model.input, [model.output, *(known[name] for name in names)], name=model.name)


def regressors(student: keras.Model, hints: Sequence[Hint]) -> list[keras.Layer]:
    """For each hint a built regressor from the student's channels to the teacher's, or an identity.

    Raises:
        DistillationError: a weight that is not above 0, an unknown loss, or no `teacher_channels` where they count.
    """
    made = []
    for hint in hints:
        _check(hint)
        shape = with_features(student, [hint.student]).outputs[-1].shape
        same = hint.loss in ANY_WIDTH or shape[-1] == hint.teacher_channels
        layer = layers.Identity() if same else layers.Dense(hint.teacher_channels, name=f"regressor_{hint.student}")
        layer.build(shape)
        made.append(layer)
    return made


def _check(hint: Hint) -> None:
    if not hint.weight > 0:
        raise DistillationError(f"hint weight {hint.weight} of {hint.student!r}: expected a number above 0")
    if hint.loss not in HINT_LOSSES:
        raise DistillationError(
            f"hint loss {hint.loss!r} of {hint.student!r}: expected one of {', '.join(HINT_LOSSES)}"
        )
    if hint.loss not in ANY_WIDTH and hint.teacher_channels is None:
        raise DistillationError(f"hint {hint.student!r} with {hint.loss!r}: pass the teacher's number of channels")
