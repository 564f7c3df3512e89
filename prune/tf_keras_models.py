"""Takes a Keras 3 model to tf_keras, where kerassurgeon operates on it, and back. Nothing else imports either."""

import contextlib
import functools
import importlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Iterable

import keras

from kdsuite.prune.channel_types import (
    ELEMENTWISE,
    ELEMENTWISE_OPERATIONS,
    MERGE_OPERATIONS,
    MERGES,
    RECURRENT,
    RESHAPING,
    SPATIAL,
    WEIGHT_AXES,
    refusal,
)
from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import copy_of, inputs_like, kind, nodes, rebuild, set_weights
from kdsuite.prune.surgery import arrays_of

STRUCTURE = (
    *("filters", "units", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "use_bias"),
    *("axis", "center", "scale", "pool_size", "size", "cropping", "keepdims", "target_shape", "dims", "n"),
    *("shared_axes", "output_padding", "return_sequences", "reset_after"),
)
"""Configuration that decides shapes and weights; activations, initialisers and rates do not matter to surgery."""

KNOWN = {
    *("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "SeparableConv2D", "Dense", "DepthwiseConv2D"),
    *("BatchNormalization", "PReLU", "Concatenate"),
    *(*RECURRENT, *MERGES, *ELEMENTWISE, *SPATIAL, *RESHAPING),
} - {"GlobalMaxPooling3D", "GlobalAveragePooling3D", "CustomScaleLayer"}

ANY_LENGTH = 224
"""Stands for sizes that are not fixed: only channels are operated on."""


@functools.cache
def kerassurgeon(module: str = "surgeon"):
    """A module of kerassurgeon 0.2.0, its `tensorflow.keras` being tf_keras.

    It was written for Keras 2 tensors: one helper takes all that is no list of one for a list.

    Raises:
        PruneError: kerassurgeon or tf_keras is not installed.
    """
    for package in ("tf_keras", "kerassurgeon"):
        if importlib.util.find_spec(package) is None:
            raise PruneError(
                f"surgeon 'kerassurgeon' needs the package {package!r}: "
                "pip install --no-deps kerassurgeon==0.2.0 tf_keras, or use surgeon='keras'"
            )
    with warnings.catch_warnings():
        # TensorFlow and tf_keras warn of themselves at import.
        warnings.simplefilter("ignore")
        import tf_keras

    aliases = {
        "tensorflow.keras": tf_keras,
        "tensorflow.keras.layers": tf_keras.layers,
        "tensorflow.keras.models": tf_keras.models,
        "tensorflow.keras.activations": tf_keras.activations,
    }
    before = {name: sys.modules.get(name) for name in aliases}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    sys.modules.update(aliases)
    try:
        imported = importlib.import_module(f"kerassurgeon.{module}")
    finally:
        for name, former in before.items():
            if former is None:
                del sys.modules[name]
            else:
                sys.modules[name] = former
        # Its import sets up the root logger.
        root.handlers[:] = handlers
        root.setLevel(level)
    imported.utils.single_element = lambda x: x[0] if isinstance(x, list | tuple) and len(x) == 1 else x
    return imported


def to_tf_keras(channels: Channels, deleted: Iterable[int] = ()):
    """The tf_keras model with the same graph, layer names, shapes and weights; activations are left out.

    Layers that kerassurgeon does not know become stand-ins that give zeros of the right shape.

    Args:
        channels: of the functional model.
        deleted: numbers of the channels that will go.

    Raises:
        PruneError: one of these meets a layer that kerassurgeon does not know, or a package is missing.
    """
    kerassurgeon()
    import tf_keras

    model, deleted = channels.model, list(deleted)
    layers, tensors = {}, {}
    for node in nodes(model):
        operation = node.operation
        if node.is_input:
            given = [tf_keras.Input(_fixed(node.outputs[0].shape[1:]), name=operation.name)]
        elif refusal(node) is not None or not _is_known(node):
            _check_untouched(channels, node, deleted)
            given = [
                _stand_in(tf_keras, f"{operation.name}_{id(node)}_{index}", _fixed(tensor.shape[1:]))(
                    [tensors[id(x)] for x in node.input_tensors]
                )
                for index, tensor in enumerate(node.outputs)
            ]
        else:
            if operation.name not in layers:
                layers[operation.name] = _counterpart(tf_keras, node)
            inputs = [tensors[id(x)] for x in node.input_tensors]
            given = [layers[operation.name](inputs[0] if len(inputs) == 1 else inputs)]
        tensors |= {id(tensor): carried for tensor, carried in zip(node.outputs, given, strict=True)}
    carried = tf_keras.Model([tensors[id(x)] for x in model.inputs], [tensors[id(x)] for x in model.outputs])
    for layer in model.layers:
        if kind(layer) in WEIGHT_AXES and layer.name in layers:
            layers[layer.name].set_weights(layer.get_weights())
    return carried


def from_tf_keras(operated, graph: keras.Model) -> keras.Model:
    """The Keras 3 model with the original's graph and configuration, and the operated model's sizes and weights.

    Args:
        operated: tf_keras model from `to_tf_keras`, after surgery.
        graph: the functional model that was taken there; it is left as it was.
    """
    by_name = {layer.name: layer for layer in operated.layers}
    copies = {}

    def resized(layer):
        sizes = {}
        if (kind(layer) in WEIGHT_AXES or kind(layer) == "Reshape") and layer.name in by_name:
            config = by_name[layer.name].get_config()
            sizes = {key: config[key] for key in ("filters", "units", "target_shape") if key in config}
        return copy_of(layer, sizes)

    def call(operation, *args, **kwargs):
        if id(operation) not in copies:
            copies[id(operation)] = resized(operation)
        return copies[id(operation)](*args, **kwargs)

    inputs = inputs_like(graph.input)
    result = keras.Model(inputs, rebuild(graph, inputs, call), name=graph.name)
    for layer in graph.layers:
        if layer.weights:
            source = by_name[layer.name] if kind(layer) in WEIGHT_AXES and layer.name in by_name else layer
            set_weights(copies[id(layer)], source.get_weights())
    return result


def _is_known(node) -> bool:
    """Whether kerassurgeon, with what `surgeon_class` adds, follows channels through a call."""
    operation, name = node.operation, kind(node.operation)
    if not isinstance(operation, keras.Layer):
        alone = len(node.input_tensors) == 1
        return name in ((*MERGE_OPERATIONS, *ELEMENTWISE_OPERATIONS) if alone else MERGES)
    if name == "PReLU":
        *positions, channels = operation.alpha.shape
        return set(positions) <= {1} and (channels > 1 or node.input_tensors[0].shape[-1] == 1)
    return name in KNOWN and getattr(operation, "groups", 1) == 1 and not arrays_of(operation.get_config())


def _check_untouched(channels: Channels, node, deleted: list[int]) -> None:
    for tensor in (*node.input_tensors, *node.outputs):
        if channels.mask(deleted)[channels.features[id(tensor)]].any():
            raise PruneError(
                f"kerassurgeon cannot operate on {node.operation.name!r}, of type {type(node.operation).__name__}: "
                "use surgeon='keras'"
            )


def _counterpart(tf_keras, node):
    operation, name = node.operation, kind(node.operation)
    # `x + 1` without a layer is an Add of one tensor.
    if name in (*ELEMENTWISE, *ELEMENTWISE_OPERATIONS) or (name in MERGE_OPERATIONS and len(node.input_tensors) == 1):
        return tf_keras.layers.Activation("linear", name=operation.name)
    # Of `x + y` without a layer there is no configuration.
    config = operation.get_config() if isinstance(operation, keras.Layer) else {}
    settings = {key: config[key] for key in STRUCTURE if key in config}
    return getattr(tf_keras.layers, name)(name=operation.name, **settings)


def _stand_in(tf_keras, name: str, shape: tuple[int, ...]):
    import tensorflow as tf

    return tf_keras.layers.Lambda(lambda inputs: tf.zeros([tf.shape(inputs[0])[0], *shape]), name=name)


def _fixed(shape) -> tuple[int, ...]:
    return tuple(ANY_LENGTH if size is None else size for size in shape)


@contextlib.contextmanager
def deep_recursion(model: keras.Model):
    """kerassurgeon rebuilds a graph by recursion, several frames a layer."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 1000 + 10 * len(model.layers)))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
