"""Batch-norm recalibration: moving averages computed anew from training data."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.examples import as_examples


def recalibrate(model: keras.Model, split, *, batch_size: int = 100) -> int:
    """Replaces the moving mean and variance of each batch-norm layer by those of its inputs on `split`.

    After a short training the moving averages (momentum 0.99) still remember other weights, and a network evaluates
    far below its training accuracy. One pass over the data, batch norm on batch statistics and all else in inference
    mode; means and variances are pooled over batches. Layers with `trainable=False` keep theirs.

    Args:
        model: any built model, nested and subclassed ones included; nothing but the moving averages changes.
        split: training data: a `data.Split`, which is read in a fixed shuffled order; NumPy inputs, or a
            `tf.data.Dataset` of inputs or (inputs, labels), which are read in their own.
        batch_size: examples a batch; a deeper layer sees its inputs normalised by batches of this size.

    Returns:
        The number of layers recalibrated.

    Raises:
        DistillationError: a batch-norm layer that a forward pass does not reach, or reaches only inside a loop.
    """
    normalisers = [layer for layer in batch_norms(model) if layer.trainable]
    if not normalisers:
        return 0
    inputs = getattr(model, "inputs", None)
    examples = as_examples(split, input_rank=len(inputs[0].shape) if inputs else None)
    before = [(layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in normalisers]
    try:
        means, variances = _pooled_moments(model, normalisers, examples.batches(batch_size, seed=0, epoch=0))
    except BaseException:
        _assign(normalisers, before)
        raise
    _assign(normalisers, zip(means, variances, strict=True))
    return len(normalisers)


def moving_statistics(model: keras.Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """Moving mean and variance of each batch-norm layer, in the model's order; float32 (channels,) each."""
    return [(layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in batch_norms(model)]


def set_moving_statistics(model: keras.Model, statistics: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Gives a model the statistics that `moving_statistics` read, of itself or of one of the same architecture."""
    _assign(batch_norms(model), statistics)


def batch_norms(layer: keras.Layer) -> list[layers.BatchNormalization]:
    """Batch-norm layers of a model, those of nested models in their place; a shared one once."""
    if isinstance(layer, layers.BatchNormalization):
        return [layer]
    found = [inner for sub in layer._flatten_layers(include_self=False, recursive=False) for inner in batch_norms(sub)]
    return list({id(normaliser): normaliser for normaliser in found}.values())


def _assign(normalisers, statistics) -> None:
    for layer, (mean, variance) in zip(normalisers, statistics, strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def _pooled_moments(model: keras.Model, normalisers, batches) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Means and variances of each layer's inputs, float64, pooled over batches and over a shared layer's calls."""
    count = 0
    # Numbers until the first batch, then arrays (channels,).
    zeros: list[Any] = [0.0] * len(normalisers)
    means, squares, calls = (zeros.copy() for _ in range(3))
    with _observing(normalisers) as observed:

        @tf.function(reduce_retracing=True, autograph=False)
        def moments(inputs):
            for calls_of_layer in observed:
                calls_of_layer.clear()
            model(inputs, training=False)
            _check_reached(model, normalisers, observed)
            return observed

        for inputs, *_ in batches:
            size = len(tf.nest.flatten(inputs)[0])
            count += size
            for number, of_layer in enumerate(moments(inputs)):
                for mean, variance in of_layer:
                    mean, variance = mean.numpy().astype(np.float64), variance.numpy().astype(np.float64)
                    means[number] = means[number] + size * mean
                    squares[number] = squares[number] + size * (variance + mean**2)
                    calls[number] += size
    means = [total / seen for total, seen in zip(means, calls, strict=True)]
    variances = [total / seen - mean**2 for total, seen, mean in zip(squares, calls, means, strict=True)]
    return means, [np.maximum(variance, 0) for variance in variances]


@contextmanager
def _observing(normalisers) -> Iterator[list[list]]:
    """Lets each layer normalise by its batch, and note [(mean, variance)] of each of its calls.

    With momentum 0 and statistics reset, a layer's own update leaves the moments of the batch, masks and all.
    """
    observed = [[] for _ in normalisers]
    momenta = [layer.momentum for layer in normalisers]

    def observer(layer, call, noted):
        def observed_call(inputs, training=None, mask=None):
            outputs = call(inputs, training=True, mask=mask)
            noted.append((tf.identity(layer.moving_mean.value), tf.identity(layer.moving_variance.value)))
            return outputs

        return observed_call

    try:
        for layer, noted in zip(normalisers, observed, strict=True):
            layer.moving_mean.assign(tf.zeros_like(layer.moving_mean.value))
            layer.moving_variance.assign(tf.ones_like(layer.moving_variance.value))
            layer.momentum = 0.0
            # Past Keras' tracking of attributes: nothing of this is to stay.
            object.__setattr__(layer, "call", observer(layer, layer.call, noted))
        yield observed
    finally:
        for layer, momentum in zip(normalisers, momenta, strict=True):
            layer.momentum = momentum
            vars(layer).pop("call", None)


def _check_reached(model: keras.Model, normalisers, observed) -> None:
    """Raises DistillationError unless each layer noted moments that can leave the graph of the forward pass."""
    graph = tf.compat.v1.get_default_graph()
    for layer, noted in zip(normalisers, observed, strict=True):
        if not noted or any(mean.graph is not graph for mean, _ in noted):
            raise DistillationError(
                f"batch norm {layer.name!r} of {model.name!r} is not reached by a forward pass, or only inside a loop "
                "(TimeDistributed, RNN): its statistics cannot be computed, set trainable=False to leave it out"
            )
