"""Batch-norm recalibration: moving averages computed anew from training data."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def recalibrate(model: keras.Model, split, *, batch_size: int = 100) -> int:
    """Replaces the moving mean and variance of each batch-norm layer by those of its inputs on `split`.

    After a short training the moving averages (momentum 0.99) still remember other weights, and a network evaluates
    far below its training accuracy. One pass over the images in a fixed shuffled order, batch norm on batch
    statistics and all else in inference mode; means and variances are pooled over batches. Layers with
    `trainable=False` keep theirs.

    Args:
        model: functional model; nothing but the moving averages changes.
        split: training images: has `batches(batch_size, seed=, epoch=)` (`data.Split`).
        batch_size: images a batch; a deeper layer sees its inputs normalised by batches of this size.

    Returns:
        The number of layers recalibrated.
    """
    normalisers = [layer for layer in _normalisers(model) if layer.trainable]
    if not normalisers:
        return 0
    moments = _batch_moments(model, [layer.name for layer in normalisers])
    count, means, squares = 0, 0.0, 0.0
    for images, _ in split.batches(batch_size, seed=0, epoch=0):
        mean, variance = (np.concatenate(part).astype(np.float64) for part in moments(images))
        count += len(images)
        means = means + len(images) * mean
        squares = squares + len(images) * (variance + mean**2)
    means, variances = means / count, squares / count - (means / count) ** 2
    ends = np.cumsum([layer.moving_mean.shape[0] for layer in normalisers])[:-1]
    for layer, mean, variance in zip(normalisers, np.split(means, ends), np.split(variances, ends), strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(np.maximum(variance, 0))
    return len(normalisers)


def moving_statistics(model: keras.Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """Moving mean and variance of each batch-norm layer, in the model's order; float32 (channels,) each."""
    return [(layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in _normalisers(model)]


def set_moving_statistics(model: keras.Model, statistics: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Gives a model the statistics that `moving_statistics` read, of itself or of one of the same architecture."""
    for layer, (mean, variance) in zip(_normalisers(model), statistics, strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def _normalisers(model: keras.Model) -> list[layers.BatchNormalization]:
    return [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def _batch_moments(model: keras.Model, names: list[str]):
    """A compiled function: images → (means, variances) by channel of the named layers' inputs, one array a layer."""
    moments = {}

    def call(layer, *args, **kwargs):
        if layer.name not in names:
            return layer(*args, **kwargs)
        axes = [axis for axis in range(len(args[0].shape)) if axis != layer.axis % len(args[0].shape)]
        moments[layer.name] = ops.moments(args[0], axes)
        return layer(*args, **{**kwargs, "training": True})

    # A clone, as calling the model's own layers again would leave its graph changed.
    graph = keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model
    clone = keras.models.clone_model(graph, call_function=call)
    clone.set_weights(model.get_weights())
    ordered = [moments[name] for name in names]
    observer = keras.Model(clone.input, [[mean for mean, _ in ordered], [variance for _, variance in ordered]])
    # No `training` here: given, it would override that of the calls above.
    return tf.function(observer, reduce_retracing=True)
