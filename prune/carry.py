"""Carries a Keras 3 model to tf_keras, where kerassurgeon operates on it. Nothing else imports either."""

import contextlib
import functools
import importlib
import logging
import sys
import warnings

import keras

from kdsuite.prune.channel_types import ELEMENTWISE, WEIGHT_AXES, refusal
from kdsuite.prune.graph import kind, nodes

STRUCTURE = (
    *("filters", "units", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "use_bias"),
    *("axis", "center", "scale", "pool_size", "size", "cropping", "keepdims", "target_shape", "dims", "n"),
    *("shared_axes", "output_padding", "return_sequences", "reset_after"),
)
"""Configuration that decides shapes and weights; activations, initialisers and rates do not matter to surgery."""

ANY_LENGTH = 224
"""Stands for sizes that are not fixed: only channels are operated on."""


@functools.cache
def kerassurgeon(module: str = "surgeon"):
    """A module of kerassurgeon 0.2.0, its `tensorflow.keras` being tf_keras.

    It was written for Keras 2 tensors: one helper takes all that is no list of one for a list.
    """
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


def carry(model: keras.Model):
    """The tf_keras model with the same graph, layer names, shapes and weights; activations are left out.

    Layers that channel surgery does not know become stand-ins that give zeros of the right shape.

    Args:
        model: functional model.
    """
    kerassurgeon()
    import tf_keras

    layers, tensors = {}, {}
    for node in nodes(model):
        operation = node.operation
        if node.is_input:
            given = [tf_keras.Input(_fixed(node.outputs[0].shape[1:]), name=operation.name)]
        elif refusal(node) is not None:
            given = [
                _stand_in(tf_keras, f"{operation.name}_{id(node)}_{index}", _fixed(tensor.shape[1:]))(
                    [tensors[id(x)] for x in node.input_tensors]
                )
                for index, tensor in enumerate(node.outputs)
            ]
        else:
            if operation.name not in layers:
                layers[operation.name] = _counterpart(tf_keras, operation)
            inputs = [tensors[id(x)] for x in node.input_tensors]
            given = [layers[operation.name](inputs[0] if len(inputs) == 1 else inputs)]
        tensors |= {id(tensor): carried for tensor, carried in zip(node.outputs, given, strict=True)}
    carried = tf_keras.Model([tensors[id(x)] for x in model.inputs], [tensors[id(x)] for x in model.outputs])
    for layer in model.layers:
        if kind(layer) in WEIGHT_AXES and layer.name in layers:
            layers[layer.name].set_weights(layer.get_weights())
    return carried


def bring_back(operated, graph: keras.Model, inputs) -> keras.Model:
    """The Keras 3 model with the original's graph and configuration, and the operated model's sizes and weights.

    Args:
        operated: tf_keras model from `carry`, after surgery.
        graph: the functional model that was carried; it is left as it was.
        inputs: of the new model.
    """
    by_name = {layer.name: layer for layer in operated.layers}

    def resized(layer):
        config = layer.get_config()
        if kind(layer) in WEIGHT_AXES or kind(layer) == "Reshape":
            sizes = by_name[layer.name].get_config() if layer.name in by_name else {}
            config |= {key: sizes[key] for key in ("filters", "units", "target_shape") if key in sizes}
        return type(layer).from_config(config)

    result = keras.models.clone_model(graph, input_tensors=inputs, clone_function=resized)
    for layer in result.layers:
        source = by_name[layer.name] if kind(layer) in WEIGHT_AXES and layer.name in by_name else None
        layer.set_weights((source or graph.get_layer(layer.name)).get_weights())
    return result


def _counterpart(tf_keras, operation):
    name = kind(operation)
    if name in ELEMENTWISE:
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
