"""A split: images and labels under one index, and the batches drawn from it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from data.errors import DataError


@dataclass(frozen=True)
class Split:
    """Aligned images and labels.

    Attributes:
        images: uint8 (n, height, width, channels); anything with `shape`, `dtype` and indexing by an integer array.
        labels: int64 (n,).
        fingerprint: hex digest of the content; equal fingerprints mean the same images and labels in the same order.
    """

    images: np.ndarray
    labels: np.ndarray
    fingerprint: str

    @classmethod
    def from_arrays(cls, images: np.ndarray, labels: np.ndarray) -> "Split":
        """A split of arrays at hand, fingerprinted by their bytes.

        Raises:
            DataError: `images` are not uint8 of rank 4, or `labels` are not as many.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise DataError(f"images are {images.dtype} {images.shape}: expected uint8 (n, height, width, channels)")
        if labels.shape != (len(images),):
            raise DataError(f"labels have shape {labels.shape}: expected ({len(images)},), one an image")
        labels = labels.astype(np.int64)
        digest = hashlib.sha256(str(images.shape).encode())
        digest.update(np.ascontiguousarray(images).data)
        digest.update(labels.data)
        return cls(images, labels, digest.hexdigest())

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def _image_tensor(self) -> tf.Tensor:
        return tf.constant(self.images)

    def batches(self, batch_size: int, *, seed: int | None = None, epoch: int | None = None, teacher=None):
        """Batches of (images, labels), gathered by index; the last one may be smaller.

        Args:
            batch_size: examples a batch.
            seed: None gives the examples in order. A number shuffles them anew each time the data set is iterated,
                the same way in each process.
            epoch: with a seed, fixes the order to that epoch's: what a resumed run needs.
            teacher: outputs of a teacher on this very split, `distill.teacher_outputs(teacher, split)`. Labels then
                come as {"labels": int64 (b,), "teacher": {name: float32 (b, ...)}}, which a `Distiller` takes.

        Returns:
            A `tf.data.Dataset`.

        Raises:
            DataError: the batch size is under 1, or the teacher's outputs belong to other data.
        """
        if batch_size < 1:
            raise DataError(f"batch size {batch_size}: expected 1 or more")
        targets = {"labels": tf.constant(self.labels)}
        if teacher is not None:
            if teacher.data_fingerprint != self.fingerprint:
                raise DataError("these teacher outputs were computed on other data: call teacher_outputs on this split")
            targets["teacher"] = {name: tf.constant(array) for name, array in teacher.arrays.items()}

        gather_images = self._image_gatherer()

        def gather(rows):
            y = tf.nest.map_structure(lambda array: tf.gather(array, rows), targets)
            return gather_images(rows), y if teacher is not None else y["labels"]

        rows = _rows(len(self), batch_size, seed, epoch)
        options = tf.data.Options()
        # With autotuning on, the end of an iteration waits for the tuner's sleep, of 5 or 10 seconds by then (TF 2.21).
        options.autotune.enabled = False
        return rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(4).with_options(options)

    def _image_gatherer(self):
        if isinstance(self.images, np.ndarray):
            images = self._image_tensor
            return lambda rows: tf.gather(images, rows)

        def from_disk(rows):
            images = tf.numpy_function(self.images.__getitem__, [rows], tf.uint8, stateful=False)
            return tf.ensure_shape(images, (None, *self.images.shape[1:]))

        return from_disk


def _rows(count: int, batch_size: int, seed: int | None, epoch: int | None) -> tf.data.Dataset:
    """Vectors of row numbers, a batch each, that cover range(count) once."""
    starts = tf.data.Dataset.range(0, count, batch_size)
    if seed is None:
        return starts.map(lambda start: tf.range(start, tf.minimum(start + batch_size, count)))
    if epoch is None:
        epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    else:
        epochs = tf.data.Dataset.from_tensors(tf.constant(epoch, tf.int64))

    def one_epoch(number):
        order = tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), [seed, number])
        return starts.map(lambda start: order[start : start + batch_size])

    steps = -(-count // batch_size)
    return epochs.flat_map(one_epoch).apply(tf.data.experimental.assert_cardinality(steps))
