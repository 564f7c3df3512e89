"""A teacher's outputs on a data set, row for row: in memory, on disk, or computed when they are drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from kdsuite.distill.checks import check_weights
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.examples import as_examples
from kdsuite.distill.losses import mix, soften
from kdsuite.distill.probabilities import are_probabilities

FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class Rows:
    """An array that is computed row by row when it is indexed.

    Attributes:
        shape: (n, ...), or (n, views, ...) of a jittered split.
        at: function of an index, integers (b,) or a pair of them (rows, views), that gives (b, ...).
        dtype: of what `at` gives.
    """

    shape: tuple[int, ...]
    at: Callable
    dtype: np.dtype = FLOAT32

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
        return self.at(index)


@dataclass(frozen=True)
class TeacherOutputs:
    """Outputs of a teacher on one data set, row for row.

    Attributes:
        arrays: name of the output → float32 (n, ...), or (n, views, ...) of a jittered split; "logits" is the
            teacher's own output, of several ones each has a name from `logits_name`. An array may be a NumPy array or
            anything with `shape`, `dtype` and indexing by an integer array, or a pair of them (rows, views).
        data_fingerprint: the `fingerprint` of the data they belong to.

    Raises:
        DistillationError: logits that are probabilities.
    """

    arrays: dict[str, Any]
    data_fingerprint: str

    def __post_init__(self):
        for name, array in self.arrays.items():
            if name.startswith("logits") and len(array):
                first = np.arange(min(len(array), 256))
                if are_probabilities(array[first]):
                    raise DistillationError(
                        f"the teacher's {name} are probabilities, their rows add up to 1: expected logits, take those "
                        "of distill.to_logits(teacher)"
                    )

    def gather(self, rows, views=None) -> dict[str, np.ndarray]:
        """Outputs of some examples.

        Args:
            rows: integers (b,).
            views: integers (b,), of outputs of a jittered split: the view of each row.

        Returns:
            name → (b, ...).
        """
        index = np.asarray(rows) if views is None else (np.asarray(rows), np.asarray(views))
        return {name: array[index] for name, array in self.arrays.items()}

    def softened(self, temperature: float) -> "TeacherOutputs":
        """Soft targets at T and their entropy instead of logits, for a Distiller of the same temperature.

        Raises:
            DistillationError: they are softened already, at another T.
        """
        arrays = {}
        for name, array in self.arrays.items():
            if " at T = " in name and not name.endswith(f" at T = {temperature:g}"):
                raise DistillationError(
                    f"these outputs are {name}: expected logits, or the same T, for T = {temperature:g}"
                )
            if name.startswith("logits"):
                arrays |= dict(zip(softened_names(temperature, _key(name)), _softened(array, temperature), strict=True))
            else:
                arrays[name] = array
        return TeacherOutputs(arrays, self.data_fingerprint)

    def attach(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Gives each example of a data set its outputs; shuffle and batch afterwards.

        Args:
            dataset: single examples (x, labels), or (x, labels, sample weight), in the order in which the outputs were
                computed.

        Returns:
            Examples (x, {"labels", "teacher"}), with their sample weight if there is one, for a Distiller.

        Raises:
            DistillationError: other examples, another order, batches, or examples without labels.
        """
        examples = as_examples(dataset, batched=False)
        if examples.fingerprint != self.data_fingerprint:
            raise DistillationError(
                f"{len(examples):,} elements are not the examples of these outputs: expected single examples, not "
                "batches, in the order that teacher_outputs saw (shuffle and batch after attach)"
            )
        spec = dataset.element_spec
        if not isinstance(spec, tuple) or len(spec) < 2:
            raise DistillationError(f"examples {spec}: expected (x, labels), as the student learns from labels too")
        look_up = [_look_up(array) for array in self.arrays.values()]

        def join(row, example):
            x, labels, *weight = example
            outputs = dict(zip(self.arrays, [at(row) for at in look_up], strict=True))
            return x, {"labels": labels, "teacher": outputs}, *weight

        return dataset.enumerate().map(join)


def logits_name(key=None) -> str:
    """Name of the logits of a teacher's output; `key` as from `by_key`: None for the only one."""
    return "logits" if key is None else f"logits of output {key}"


def softened_names(temperature: float, key=None) -> tuple[str, str]:
    """Names of the softened outputs; they hold T, so that none is taken for another's."""
    of = "" if key is None else f" of output {key}"
    return f"soft_targets{of} at T = {temperature:g}", f"entropy{of} at T = {temperature:g}"


def mixture(teachers: Sequence[tuple[float, TeacherOutputs]], temperature: float) -> TeacherOutputs:
    """Several teachers as one: a Distiller of this temperature then adds up their divergences with their weights.

    Features for hints are those of the first teacher.

    Args:
        teachers: (weight, outputs on the same split); weights add up to 1.
        temperature: T > 0.

    Raises:
        DistillationError: weights that do not, or outputs on different data.
    """
    check_weights([weight for weight, _ in teachers])
    if len({outputs.data_fingerprint for _, outputs in teachers}) > 1:
        raise DistillationError("these teachers' outputs were computed on different data: expected one split")
    softened = [(weight, outputs.softened(temperature).arrays) for weight, outputs in teachers]
    first = softened[0][1]
    mixed = {name: _mixed([(weight, arrays[name]) for weight, arrays in softened]) for name in first if "at T" in name}
    return TeacherOutputs(first | mixed, teachers[0][1].data_fingerprint)


def _mixed(weighted):
    if all(isinstance(array, np.ndarray) for _, array in weighted):
        # Through `mix`, which a Distiller uses too: equal to the last bit.
        return mix([(weight, (array, array)) for weight, array in weighted])[0]
    shape = weighted[0][1].shape
    return Rows(shape, lambda index: np.asarray(sum(weight * array[index] for weight, array in weighted), np.float32))


def _softened(logits, temperature: float):
    if isinstance(logits, np.ndarray):
        targets, entropy = soften(logits.reshape(-1, logits.shape[-1]), temperature)
        return targets.numpy().reshape(logits.shape), entropy.numpy().reshape(logits.shape[:-1])
    targets = Rows(logits.shape, lambda index: _softened(logits[index], temperature)[0])
    return targets, Rows(logits.shape[:-1], lambda index: _softened(logits[index], temperature)[1])


def _key(name: str):
    """The output's key as text, of a name that `logits_name` gave."""
    return name.removeprefix("logits of output ") if name != "logits" else None


def _look_up(array):
    """A function of a scalar row number, for `tf.data`."""
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        tensor = tf.constant(array)
        return lambda row: tf.gather(tensor, row)

    def from_disk(row):
        value = tf.numpy_function(lambda number: array[np.array([number])][0], [row], tf.as_dtype(array.dtype))
        return tf.ensure_shape(value, array.shape[1:])

    return from_disk
