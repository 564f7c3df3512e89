"""What criteria measure on data: zeros of activations, and effects of activations and weights on the loss."""

from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.channel_types import ACTIVATIONS
from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import kind, nodes


def activation_behind(channels: Channels, name: str):
    """The tensor that stands for a layer's channels; None where no tensor holds just these.

    It is the first nonlinear activation behind the layer, through batch norm and merges; without one (a linear
    bottleneck) the batch norm's output, or else the layer's own.
    """
    model, numbers = channels.model, channels.given[name]
    layer = next((layer for layer in model.layers if layer.name == name), None)
    best, reached = None, False
    for node in nodes(model):
        reached = reached or node.operation is layer
        if not reached or not np.array_equal(channels.features[id(node.outputs[0])], numbers):
            continue
        # `layer.output` could belong to another model that shares the layer.
        if kind(node.operation) in ACTIVATIONS or (node.operation is layer and _is_nonlinear(layer)):
            return node.outputs[0]
        if best is None or kind(best._keras_history.operation) != "BatchNormalization":
            best = node.outputs[0]
    return best


def share_of_zeros(model: keras.Model, features: Sequence, data: Iterable) -> list[np.ndarray]:
    """For each tensor of the model, the share of zeros by channel, mean over positions and examples."""
    observer = keras.Model(model.input, [*features, *model.outputs])

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        *values, _ = observer(inputs, training=False)
        return [tf.reduce_sum(_over_positions(tf.cast(z == 0, tf.float32)), axis=0) for z in values]

    return _mean_over(step, data, lambda labels: len(labels))


def effect(model: keras.Model, features: Sequence, data: Iterable) -> list[np.ndarray]:
    """For each tensor z, |mean over positions of z ∂loss/∂z| by channel, averaged over examples.

    It is the first-order effect on the loss of setting a channel to zero (Molchanov et al. 2017, eq. 8).
    """
    observer = keras.Model(model.input, [*features, *model.outputs])
    loss = _loss(model, "sum")

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        inputs = tf.cast(inputs, tf.float32)
        with tf.GradientTape() as tape:
            # Frozen layers would otherwise leave no trace.
            tape.watch(inputs)
            *values, outputs = observer(inputs, training=False)
            value = loss(labels, outputs)
        gradients = tape.gradient(value, values)
        return [
            tf.reduce_sum(tf.abs(_over_positions(z * gradient)), axis=0)
            for z, gradient in zip(values, gradients, strict=True)
        ]

    return _mean_over(step, data, lambda labels: len(labels))


def effect_of_weights(
    model: keras.Model, filters: Sequence[tuple[Sequence[keras.Variable], Callable]], data: Iterable
) -> list[np.ndarray]:
    """For each layer, (Σ w ∂loss/∂w)² over the weights of a channel, averaged over batches.

    It is the first-order effect on the loss of setting a whole filter to zero, squared (Molchanov et al. 2019, eq. 9).

    Args:
        filters: for each layer, its kernels and a function from arrays of their shapes to (channels, weights).
        data: batches of (inputs, integer labels); the loss of a batch is the mean over its examples.
    """
    loss = _loss(model, "sum_over_batch_size")
    kernels = [kernel for of_layer, _ in filters for kernel in of_layer]

    @tf.function(reduce_retracing=True)
    def products(inputs, labels):
        with tf.GradientTape() as tape:
            # The tape passes over weights that are not trainable.
            tape.watch([kernel.value for kernel in kernels])
            value = loss(labels, model(inputs, training=False))
        gradients = tape.gradient(value, [kernel.value for kernel in kernels])
        return [kernel.value * gradient for kernel, gradient in zip(kernels, gradients, strict=True)]

    def step(inputs, labels):
        rest = [product.numpy().astype(np.float64) for product in products(inputs, labels)]
        sums = []
        for of_layer, arrange in filters:
            of_filters, rest = rest[: len(of_layer)], rest[len(of_layer) :]
            sums.append(arrange(of_filters).sum(axis=1) ** 2)
        return sums

    return _mean_over(step, data, lambda labels: 1)


def _is_nonlinear(layer: keras.Layer) -> bool:
    return getattr(layer, "activation", None) not in (None, keras.activations.linear)


def _loss(model: keras.Model, reduction: str):
    last = model.outputs[0]._keras_history.operation
    is_softmax = (
        isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax
    )
    return keras.losses.SparseCategoricalCrossentropy(from_logits=not is_softmax, reduction=reduction)


def _mean_over(step, data: Iterable, weight: Callable) -> list[np.ndarray]:
    count, sums = 0, None
    for inputs, labels in data:
        batch = [np.asarray(part).astype(np.float64) for part in step(inputs, labels)]
        sums = batch if sums is None else [total + part for total, part in zip(sums, batch, strict=True)]
        count += weight(labels)
    if not count or sums is None:
        raise PruneError("the data hold no batches: give batches of (inputs, labels), anew at each iteration")
    return [total / count for total in sums]


def _over_positions(x):
    """(batch, …, channels) → (batch, channels), the mean over the axes between."""
    return tf.reduce_mean(x, axis=list(range(1, len(x.shape) - 1)))
