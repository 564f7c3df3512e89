"""Views: the finite set of versions of an image that an augmentation can show."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Jitter:
    """Shifts by whole pixels, black beyond the border (Hinton 2015 §3: up to two pixels in any direction).

    View v shifts by `offsets()[v]`; the set is finite, so that a teacher's output on every view can be cached.

    Attributes:
        horizontal, vertical: largest shift in pixels, ≥ 0.
    """

    horizontal: int = 2
    vertical: int = 2

    @property
    def count(self) -> int:
        """Number of views: 25 for two pixels in both directions."""
        return (2 * self.horizontal + 1) * (2 * self.vertical + 1)

    @property
    def unshifted(self) -> int:
        """The view that is the image itself."""
        return self.count // 2

    def offsets(self) -> list[tuple[int, int]]:
        """(down, right) in pixels, by view."""
        return [
            (down, right)
            for down in range(-self.vertical, self.vertical + 1)
            for right in range(-self.horizontal, self.horizontal + 1)
        ]

    def apply(self, images, views):
        """Shifts each image by its view.

        Args:
            images: (b, height, width, channels).
            views: integers (b,), each in range(count).

        Returns:
            Of the shape and type of `images`.
        """
        height, width = images.shape[1:3]
        padded = tf.pad(images, ((0, 0), (self.vertical,) * 2, (self.horizontal,) * 2, (0, 0)))
        offsets = tf.gather(tf.constant(self.offsets()), views)
        # Moving the picture down shows the rows above it.
        rows = self.vertical - offsets[:, :1] + tf.range(height)
        columns = self.horizontal - offsets[:, 1:] + tf.range(width)
        return tf.gather(tf.gather(padded, rows, batch_dims=1), columns, batch_dims=1, axis=2)
