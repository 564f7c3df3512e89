"""What the teacher says about a batch: from the batch itself, or from live teachers."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from kdsuite.distill.checks import check_same_outputs
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.hints import Hint
from kdsuite.distill.outputs import logits_name, softened_names
from kdsuite.distill.soft_losses import SoftTerm
from kdsuite.distill.structure import by_key


def split_targets(y):
    """(labels, teacher's outputs or None) of a batch's targets, as `Split.batches` draws them."""
    if isinstance(y, dict) and "labels" in y and set(y) <= {"labels", "teacher"}:
        return y["labels"], y.get("teacher")
    return y, None


@dataclass(frozen=True)
class Cached:
    """Outputs that came with the batch.

    Attributes:
        arrays: name → (b, ...).
    """

    arrays: dict

    def signal(self, term: SoftTerm, key, student_shape):
        """What a soft loss compares an output with.

        Raises:
            DistillationError: the batch lacks it, or it does not fit the student's output.
        """
        names = softened_names(term.temperature, key)
        if term.takes_soft_targets and names[0] in self.arrays:
            check_same_outputs(self.arrays[names[0]].shape, student_shape)
            return tuple(self.arrays[name] for name in names)
        name = logits_name(key)
        if name not in self.arrays:
            wanted = f"soft targets at T = {term.temperature:g}" if term.takes_soft_targets else "not softened ones"
            raise DistillationError(f"the batch has {', '.join(self.arrays)}: expected {name} or {wanted}")
        check_same_outputs(self.arrays[name].shape, student_shape)
        return term.signal([(1.0, self.arrays[name])])

    def feature(self, number: int, hint: Hint):
        """The teacher's side of a hint."""
        if hint.teacher not in self.arrays:
            raise DistillationError(
                f"the batch has {', '.join(self.arrays)}: a hint expects {hint.teacher!r} of the teacher"
            )
        return self.arrays[hint.teacher]


@dataclass(frozen=True)
class Live:
    """Outputs of live teachers, in inference mode and without gradient.

    Attributes:
        outputs: (weight, outputs by key) of each teacher.
        features: of the hints, in their order.
    """

    outputs: list
    features: list

    @classmethod
    def ask(cls, teachers: Sequence[tuple[float, keras.Model]], x, with_features: bool) -> "Live":
        """Runs the teachers on a batch; those with features give (outputs, *features)."""
        outputs, features = [], []
        for weight, model in teachers:
            given = tf.nest.map_structure(tf.stop_gradient, model(x, training=False))
            if with_features:
                given, *features = given
            outputs.append((weight, by_key(given)))
        return cls(outputs, features)

    def signal(self, term: SoftTerm, key, student_shape):
        """As `Cached.signal`."""
        for _, outputs in self.outputs:
            if key not in outputs:
                raise DistillationError(f"the teacher has outputs {list(outputs)}: expected {key!r} like the student")
            check_same_outputs(outputs[key].shape, student_shape)
        return term.signal([(weight, outputs[key]) for weight, outputs in self.outputs])

    def feature(self, number: int, hint: Hint):
        """As `Cached.feature`."""
        return self.features[number]
