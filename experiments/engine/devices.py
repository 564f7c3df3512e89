"""One trial on several devices of a machine: each trains on its share of every batch, and gradients are averaged."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache

import keras
import tensorflow as tf

from experiments.engine.errors import UsageError
from experiments.engine.study import Study
from experiments.engine.trial import Trial


def scope(count: int) -> contextlib.AbstractContextManager:
    """Within it, models are built for so many devices; one is TensorFlow's own way.

    Raises:
        UsageError: the machine has fewer.
    """
    return contextlib.nullcontext() if count == 1 else _strategy(count).scope()


@cache
def _strategy(count: int) -> tf.distribute.Strategy:
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(found) < count:
        names = ", ".join(device.name.removeprefix("/device:") for device in found)
        raise UsageError(f"devices {count}: this machine has {len(found)} ({names}), expected that many GPUs or more")
    return tf.distribute.MirroredStrategy([device.name for device in found[:count]])


@contextlib.contextmanager
def batch_norm_over_all(model: keras.Model, count: int) -> Iterator[None]:
    """Lets batch norm normalise by the whole batch meanwhile, as one device does, and not by each device's share."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.synchronized = count > 1
    try:
        yield
    finally:
        for layer in layers:
            layer.synchronized = False


def check(study: Study, trials: Sequence[Trial], *, here: bool = True) -> None:
    """Checks that there are as many devices as asked for, and that each batch can be divided evenly among them.

    Each device averages over its share, and shares count alike. `here` is false where other machines train, whose
    devices are theirs to count.

    Raises:
        UsageError: too few devices, or a batch that leaves a remainder.
    """
    count = study.config.devices
    if count == 1:
        return
    if here:
        _strategy(count)
    for trial in trials:
        size = len(study.data(trial).train)
        for batch in (trial.batch_size, size % trial.batch_size):
            if trial.epochs and batch % count:
                raise UsageError(
                    f"batches of {batch} images on {count} devices ({trial}; {size:,} training images): expected a "
                    "multiple, change --batch-size or --train-size"
                )
