"""Views: the finite set of versions of an image that an augmentation can show.

It is finite, so that a teacher's output on every view can be cached.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

import numpy as np
import tensorflow as tf

from kdsuite.data.errors import DataError


class Views(Protocol):
    """A finite set of versions of an image, numbered from 0; its `repr` tells it from any other set.

    Attributes:
        flips: whether the second half of the views mirrors the first half.
        count: number of views.
        identity: the view that is the image itself.
    """

    flips: ClassVar[bool]

    @property
    def count(self) -> int: ...

    @property
    def identity(self) -> int: ...

    def apply(self, images, views):
        """Shows each image under its view.

        Args:
            images: (b, height, width, channels).
            views: integers (b,), each in range(count).

        Returns:
            Of the shape and type of `images`.
        """
        ...


@dataclass(frozen=True)
class Jitter:
    """Shifts by whole pixels, black beyond the border (Hinton 2015 §3: up to two pixels in any direction).

    View v shifts by `offsets()[v]`.

    Attributes:
        horizontal, vertical: largest shift in pixels, ≥ 0.

    Raises:
        DataError: another shift.
    """

    horizontal: int = 2
    vertical: int = 2
    flips: ClassVar[bool] = False

    def __post_init__(self):
        for pixels in (self.horizontal, self.vertical):
            _check_pixels(pixels)

    @property
    def count(self) -> int:
        """Number of views: 25 for two pixels in both directions."""
        return (2 * self.horizontal + 1) * (2 * self.vertical + 1)

    @property
    def identity(self) -> int:
        return self.count // 2

    def offsets(self) -> list[tuple[int, int]]:
        """(down, right) in pixels, by view."""
        return [
            (down, right)
            for down in range(-self.vertical, self.vertical + 1)
            for right in range(-self.horizontal, self.horizontal + 1)
        ]

    def apply(self, images, views):
        """Shifts each image by its view; see `Views.apply`."""
        return _shift(images, tf.gather(tf.constant(self.offsets()), views), self.vertical, self.horizontal, "black")


@dataclass(frozen=True)
class Flip:
    """The image (view 0) and its mirror image (view 1)."""

    flips: ClassVar[bool] = True

    @property
    def count(self) -> int:
        return 2

    @property
    def identity(self) -> int:
        return 0

    def apply(self, images, views):
        """Mirrors the images of view 1; see `Views.apply`."""
        return ShiftFlip(0).apply(images, views)


@dataclass(frozen=True)
class ShiftFlip:
    """Every shift of up to `pixels` in both directions, of the image and of its mirror image.

    The first half of the views shifts as those of `Jitter(pixels, pixels)`; the second half does the same to the mirror
    image. With two pixels and reflected borders that is the augmentation of airbench94 (Jordan 2024, arXiv:2404.00498).

    Attributes:
        pixels: largest shift, ≥ 0.
        padding: what shows beyond the border: "reflect" mirrors the image at its outermost pixels, "black" is 0.

    Raises:
        DataError: another shift or padding.
    """

    pixels: int = 2
    padding: Literal["reflect", "black"] = "reflect"
    flips: ClassVar[bool] = True

    def __post_init__(self):
        _check_pixels(self.pixels)
        if self.padding not in ("reflect", "black"):
            raise DataError(f"padding {self.padding!r}: expected 'reflect' or 'black'")

    @property
    def shifts(self) -> Jitter:
        """The shifts of either half."""
        return Jitter(self.pixels, self.pixels)

    @property
    def count(self) -> int:
        """Number of views: 50 for two pixels."""
        return 2 * self.shifts.count

    @property
    def identity(self) -> int:
        return self.shifts.identity

    def apply(self, images, views):
        """Mirrors and shifts each image by its view; see `Views.apply`.

        Raises:
            DataError: images too small to be reflected at.
        """
        if self.padding == "reflect" and self.pixels >= min(images.shape[1:3]):
            raise DataError(
                f"images of {images.shape[1]} × {images.shape[2]} pixels cannot be reflected {self.pixels} pixels "
                "wide: expected smaller shifts, or padding='black'"
            )
        count = self.shifts.count
        offsets = tf.gather(tf.constant(self.shifts.offsets()), views % count)
        return _shift(images, offsets, self.pixels, self.pixels, self.padding, mirrored=views >= count)


@dataclass(frozen=True, eq=False)
class DrawnViews:
    """K views of each image of a split, drawn once out of a set of views.

    Attributes:
        views: the set they are drawn from.
        numbers: int32 (n, K), their numbers in it.
    """

    views: Views
    numbers: np.ndarray

    @property
    def count(self) -> int:
        """Views an image."""
        return self.numbers.shape[1]

    def of_rows(self, rows: np.ndarray) -> "DrawnViews":
        """Those of some images of the split."""
        return replace(self, numbers=self.numbers[rows])


def _check_pixels(pixels: int) -> None:
    if not isinstance(pixels, int | np.integer) or pixels < 0:
        raise DataError(f"shift {pixels!r}: expected a whole number of pixels, 0 or more")


def _shift(images, offsets, vertical: int, horizontal: int, padding: str, mirrored=None):
    """Moves each image by its (down, right), after mirroring it where `mirrored` (b,) says so."""
    height, width = images.shape[1:3]
    # Moving the picture down shows the rows above it.
    rows = tf.range(height) - offsets[:, :1]
    columns = tf.range(width) - offsets[:, 1:]
    if mirrored is not None:
        columns = tf.where(mirrored[:, None], width - 1 - columns, columns)
    if padding == "reflect":
        # By indices: `tf.pad` takes several times as long to reflect as the rest together.
        rows, columns = _reflected(rows, height), _reflected(columns, width)
    else:
        images = tf.pad(images, ((0, 0), (vertical,) * 2, (horizontal,) * 2, (0, 0)))
        rows, columns = rows + vertical, columns + horizontal
    return tf.gather(tf.gather(images, rows, batch_dims=1), columns, batch_dims=1, axis=2)


def _reflected(places, size: int):
    """Places beyond the ends of range(size), mirrored at its first and last one."""
    return size - 1 - tf.abs(size - 1 - tf.abs(places))
