"""The training loss and its parts in the logs, at the cost of one variable."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf
from keras import ops


class LossParts(keras.metrics.Metric):
    """Means over examples of the loss and of named parts of it; takes the place of Keras' tracker of the loss.

    All sums live in one vector, so that a step updates one variable where Keras' mean of the loss alone updates two.

    Args:
        parts: names of the parts, in the logs beside "loss".
    """

    def __init__(self, parts: Sequence[str]):
        super().__init__(name="loss")
        self.parts = tuple(parts)
        self._shows_parts = True
        self.sums = self.add_variable((len(self.parts) + 2,), "zeros", name="sums")

    def update_state(self, values, sample_weight=None):
        """Adds the loss of a batch, as Keras does in evaluation: a scalar, and the number of examples."""
        self.update_parts([values, *[tf.zeros(())] * len(self.parts)], sample_weight)

    def update_parts(self, means, count) -> None:
        """Adds a batch.

        Args:
            means: loss and parts, scalars, each a mean over the batch.
            count: number of examples.
        """
        count = tf.cast(count, tf.float32)
        self.sums.assign_add(tf.stack([*means, tf.ones(())]) * count)

    def result(self):
        means = ops.divide_no_nan(self.sums[:-1], self.sums[-1])
        if not self._shows_parts:
            return means[0]
        return dict(zip(("loss", *self.parts), tf.unstack(means), strict=True))

    @contextmanager
    def loss_only(self) -> Iterator[None]:
        """Leaves the parts, which only training has, out of the results."""
        self._shows_parts = False
        try:
            yield
        finally:
            self._shows_parts = True
