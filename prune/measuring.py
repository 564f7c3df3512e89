"""What criteria measure on data: zeros of activations, and effects of activations and weights on the loss."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.channel_types import ACTIVATION_OPERATIONS, ACTIVATIONS
from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import kind

SCALE = 1024.0
"""What losses are multiplied by where gradients are taken, which in float16 are nothing below 6e-8, and divided by."""
PASS_ON = (
    *("Reshape", "Flatten", "Permute", "Identity", "Dropout", "ActivityRegularization"),
    *("Squeeze", "ExpandDims", "Transpose", "Cast"),
)
"""Kinds of layers and operations behind which a softmax is still one."""


def activation_behind(channels: Channels, name: str):
    """The tensor that stands for a layer's channels; None where no tensor holds just these.

    It is the first activation on the channels' way behind the layer, through batch norm and merges; without one (a
    linear bottleneck) the batch norm's output, or else the last tensor that holds them.
    """
    best = None
    for node in channels.carrying(name):
        if not np.array_equal(channels.features[id(node.outputs[0])], channels.given[name]):
            continue
        # `layer.output` could belong to another model that shares the layer.
        if _activates(node.operation, name):
            return node.outputs[0]
        if best is None or kind(best._keras_history.operation) != "BatchNormalization":
            best = node.outputs[0]
    return best


def ends_in_softmax(model: keras.Model) -> bool:
    """Whether a model of one output is seen to give probabilities; else it gives logits."""
    return _are_probabilities(model.outputs[0])


def _are_probabilities(tensor) -> bool:
    """Whether a softmax made a tensor, behind nested models and what changes neither values nor, but places, rows."""
    operation, node_index, tensor_index = tensor._keras_history
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        return _are_probabilities(operation.outputs[tensor_index])
    inputs = operation._inbound_nodes[node_index].input_tensors
    is_linear = kind(operation) == "Activation" and operation.activation is keras.activations.linear
    if is_linear or kind(operation) in PASS_ON:
        return _are_probabilities(inputs[0])
    if kind(operation) == "Average":
        return all(map(_are_probabilities, inputs))
    while kind(operation) == "TimeDistributed":
        operation = operation.layer
        if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            return ends_in_softmax(operation)
    activation = getattr(operation, "activation", None)
    return kind(operation) == "Softmax" or activation in (keras.activations.softmax, keras.ops.softmax)


def check_one_output(model: keras.Model) -> None:
    """Raises a PruneError where a model has several outputs."""
    if len(model.outputs) != 1:
        raise PruneError(
            f"model {model.name!r} has {len(model.outputs)} outputs: expected one, the logits or the softmax of a "
            "classifier; give keras.Model(inputs, that output)"
        )


def check_classifier(model: keras.Model) -> None:
    """Raises a PruneError where a model does not have one output, of several classes."""
    check_one_output(model)
    shape = tuple(model.outputs[0].shape)
    if shape[-1] == 1:
        raise PruneError(
            f"model {model.name!r} has an output of shape {shape}: expected logits or the softmax of two classes or "
            "more; instead of a sigmoid's Dense(1), with kernel w and bias b, give Dense(2) with [0, w] and [0, b]"
        )


def labelled(data: Iterable) -> Iterator[tuple]:
    """Batches of (inputs, labels).

    Raises:
        PruneError: a batch that is something else.
    """
    for batch in data:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            parts = f"{len(batch)} parts" if isinstance(batch, tuple | list) else f"type {type(batch).__name__}"
            raise PruneError(f"a batch of {parts}: expected (inputs, labels), without sample weights")
        yield batch[0], batch[1]


def numbered(data: Iterable, model: keras.Model) -> Iterator[tuple]:
    """Batches of (inputs, labels), the labels as `_class_numbers` of the model.

    Raises:
        PruneError: a batch that is something else.
    """
    for inputs, labels in labelled(data):
        yield inputs, _class_numbers(labels, model)


def _class_numbers(labels, model: keras.Model) -> np.ndarray:
    """Labels as integers (batch, …), one for each row of the model's output.

    Raises:
        PruneError: they have another shape, or are no numbers of its classes.
    """
    labels = np.asarray(labels)
    *positions, classes = model.outputs[0].shape[1:]
    # Others would be broadcast, and each compared with every answer.
    if labels.ndim != 1 + len(positions) or any(
        size not in (None, given) for size, given in zip(positions, labels.shape[1:], strict=True)
    ):
        expected = ", ".join(["n", *map(str, positions)])
        raise PruneError(
            f"labels of shape {labels.shape}: expected ({expected}{',' * (not positions)}), the number of the class of "
            "each example"
        )
    wrong = labels[(labels < 0) | (labels >= classes) | (labels != np.floor(labels))]
    if wrong.size:
        raise PruneError(f"label {wrong.flat[0]}: expected a whole number from 0 to {classes - 1}, one of the classes")
    return labels.astype(np.int64)


def share_of_zeros(model: keras.Model, features: Sequence, data: Iterable) -> list[np.ndarray]:
    """For each tensor of the model, the share of zeros by channel, mean over positions and examples."""
    observer = keras.Model(model.input, [*features, *model.outputs])

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        *values, _ = observer(inputs, training=False)
        return [tf.reduce_sum(_over_positions(tf.cast(z == 0, tf.float32)), axis=0) for z in values]

    return _mean_over(step, labelled(data), lambda labels: len(labels))


def effect(model: keras.Model, features: Sequence, data: Iterable) -> list[np.ndarray]:
    """For each tensor z, |mean over positions of z ∂loss/∂z| by channel, averaged over examples.

    It is the first-order effect on the loss of setting a channel to zero (Molchanov et al. 2017, eq. 8).
    """
    observer = keras.Model(model.input, [*features, *model.outputs])
    loss = _loss(model, "sum")

    @tf.function(reduce_retracing=True)
    def step(inputs, labels):
        inputs = keras.tree.map_structure(lambda x: tf.cast(x, tf.float32), inputs)
        with tf.GradientTape() as tape:
            # Frozen layers would otherwise leave no trace.
            tape.watch(inputs)
            *values, outputs = observer(inputs, training=False)
            value = SCALE * loss(labels, tf.cast(outputs, tf.float32))
        gradients = tape.gradient(value, values)
        return [
            tf.reduce_sum(tf.abs(_over_positions(_effects(z, gradient))), axis=0)
            for z, gradient in zip(values, gradients, strict=True)
        ]

    return _mean_over(step, numbered(data, model), lambda labels: len(labels))


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
            value = SCALE * loss(labels, tf.cast(model(inputs, training=False), tf.float32))
        gradients = tape.gradient(value, [kernel.value for kernel in kernels])
        return [_effects(kernel.value, gradient) for kernel, gradient in zip(kernels, gradients, strict=True)]

    def step(inputs, labels):
        rest = [product.numpy().astype(np.float64) for product in products(inputs, labels)]
        sums = []
        for of_layer, arrange in filters:
            of_filters, rest = rest[: len(of_layer)], rest[len(of_layer) :]
            sums.append(arrange(of_filters).sum(axis=1) ** 2)
        return sums

    return _mean_over(step, numbered(data, model), lambda labels: 1)


def _effects(values, gradients):
    """Values times their gradients of the scaled loss, in float32."""
    return tf.cast(values, tf.float32) * tf.cast(gradients, tf.float32) / SCALE


def _activates(operation, name: str) -> bool:
    """Whether it is an activation, or the layer of that name with one of its own."""
    if operation.name == name or kind(operation) == "Activation":
        return getattr(operation, "activation", None) not in (None, keras.activations.linear)
    return kind(operation) in (*ACTIVATIONS, *ACTIVATION_OPERATIONS)


def _loss(model: keras.Model, reduction: str):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(model), reduction=reduction)


def _mean_over(step, batches: Iterator[tuple], weight: Callable) -> list[np.ndarray]:
    count, sums = 0, None
    for inputs, labels in batches:
        batch = [np.asarray(part).astype(np.float64) for part in step(inputs, labels)]
        sums = batch if sums is None else [total + part for total, part in zip(sums, batch, strict=True)]
        count += weight(labels)
    if not count or sums is None:
        raise PruneError("the data hold no batches: give batches of (inputs, labels), anew at each iteration")
    return [total / count for total in sums]


def _over_positions(x):
    """(batch, …, channels) → (batch, channels), the mean over the axes between."""
    return tf.reduce_mean(x, axis=list(range(1, len(x.shape) - 1)))
