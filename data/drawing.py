"""Which row comes when, and under which view: functions of seed, epoch and image index alone."""

import numpy as np
import tensorflow as tf

from kdsuite.data.views import Views

CHUNK_ROWS = 1 << 16
# TensorFlow's type stubs lack this module.
STATELESS = tf.random.experimental  # pyright: ignore[reportAttributeAccessIssue]


def draw_views(views: Views, rows: int, per_image: int, seed: int, balanced: bool) -> np.ndarray:
    """K different views of each image, uniformly and once.

    An image's views depend on the seed and its index alone, and those of a smaller K are among those of a larger one.

    Args:
        views: the set to draw from.
        rows: number of images.
        per_image: K, at most `views.count`.
        seed: of the draw.
        balanced: draws K / 2 views of the first half of the set, then K / 2 of the second.

    Returns:
        int32 (rows, K), numbers of views.
    """
    random = np.random.default_rng(seed)
    halves = 2 if balanced else 1
    size, per_half = views.count // halves, per_image // halves
    drawn = np.empty((rows, halves, per_half), np.int32)
    for start in range(0, rows, CHUNK_ROWS):
        ranks = random.random((min(CHUNK_ROWS, rows - start), halves, size)).argsort(axis=-1)
        drawn[start : start + CHUNK_ROWS] = ranks[..., :per_half] + size * np.arange(halves)[:, None]
    return drawn.reshape(rows, per_image)


def row_batches(
    count: int,
    batch_size: int,
    *,
    seed: int | None,
    epoch: int | None,
    views: int,
    view: int,
    alternate: bool,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """(row numbers, view numbers), a batch each, that cover range(count) once.

    Args:
        count: number of rows.
        batch_size: rows a batch.
        seed: of the order and of the views; None keeps the rows in order.
        epoch: fixes order and views to that epoch's; None draws a new epoch at each iteration.
        views: draws each row's view anew from range(views); 0 gives all of them `view`.
        alternate: takes the view from the first half of range(views) in one epoch and from the second in the next; a
            hash of the seed and the row says where it begins (Jordan 2024, arXiv:2404.00498, "Alternating flip").
        drop_remainder: leaves out the rows that do not fill a batch.
    """
    stop = count - batch_size + 1 if drop_remainder else count
    starts = tf.data.Dataset.range(0, stop, batch_size)
    shape = (batch_size if drop_remainder else None,)

    def with_view(rows):
        return tf.ensure_shape(rows, shape), tf.fill(tf.shape(rows), view)

    if seed is None:
        return starts.map(lambda start: with_view(tf.range(start, tf.minimum(start + batch_size, count))))
    if epoch is None:
        epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    else:
        epochs = tf.data.Dataset.from_tensors(tf.constant(epoch, tf.int64))

    def one_epoch(number):
        order = STATELESS.stateless_shuffle(tf.range(count, dtype=tf.int64), [seed, number])
        if not views:
            return starts.map(lambda start: with_view(order[start : start + batch_size]))
        # By image, not by place in the order: an image's view depends on (seed, epoch, index) alone.
        own_seed = STATELESS.stateless_fold_in(tf.stack([tf.cast(seed, tf.int64), number]), 1)
        if alternate:
            first = tf.random.stateless_uniform([count], (seed, 2), maxval=2, dtype=tf.int32)
            half = (first + tf.cast(number % 2, tf.int32)) % 2
            drawn = tf.random.stateless_uniform([count], own_seed, maxval=views // 2, dtype=tf.int32)
            drawn += half * (views // 2)
        else:
            drawn = tf.random.stateless_uniform([count], own_seed, maxval=views, dtype=tf.int32)

        def batch(start):
            rows = tf.ensure_shape(order[start : start + batch_size], shape)
            return rows, tf.gather(drawn, rows)

        return starts.map(batch)

    steps = len(range(0, stop, batch_size))
    return epochs.flat_map(one_epoch).apply(tf.data.experimental.assert_cardinality(steps))
