"""Deletes channels in Keras itself: each weight sliced by what is kept, the graph called again with the new sizes."""

import inspect
from collections.abc import Iterable

import keras
import numpy as np

from kdsuite.prune.channels import Channels
from kdsuite.prune.graph import copy_of, inputs_like, kind, rebuild, set_weights


def without_channels(channels: Channels, deleted: Iterable[int]) -> keras.Model:
    """A new model without the channels with these numbers.

    Args:
        channels: of the model; it is left as it was.
        deleted: numbers of channels that may go, and with each of them all that share it.
    """
    graph, gone = channels.model, channels.mask(deleted)
    copies = {}

    def call(operation, *args, **kwargs):
        if id(operation) not in copies:
            copies[id(operation)] = copy_of(operation, _sizes(channels, operation, gone))
        return copies[id(operation)](*args, **kwargs)

    inputs = inputs_like(graph.input)
    result = keras.Model(inputs, rebuild(graph, inputs, call), name=graph.name)
    for layer in graph.layers:
        if layer.weights:
            set_weights(copies[id(layer)], _sliced(channels, layer, gone))
    return result


def _sizes(channels: Channels, operation, gone: np.ndarray) -> dict:
    """The configuration by which a layer has its new size."""
    name = kind(operation)
    if name == "Reshape":
        return {"target_shape": _target_shape(channels, operation, gone)}
    if operation.name not in channels.roles or not isinstance(operation, keras.Layer):
        return {}
    kept = channels.kept(operation, gone)
    size = int(kept["out"].sum())
    config = operation.get_config()
    sizes = {key: size for key in ("filters", "units", "output_dim", "projection_dim") if key in config}
    if name == "MultiHeadAttention":
        sizes = {"num_heads": int(kept["head"].sum()), "output_shape": (size,)}
    elif getattr(operation, "groups", 1) != 1:
        sizes["groups"] = int(kept["out"].reshape(operation.groups, -1)[:, 0].sum())
    defaults = inspect.signature(type(operation).__init__).parameters
    return sizes | {key: defaults[key].default for key in arrays_of(config)}


def arrays_of(config: dict) -> list[str]:
    """The settings of a layer that are initialisers of one array, which has no other size."""
    constants = {
        key: setting
        for key, setting in config.items()
        if isinstance(setting, dict) and setting.get("class_name") == "Constant"
    }
    return [key for key, setting in constants.items() if np.ndim(keras.initializers.deserialize(setting).value)]


def _target_shape(channels: Channels, layer: keras.Layer, gone: np.ndarray) -> tuple[int, ...]:
    target = tuple(layer.target_shape)
    output = next(node.outputs[0] for node in layer._inbound_nodes if id(node.outputs[0]) in channels.features)
    # An axis of -1 finds its size by itself.
    kept = int((~gone[channels.features[id(output)]]).sum())
    return target if target[-1] == -1 else (*target[:-1], kept)


def _sliced(channels: Channels, layer: keras.Layer, gone: np.ndarray) -> list[np.ndarray]:
    weights = layer.get_weights()
    for position, by_axis in enumerate(channels.kept_indices(layer, gone)):
        for axis, indices in by_axis.items():
            weights[position] = np.take(weights[position], indices, axis)
    return weights
