"""How long networks take on this machine."""

import statistics
import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten


def latency(models: Sequence[keras.Model], batch_size: int = 1, turns: int = 25) -> list[float]:
    """Median seconds of one forward pass of each model, timed in turns on the same inputs.

    Args:
        models: functional or built Sequential models with the same inputs of fixed size. Integers that are read are 0,
            which any look-up has.
        batch_size: examples in a pass.
        turns: how many timed passes of each model.

    Raises:
        PruneError: an input has no fixed size, or is text.
    """
    random = np.random.default_rng(0)

    def example(tensor):
        if None in tensor.shape[1:]:
            raise PruneError(
                f"input {tensor.name!r} has no fixed size {tuple(tensor.shape)}: give one to measure latency"
            )
        shape, dtype = (batch_size, *tensor.shape[1:]), tf.as_dtype(tensor.dtype)
        if dtype == tf.string:
            raise PruneError(f"input {tensor.name!r} is text: expected numbers to measure latency")
        return tf.cast(random.normal(size=shape), dtype) if dtype.is_floating else tf.zeros(shape, dtype)

    inputs = keras.tree.map_structure(example, flatten(models[0]).input)
    passes = [tf.function(lambda x, model=model: model(x, training=False)) for model in models]
    seconds: list[list[float]] = [[] for _ in models]
    # The first passes trace and warm up.
    for turn in range(-3, turns):
        for forward, timed in zip(passes, seconds, strict=True):
            begin = time.perf_counter()
            for output in keras.tree.flatten(forward(inputs)):
                output.numpy()
            if turn >= 0:
                timed.append(time.perf_counter() - begin)
    return [statistics.median(timed) for timed in seconds]
