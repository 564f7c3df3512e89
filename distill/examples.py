"""Splits, NumPy arrays and `tf.data` data sets as one thing: batches in a fixed order, with a fingerprint."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError

SHUFFLED = (
    "the data set gives other examples, or another order, on its second pass: expected a fixed order, shuffle after "
    "the teacher's outputs are attached"
)


def as_examples(examples, input_rank: int | None = None, batched: bool | None = None):
    """Something with `batches(batch_size, ...)`, `fingerprint`, `views` and a length.

    Args:
        examples: a `data.Split`; inputs as a NumPy array (n, ...), a pair (inputs, labels), or a dict of arrays; or a
            `tf.data.Dataset` of inputs or (inputs, labels), of single examples or of batches.
        input_rank: rank of a batch of the model's (first) input; tells batches from single examples.
        batched: says so outright.

    Raises:
        DistillationError: anything else, nothing at all, or a data set of unknown or infinite size.
    """
    known = _known(examples, input_rank, batched)
    if not len(known):
        raise DistillationError("the data has no examples: expected one or more")
    return known


def _known(examples, input_rank: int | None, batched: bool | None):
    """As `as_examples`, of any length."""
    if hasattr(examples, "batches") and hasattr(examples, "fingerprint"):
        return examples
    if isinstance(examples, tf.data.Dataset):
        if examples.cardinality() < 0:
            size = "infinite" if examples.cardinality() == tf.data.INFINITE_CARDINALITY else "unknown"
            raise DistillationError(
                f"the data set's size is {size}: expected a known one, see tf.data.experimental.assert_cardinality"
            )
        if batched is None:
            batched = len(_leaves(_inputs(examples.element_spec))[0].shape) == input_rank
        return DatasetExamples(examples, batched)
    if all(isinstance(leaf, np.ndarray) for leaf in tf.nest.flatten(examples)):
        return ArrayExamples(_inputs(examples))
    raise DistillationError(
        f"data of type {type(examples).__name__}: expected a data.Split, NumPy arrays or a tf.data.Dataset"
    )


@dataclass(frozen=True)
class ArrayExamples:
    """Inputs in memory.

    Attributes:
        inputs: array (n, ...), or a list or dict of them.
    """

    inputs: object
    views = None

    def __len__(self) -> int:
        return len(_leaves(self.inputs)[0])

    @cached_property
    def fingerprint(self) -> str:
        return _Fingerprint.of(inputs for inputs, _ in self.batches(1024))

    def batches(self, batch_size: int, *, seed=None, epoch=None) -> Iterator:
        """(inputs, None) of each batch, in order."""
        for start in range(0, len(self), batch_size):
            yield tf.nest.map_structure(lambda leaf, at=start: leaf[at : at + batch_size], self.inputs), None


@dataclass(frozen=True)
class DatasetExamples:
    """Inputs of a data set; each pass is checked against the first.

    Attributes:
        dataset: of inputs or (inputs, labels).
        batched: whether its elements are batches.
    """

    dataset: tf.data.Dataset
    batched: bool
    views = None

    @cached_property
    def _first_pass(self) -> "_Fingerprint":
        fingerprint = _Fingerprint()
        for inputs in self._inputs(1024):
            fingerprint.add(inputs)
        return fingerprint

    def __len__(self) -> int:
        return self._first_pass.count

    @property
    def fingerprint(self) -> str:
        return self._first_pass.digest()

    def batches(self, batch_size: int, *, seed=None, epoch=None) -> Iterator:
        """(inputs, None) of each batch, in order; batches that the data set makes itself keep their size.

        Raises:
            DistillationError: at the end, if examples or order are not those of the first pass.
        """
        fingerprint = _Fingerprint()
        for inputs in self._inputs(batch_size):
            fingerprint.add(inputs)
            yield inputs, None
        if fingerprint.digest() != self.fingerprint:
            raise DistillationError(SHUFFLED)

    def _inputs(self, batch_size: int) -> Iterator:
        inputs = self.dataset.map(lambda *element: _inputs(element[0] if len(element) == 1 else element))
        return iter(inputs if self.batched else inputs.batch(batch_size))


class _Fingerprint:
    """Digest of inputs in their order, however they are batched."""

    def __init__(self):
        self.count, self.shapes, self.digests = 0, None, None

    def add(self, inputs) -> None:
        leaves = [np.ascontiguousarray(leaf) for leaf in _leaves(inputs)]
        if self.digests is None:
            self.digests = [hashlib.sha256() for _ in leaves]
            self.shapes = [(leaf.dtype.str, leaf.shape[1:]) for leaf in leaves]
        for digest, leaf in zip(self.digests, leaves, strict=True):
            digest.update(_text(leaf) if leaf.dtype == object else leaf.data)
        self.count += len(leaves[0])

    def digest(self) -> str:
        parts = [digest.hexdigest() for digest in self.digests or ()]
        return hashlib.sha256(repr((self.count, self.shapes, parts)).encode()).hexdigest()

    @classmethod
    def of(cls, batches) -> str:
        fingerprint = cls()
        for inputs in batches:
            fingerprint.add(inputs)
        return fingerprint.digest()


def _text(leaf: np.ndarray) -> bytes:
    """What an array of strings holds; its own bytes are addresses."""
    strings = [element if isinstance(element, bytes) else str(element).encode() for element in leaf.ravel()]
    return b"".join(b"%d:%b" % (len(string), string) for string in strings)


def _inputs(element):
    """The inputs of (inputs, labels, …), or of inputs alone."""
    return element[0] if isinstance(element, tuple) else element


def _leaves(inputs) -> list:
    return tf.nest.flatten(inputs)
