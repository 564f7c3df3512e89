"""Several teachers of whom some are dropped at random in each batch (Son et al. 2021, DGKD §3.3)."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.outputs import Rows, TeacherOutputs, softened_names

TARGETS, ENTROPIES = "soft targets by teacher", "entropies by teacher"


def stack_teachers(outputs: Sequence[TeacherOutputs], temperature: float) -> TeacherOutputs:
    """Puts the softened outputs of several teachers side by side, for batches that go through `drop_teachers`.

    Args:
        outputs: of each teacher on the same split, without views.
        temperature: T > 0.

    Returns:
        Soft targets (n, teachers, classes) and entropies (n, teachers), float32.

    Raises:
        DistillationError: no teacher, outputs on different data, or several rows an example: of views or positions.
    """
    if len({given.data_fingerprint for given in outputs}) != 1:
        raise DistillationError(f"{len(outputs)} teachers: expected one or more, with outputs on one split")
    softened = [given.softened(temperature).arrays for given in outputs]
    names = softened_names(temperature)
    for arrays in softened:
        if len(arrays[names[0]].shape) != 2:
            raise DistillationError(
                f"soft targets {arrays[names[0]].shape} of a teacher: expected (n, classes), of a split without views"
            )
    targets, entropies = (_side_by_side([arrays[name] for arrays in softened]) for name in names)
    return TeacherOutputs({TARGETS: targets, ENTROPIES: entropies}, outputs[0].data_fingerprint)


def drop_teachers(batches: tf.data.Dataset, temperature: float, rate: float, seed: tuple[int, int]) -> tf.data.Dataset:
    """Gives batches for a Distiller whose teacher is the mean of the teachers that are left in each batch.

    Args:
        batches: from `Split.batches(teacher=stack_teachers(...))`.
        temperature: that of `stack_teachers`.
        rate: chance of each teacher to be dropped, in [0, 1); if all are, the first one stays.
        seed: two numbers that fix the draws, one of them the epoch: each pass over the same data set draws the same.

    Raises:
        DistillationError: a rate out of range.
    """
    if not 0 <= rate < 1:
        raise DistillationError(f"drop rate {rate}: expected a number from 0 to below 1")
    names = softened_names(temperature)

    def drop(step, batch):
        images, y = batch
        targets, entropies = y["teacher"][TARGETS], y["teacher"][ENTROPIES]
        fold_in = tf.random.experimental.stateless_fold_in  # pyright: ignore[reportAttributeAccessIssue]
        step_seed = fold_in(tf.constant(seed, tf.int64), step)
        weights = remaining_weights(tf.random.stateless_uniform([targets.shape[1]], step_seed), rate)
        mixed = tf.einsum("t,ntc->nc", weights, targets), tf.einsum("t,nt->n", weights, entropies)
        return images, y | {"teacher": dict(zip(names, mixed, strict=True))}

    return batches.enumerate().map(drop)


def remaining_weights(draws, rate: float):
    """Weights of the teachers from a uniform draw for each: equal among those that remain, 0 for the dropped ones."""
    remain = tf.cast(draws >= rate, tf.float32)
    remain = tf.where(tf.reduce_any(remain > 0), remain, tf.one_hot(0, tf.shape(remain)[0]))
    return remain / tf.reduce_sum(remain)


def _side_by_side(arrays):
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.stack(arrays, axis=1)
    shape = (arrays[0].shape[0], len(arrays), *arrays[0].shape[1:])
    return Rows(shape, lambda index: np.stack([array[index] for array in arrays], axis=1))
