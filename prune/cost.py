"""What a network costs, and what it would cost without some of its channels."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np
from keras import layers

from kdsuite.prune.channel_types import weight_axes
from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import nodes

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
CONVOLUTIONS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D),
)

Cost = Literal["params", "macs"]


def macs(model: keras.Model) -> int:
    """Multiply-accumulates for one example, in convolutions and dense layers (biases and element-wise layers are free).

    A layer that is called twice counts twice; layers of models within the model count too.

    Args:
        model: functional or built Sequential model with fixed input size.

    Raises:
        PruneError: a layer's output size is not fixed, or see `flatten`.
    """
    graph = flatten(model)
    applied = positions(graph)
    return sum(applied[layer.name] * kernel_size(layer) for layer in graph.layers if layer.name in applied)


def positions(graph: keras.Model) -> dict[str, int]:
    """By name of a convolution or dense layer, at how many positions of one example its kernels are applied.

    Args:
        graph: functional model without models within it.
    """
    counts: dict[str, int] = defaultdict(int)
    for node in nodes(graph):
        layer = node.operation
        if isinstance(layer, layers.Dense):
            counts[layer.name] += _positions(layer, node.outputs[0].shape[1:-1])
        elif isinstance(layer, TRANSPOSED):
            counts[layer.name] += _positions(layer, _spatial(layer, node.input_tensors[0]))
        elif isinstance(layer, CONVOLUTIONS):
            counts[layer.name] += _positions(layer, _spatial(layer, node.outputs[0]))
    return dict(counts)


def kernel_size(layer: keras.Layer) -> int:
    """How many weights the kernels of a layer hold; depthwise and grouped ones hold only what a position needs."""
    return sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


class Costs:
    """What a model costs without some of its channels, without building it.

    Args:
        channels: of the model.
        unit: "params" or "macs".
    """

    def __init__(self, channels: Channels, unit: Cost):
        graph = channels.model
        self._channels = channels
        applied = positions(graph) if unit == "macs" else {}
        self._terms: list[tuple[int, list[np.ndarray]]] = []
        for layer in graph.layers:
            if layer.name not in channels.roles or (unit == "macs" and layer.name not in applied):
                continue
            for weight, axes in zip(layer.weights, weight_axes(layer), strict=True):
                if unit == "params" or len(weight.shape) > 1:
                    assert axes is not None
                    counted = [channels.roles[layer.name][role] for role in axes if role is not None]
                    repeats = math.prod(weight.shape) // math.prod(map(len, counted))
                    self._terms.append((repeats * applied.get(layer.name, 1), counted))
        self._fixed = 0
        self._fixed = (graph.count_params() if unit == "params" else macs(graph)) - self.without(())

    def without(self, deleted: Iterable[int]) -> int:
        """The cost without the channels with these numbers."""
        stays = ~self._channels.mask(deleted)
        return self._fixed + sum(
            repeats * math.prod(int(stays[numbers].sum()) for numbers in counted) for repeats, counted in self._terms
        )

    def saved(self) -> np.ndarray:
        """What each channel costs: how much less the model costs once it alone is deleted; int64, by number."""
        count = len(self._channels.mask(()))
        total = np.zeros(count, np.int64)
        for repeats, counted in self._terms:
            left = np.ones(count, np.int64)
            for numbers in counted:
                left *= len(numbers) - np.bincount(numbers, minlength=count)
            total += repeats * (math.prod(map(len, counted)) - left)
        return total


def _spatial(layer, tensor) -> tuple:
    return tensor.shape[2:] if layer.data_format == "channels_first" else tensor.shape[1:-1]


def _positions(layer, shape) -> int:
    if None in shape:
        raise PruneError(
            f"layer {layer.name!r} has no fixed output size {tuple(shape)}: build it with a fixed input size"
        )
    return math.prod(shape)
