"""A split: images and labels under one index, and the batches drawn from it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from kdsuite.data.drawing import draw_views, row_batches
from kdsuite.data.errors import DataError
from kdsuite.data.gathering import gatherer
from kdsuite.data.store import DiskArray
from kdsuite.data.views import DrawnViews, Views


@dataclass(frozen=True)
class Split:
    """Aligned images and labels.

    Attributes:
        images: uint8 (n, height, width, channels); anything with `shape`, `dtype` and indexing by an integer array.
            Those of a folder are in the order of their classes: `batches(seed=...)` shuffles them.
        labels: int64 (n,).
        fingerprint: hex digest of the content; equal fingerprints mean the same images, labels and views in the same
            order.
        views: the set of views under which its images are shown, or None; `views.count` is the number of views of an
            image that a teacher answers for.
        alternate_flip: whether the flip of an image alternates from epoch to epoch instead of being drawn.
    """

    images: np.ndarray | DiskArray
    labels: np.ndarray
    fingerprint: str
    views: Views | DrawnViews | None = None
    alternate_flip: bool = False

    @classmethod
    def from_arrays(cls, images: np.ndarray, labels: np.ndarray) -> "Split":
        """A split of arrays at hand, fingerprinted by their bytes.

        Raises:
            DataError: `images` are not uint8 of rank 4, `labels` are not as many, or are no whole numbers.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise DataError(f"images are {images.dtype} {images.shape}: expected uint8 (n, height, width, channels)")
        if labels.shape != (len(images),):
            raise DataError(f"labels have shape {labels.shape}: expected ({len(images)},), one an image")
        labels = _whole_numbers(labels)
        digest = hashlib.sha256(str(images.shape).encode())
        digest.update(np.ascontiguousarray(images).data)
        digest.update(labels.data)
        return cls(images, labels, digest.hexdigest())

    def __len__(self) -> int:
        return len(self.labels)

    def with_views(
        self, views: Views, *, drawn: int | None = None, seed: int = 0, alternate_flip: bool = False
    ) -> "Split":
        """The same images, each shown under a view drawn anew in each epoch.

        Args:
            views: the set to draw from.
            drawn: K, 1 to `views.count`: gives each image K views once, by seed and index; epochs then draw among
                these, and a teacher answers for these alone. `views.count` of the new split is K.
            seed: of that first draw.
            alternate_flip: shows an image flipped in every second epoch and not at random; half of its K views are
                flipped (Jordan 2024, arXiv:2404.00498, "Alternating flip").

        Raises:
            DataError: this split has views already, its images are too small for them, K is not from 1 to
                `views.count`, or an alternating flip has nothing to alternate.
        """
        if self.views:
            raise DataError(f"this split is shown under {self.views} already: add views to the split it came from")
        if alternate_flip and not (views.flips and (drawn is None or drawn % 2 == 0)):
            raise DataError(
                f"an alternating flip of {drawn or 'all'} views an image of {views}: expected views that flip, and an "
                "even number of them"
            )
        # Inside tf.data an error would not be one line.
        views.apply(self.images[np.array([0])], np.array([views.identity]))
        if drawn is None:
            fingerprint = _digest(self.fingerprint, repr(views))
            return replace(self, views=views, alternate_flip=alternate_flip, fingerprint=fingerprint)
        if not 1 <= drawn <= views.count:
            raise DataError(f"{drawn} views an image: expected 1 to {views.count}, of {views}")
        numbers = draw_views(views, len(self), drawn, seed, balanced=alternate_flip)
        change = f"{views!r}, {drawn} drawn by {seed}{', half of them flipped' if alternate_flip else ''}"
        return replace(
            self,
            views=DrawnViews(views, numbers),
            alternate_flip=alternate_flip,
            fingerprint=_digest(self.fingerprint, change),
        )

    def of_classes(self, classes: Sequence[int]) -> "Split":
        """The images of some classes; labels keep their numbers (the transfer sets of Hinton 2015 §3).

        Raises:
            DataError: a class of which there is no image.
        """
        for label in classes:
            if label not in self.labels:
                raise DataError(f"class {label}: expected one of {sorted(set(self.labels.tolist()))}")
        rows = np.flatnonzero(np.isin(self.labels, classes))
        views = self.views.of_rows(rows) if isinstance(self.views, DrawnViews) else self.views
        fingerprint = _digest(self.fingerprint, f"classes {sorted(classes)}")
        images = self.images.rows_at(rows) if isinstance(self.images, DiskArray) else self.images[rows]
        return replace(self, images=images, labels=self.labels[rows], views=views, fingerprint=fingerprint)

    @cached_property
    def _gather_images(self):
        return gatherer(self.images)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: int | None = None,
        view: int | None = None,
        teacher=None,
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches of (images, labels), gathered by index; the last one may be smaller.

        Args:
            batch_size: examples a batch.
            seed: None gives the examples in order, for evaluation. A number shuffles them anew each time the data set
                is iterated, the same way in each process that gave `keras.utils.set_random_seed` the same number.
            epoch: with a seed, fixes the order, and each image's view, to that epoch's, whatever the global seed: what
                a resumed run needs, students that are compared, and an alternating flip.
            view: shows all images under this one of their views. By default each image has one drawn by the seed, or
                without a seed is shown as it is.
            teacher: outputs of a teacher on this very split, `distill.teacher_outputs(teacher, split)`. Labels then
                come as {"labels": int64 (b,), "teacher": {name: (b, ...), of the outputs' dtype}}, which a `Distiller`
                takes; of a split with views, each image has the outputs of the view it is shown under. Its `arrays`
                (n, ...), or (n, views, ...), may be left on disk: see `gatherer`.
            drop_remainder: leaves out the last batch where it would be smaller, so that all have a static shape.

        Returns:
            A `tf.data.Dataset`.

        Raises:
            DataError: the batch size is under 1 or, without a remainder, over the number of examples, there is no such
                view, an alternating flip lacks its epoch, or the teacher's outputs belong to other data.
        """
        if batch_size < 1 or (drop_remainder and batch_size > len(self)):
            raise DataError(f"batch size {batch_size}: expected 1 or more" + f", at most {len(self)}" * drop_remainder)
        views = self.views.count if self.views else 0
        if view is not None and not 0 <= view < views:
            raise DataError(f"view {view}: this split has {views or 'none'}")
        draws = bool(views) and view is None and seed is not None
        if draws and self.alternate_flip and epoch is None:
            raise DataError("an alternating flip needs to know which epoch it is: give batches its number, `epoch`")
        is_plain = view is None and not draws
        # Made here, not in `gather`: what is made while a map is traced belongs to its graph.
        gather_images, labels = self._gather_images, tf.constant(self.labels)
        gather_outputs = self._output_gatherers(teacher, is_plain)
        show = _identity if is_plain else self._shower()

        def gather(rows, shown):
            images, y = show(gather_images(rows), rows, shown), tf.gather(labels, rows)
            if teacher is None:
                return images, y
            places = (rows, shown) if views else (rows,)
            outputs = {name: gather_output(*places) for name, gather_output in gather_outputs.items()}
            return images, {"labels": y, "teacher": outputs}

        rows = row_batches(
            len(self),
            batch_size,
            seed=seed,
            epoch=epoch,
            views=views if draws else 0,
            view=view if view is not None else getattr(self.views, "identity", 0),
            alternate=self.alternate_flip,
            drop_remainder=drop_remainder,
        )
        options = tf.data.Options()
        # With autotuning on, the end of an iteration waits for the tuner's sleep, of 5 or 10 seconds by then (TF 2.21).
        options.autotune.enabled = False
        return rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(4).with_options(options)

    def _shower(self):
        """A function from images, their rows and their views' numbers to what is shown."""
        views = self.views
        assert views is not None
        if not isinstance(views, DrawnViews):
            return lambda images, rows, shown: views.apply(images, shown)
        number_of = gatherer(views.numbers)
        return lambda images, rows, shown: views.views.apply(images, number_of(rows, shown))

    def _output_gatherers(self, teacher, is_plain: bool) -> dict:
        if teacher is None:
            return {}
        if teacher.data_fingerprint != self.fingerprint:
            raise DataError("these teacher outputs were computed on other data: call teacher_outputs on this split")
        if is_plain and isinstance(self.views, DrawnViews):
            raise DataError("there are teacher outputs for the drawn views alone: give batches a seed or a view")
        expected = (len(self), self.views.count) if self.views else (len(self),)
        for name, array in teacher.arrays.items():
            if tuple(array.shape[: len(expected)]) != expected:
                raise DataError(
                    f"teacher output {name!r} has shape {tuple(array.shape)}: expected {expected} to begin it"
                )
        return {name: gatherer(array) for name, array in teacher.arrays.items()}


def _whole_numbers(labels: np.ndarray) -> np.ndarray:
    """Labels as int64."""
    if labels.dtype.kind not in "biuf":
        raise DataError(f"labels are {labels.dtype}: expected the number of each image's class")
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    if (wrong := labels[whole != labels]).size:
        raise DataError(f"label {wrong[0]}: expected a whole number, that of the image's class")
    return whole


def _identity(images, rows, shown):
    return images


def _digest(fingerprint: str, change: str) -> str:
    return hashlib.sha256(f"{fingerprint} {change}".encode()).hexdigest()
