"""Several teachers of whom some are dropped at random in each batch (Son et al. 2021, DGKD §3.3)."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.teacher import TeacherOutputs, softened_names

TARGETS, ENTROPIES = "soft targets of guides", "entropies of guides"


def guides(outputs: Sequence[TeacherOutputs], temperature: float) -> TeacherOutputs:
    """Softened outputs of several teachers side by side, for batches that go through `drop_guides`.

    Args:
        outputs: of each guide on the same split.
        temperature: T > 0.

    Returns:
        Soft targets (n, guides, classes) and entropies (n, guides), float32.

    Raises:
        DistillationError: no guide, or outputs on different data.
    """
    if len({own.data_fingerprint for own in outputs}) != 1:
        raise DistillationError(f"{len(outputs)} guides: expected one or more, with outputs on one split")
    names = softened_names(temperature)
    softened = [own.softened(temperature).arrays for own in outputs]
    stacked = [np.stack([arrays[name] for arrays in softened], axis=1) for name in names]
    return TeacherOutputs(dict(zip((TARGETS, ENTROPIES), stacked, strict=True)), outputs[0].data_fingerprint)


def drop_guides(batches: tf.data.Dataset, temperature: float, rate: float, seed: tuple[int, int]) -> tf.data.Dataset:
    """Batches for a Distiller whose teacher is the mean of the guides that are left in each batch.

    Args:
        batches: from `Split.batches(teacher=guides(...))`.
        temperature: that of `guides`.
        rate: chance of each guide to be dropped, in [0, 1); if all are, the first one stays.
        seed: two numbers that fix the draws.
    """
    if not 0 <= rate < 1:
        raise DistillationError(f"drop rate {rate}: expected a number from 0 to below 1")
    names = softened_names(temperature)

    def drop(step, batch):
        images, y = batch
        targets, entropies = y["teacher"][TARGETS], y["teacher"][ENTROPIES]
        own_seed = tf.random.experimental.stateless_fold_in(tf.constant(seed, tf.int64), step)
        weights = kept_weights(tf.random.stateless_uniform([targets.shape[1]], own_seed), rate)
        mixed = tf.einsum("g,ngc->nc", weights, targets), tf.einsum("g,ng->n", weights, entropies)
        return images, y | {"teacher": dict(zip(names, mixed, strict=True))}

    return batches.enumerate().map(drop)


def kept_weights(draws, rate: float):
    """Weights of the guides from a uniform draw for each: equal among those that are kept, 0 for the others."""
    kept = tf.cast(draws >= rate, tf.float32)
    kept = tf.where(tf.reduce_any(kept > 0), kept, tf.one_hot(0, tf.shape(kept)[0]))
    return kept / tf.reduce_sum(kept)
