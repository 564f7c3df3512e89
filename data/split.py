"""A split: images and labels under one index, and the batches drawn from it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from kdsuite.data.errors import DataError
from kdsuite.data.views import Jitter


@dataclass(frozen=True)
class Split:
    """Aligned images and labels.

    Attributes:
        images: uint8 (n, height, width, channels); anything with `shape`, `dtype` and indexing by an integer array.
        labels: int64 (n,).
        fingerprint: hex digest of the content; equal fingerprints mean the same images, labels and views in the same
            order.
        views: shifts under which its images are shown, or None.
    """

    images: np.ndarray
    labels: np.ndarray
    fingerprint: str
    views: Jitter | None = None

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

    def jittered(self, jitter: Jitter) -> "Split":
        """The same images, each shown under a view drawn anew in each epoch."""
        return replace(self, views=jitter, fingerprint=_digest(self.fingerprint, repr(jitter)))

    def of_classes(self, classes: Sequence[int]) -> "Split":
        """The images of some classes; labels keep their numbers (the transfer sets of Hinton 2015 §3).

        Raises:
            DataError: a class of which there is no image.
        """
        for label in classes:
            if label not in self.labels:
                raise DataError(f"class {label}: expected one of {sorted(set(self.labels.tolist()))}")
        rows = np.flatnonzero(np.isin(self.labels, classes))
        fingerprint = _digest(self.fingerprint, f"classes {sorted(classes)}")
        return replace(self, images=self.images[rows], labels=self.labels[rows], fingerprint=fingerprint)

    @cached_property
    def _image_tensor(self) -> tf.Tensor:
        return tf.constant(self.images)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: int | None = None,
        view: int | None = None,
        teacher=None,
    ):
        """Batches of (images, labels), gathered by index; the last one may be smaller.

        Args:
            batch_size: examples a batch.
            seed: None gives the examples in order. A number shuffles them anew each time the data set is iterated,
                the same way in each process.
            epoch: with a seed, fixes the order, and each image's view, to that epoch's: what a resumed run needs.
            view: shows all images under this view of a jittered split. By default each image has one drawn by the
                seed, or without a seed none.
            teacher: outputs of a teacher on this very split, `distill.teacher_outputs(teacher, split)`. Labels then
                come as {"labels": int64 (b,), "teacher": {name: float32 (b, ...)}}, which a `Distiller` takes; of a
                jittered split, each image has the outputs of the view it is shown under.

        Returns:
            A `tf.data.Dataset`.

        Raises:
            DataError: the batch size is under 1, there is no such view, or the teacher's outputs belong to other data.
        """
        if batch_size < 1:
            raise DataError(f"batch size {batch_size}: expected 1 or more")
        if view is not None and not 0 <= view < (self.views.count if self.views else 0):
            raise DataError(f"view {view}: this split has {self.views.count if self.views else 'none'}")
        labels = tf.constant(self.labels)
        taught = {}
        if teacher is not None:
            if teacher.data_fingerprint != self.fingerprint:
                raise DataError("these teacher outputs were computed on other data: call teacher_outputs on this split")
            taught = {name: tf.constant(array) for name, array in teacher.arrays.items()}
        gather_images = self._image_gatherer()
        default = self.views.unshifted if self.views else 0

        def gather(rows, views):
            images, y = gather_images(rows), tf.gather(labels, rows)
            if self.views:
                images = self.views.apply(images, views)
                places = tf.stack([tf.cast(rows, tf.int64), tf.cast(views, tf.int64)], axis=-1)
                outputs = {name: tf.gather_nd(array, places) for name, array in taught.items()}
            else:
                outputs = {name: tf.gather(array, rows) for name, array in taught.items()}
            return images, {"labels": y, "teacher": outputs} if teacher is not None else y

        draw = self.views.count if self.views and view is None and seed is not None else 0
        rows = _rows(len(self), batch_size, seed, epoch, draw, default if view is None else view)
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


def _rows(
    count: int, batch_size: int, seed: int | None, epoch: int | None, views: int, default_view: int
) -> tf.data.Dataset:
    """(row numbers, view numbers), a batch each, that cover range(count) once; `views` > 0 draws the views."""
    starts = tf.data.Dataset.range(0, count, batch_size)

    def with_default_view(rows):
        return rows, tf.fill(tf.shape(rows), default_view)

    if seed is None:
        return starts.map(lambda start: with_default_view(tf.range(start, tf.minimum(start + batch_size, count))))
    if epoch is None:
        epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    else:
        epochs = tf.data.Dataset.from_tensors(tf.constant(epoch, tf.int64))

    def one_epoch(number):
        order = tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), [seed, number])
        if not views:
            return starts.map(lambda start: with_default_view(order[start : start + batch_size]))
        # By image, not by place in the order: an image's view depends on (seed, epoch, index) alone.
        own_seed = tf.random.experimental.stateless_fold_in(tf.stack([tf.cast(seed, tf.int64), number]), 1)
        drawn = tf.random.stateless_uniform([count], own_seed, maxval=views, dtype=tf.int32)

        def batch(start):
            rows = order[start : start + batch_size]
            return rows, tf.gather(drawn, rows)

        return starts.map(batch)

    steps = -(-count // batch_size)
    return epochs.flat_map(one_epoch).apply(tf.data.experimental.assert_cardinality(steps))


def _digest(fingerprint: str, change: str) -> str:
    return hashlib.sha256(f"{fingerprint} {change}".encode()).hexdigest()
