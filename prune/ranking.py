"""How much each channel of a layer matters, by four criteria."""

from collections.abc import Iterable, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.channel_types import ACTIVATIONS, PRODUCERS, WEIGHT_AXES
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import functional, kind, nodes
from kdsuite.prune.groups import Channels

Criterion = Literal["l1", "apoz", "taylor", "random"]
MEASURED = ("apoz", "taylor")


def rank_channels(
    model: keras.Model, layer: str, data: Iterable | None = None, criterion: Criterion = "l1", *, seed: int = 0
) -> np.ndarray:
    """Channels of one layer, least important first: what `delete_channels` should take first. See `channel_scores`.

    Returns:
        int64 (channels,).
    """
    return np.argsort(channel_scores(model, [layer], data, criterion, seed=seed)[layer], kind="stable")


def channel_scores(
    model: keras.Model,
    layers: Sequence[str],
    data: Iterable | None = None,
    criterion: Criterion = "l1",
    *,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Importance of each channel of some layers; the higher, the more it matters.

    "l1" is the sum of the absolute kernel weights that make the channel (Li et al. 2017, §3.1). "apoz" is one less the
    average percentage of zeros of its activation (Hu et al. 2016, eq. 1; kerassurgeon's `get_apoz`). "taylor" is the
    first-order effect on the loss of setting its activation z to zero, |mean over positions of z ∂loss/∂z|, averaged
    over examples (Molchanov et al. 2017, eq. 8). "random" draws from [0, 1).

    The activation is the first nonlinear one behind the layer, through batch norm and merges; without one (a linear
    bottleneck) it is the batch norm's output, or else the layer's own, which has next to no zeros.

    Args:
        model: functional model that ends in logits or in a softmax; it is left as it was.
        layers: names of layers whose channels can be deleted.
        data: for "apoz" and "taylor", batches of (inputs, integer labels): `split.batches(32)`, a `tf.data.Dataset`.
        criterion: one of the four.
        seed: of "random".

    Returns:
        Name of layer → float64 (channels,).

    Raises:
        PruneError: an unknown criterion or layer, or a criterion that lacks its data.
    """
    if criterion not in ("l1", "apoz", "taylor", "random"):
        raise PruneError(f"criterion {criterion!r}: expected 'l1', 'apoz', 'taylor' or 'random'")
    if criterion in MEASURED and data is None:
        raise PruneError(f"criterion {criterion!r} needs data: give batches of (inputs, labels)")
    graph = functional(model)
    known = [layer.name for layer in graph.layers if kind(layer) in PRODUCERS]
    for name in layers:
        if name not in known:
            raise PruneError(f"no channels in layer {name!r}: expected one of {', '.join(known)}")
    if criterion == "l1":
        return {name: _kernel_sums(graph.get_layer(name)) for name in layers}
    if criterion == "random":
        return {
            name: np.random.default_rng([seed, known.index(name)]).random(_channels(graph.get_layer(name)))
            for name in layers
        }
    features = _features(graph, layers)
    measured = _mean_over(_zeros if criterion == "apoz" else _taylor, graph, features, data)
    if criterion == "apoz":
        measured = [1 - zeros for zeros in measured]
    return dict(zip(layers, measured, strict=True))


def _channels(layer: keras.Layer) -> int:
    return layer.filters if hasattr(layer, "filters") else layer.units


def _kernel_sums(layer: keras.Layer) -> np.ndarray:
    name, axes = next((name, axes) for name, axes in WEIGHT_AXES[kind(layer)].items() if axes[-2:].count("out") == 1)
    kernel = np.abs(next(weight for weight in layer.weights if weight.name == name).numpy().astype(np.float64))
    kernel = np.moveaxis(kernel, axes.index("out") - len(axes), -1)
    # A recurrent kernel holds the gates one after the other.
    return kernel.reshape(-1, _channels(layer)).sum(axis=0)


def _features(model: keras.Model, layers: Sequence[str]) -> list:
    """The tensor that stands for each layer's channels."""
    channels = Channels(model)
    return [_feature(model, channels, name) for name in layers]


def _feature(model: keras.Model, channels: Channels, name: str):
    layer, numbers = model.get_layer(name), channels.given[name]
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


def _is_nonlinear(layer: keras.Layer) -> bool:
    return getattr(layer, "activation", None) not in (None, keras.activations.linear)


def _mean_over(measure, model: keras.Model, features: list, data: Iterable) -> list[np.ndarray]:
    step = measure(keras.Model(model.inputs, [*features, *model.outputs]), model)
    count, sums = 0, None
    for inputs, labels in data:
        batch = [part.numpy().astype(np.float64) for part in step(inputs, labels)]
        sums = batch if sums is None else [total + part for total, part in zip(sums, batch, strict=True)]
        count += len(labels)
    if not count:
        raise PruneError("the data hold no batches: give batches of (inputs, labels)")
    return [total / count for total in sums]


def _zeros(observer: keras.Model, model: keras.Model):
    """A function: inputs, labels → for each feature, the sum over examples of the share of zeros by channel."""

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        *features, _ = observer(inputs, training=False)
        return [tf.reduce_sum(_over_positions(tf.cast(z == 0, tf.float32)), axis=0) for z in features]

    return step


def _taylor(observer: keras.Model, model: keras.Model):
    """A function: inputs, labels → for each feature, the sum over examples of |mean of z ∂loss/∂z| by channel."""
    last = model.outputs[0]._keras_history.operation
    is_softmax = (
        isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not is_softmax, reduction="sum")

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        inputs = tf.cast(inputs, tf.float32)
        with tf.GradientTape() as tape:
            # Frozen layers would otherwise leave no trace.
            tape.watch(inputs)
            *features, outputs = observer(inputs, training=False)
            value = loss(labels, outputs)
        gradients = tape.gradient(value, features)
        return [
            tf.reduce_sum(tf.abs(_over_positions(z * gradient)), axis=0)
            for z, gradient in zip(features, gradients, strict=True)
        ]

    return step


def _over_positions(x):
    """(batch, …, channels) → (batch, channels), the mean over the axes between."""
    return tf.reduce_mean(x, axis=list(range(1, len(x.shape) - 1)))
