"""What a network costs, and what it would cost without some of its channels."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np
from keras import layers

from kdsuite.prune.channel_types import NORMALISATIONS, RECURRENT, attended, weight_axes
from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import kind, nodes

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
CONVOLUTIONS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D),
)
WRAPPERS = ("SpectralNormalization", "TimeDistributed")
FREE = (*NORMALISATIONS, "Normalization", "PReLU", "Embedding")
"""Layers whose weights are looked up or applied to single values."""

Cost = Literal["params", "macs"]


def macs(model: keras.Model) -> int:
    """Multiply-accumulates for one example, in layers with kernels and in attention (element-wise ones are free).

    Counted are `Dense`, `EinsumDense`, all convolutions, these within `TimeDistributed` and `SpectralNormalization`,
    `SimpleRNN`, `GRU` and `LSTM` at each step, and `MultiHeadAttention` with its products of queries, keys and values.
    `uncounted` names the layers with kernels that are not. Products of two tensors without a kernel, as in `Dot`, are
    not counted either. A layer that is called twice counts twice; layers of models within the model count too.

    Args:
        model: functional or built Sequential model with fixed input size.

    Raises:
        PruneError: a layer's output size is not fixed, or see `flatten`.
    """
    graph = flatten(model)
    applied = positions(graph)
    weights = [weight for layer in graph.layers for weight in layer.weights]
    in_kernels = sum(applied.get(id(weight), 0) * math.prod(weight.shape) for weight in weights)
    return in_kernels + sum(graph.get_layer(name).num_heads * count for name, count in attention(graph).items())


def uncounted(model: keras.Model) -> tuple[str, ...]:
    """Names of the layers with kernels that `macs` does not count: `Bidirectional` and custom ones, for example.

    Args, Raises:
        As `macs`.
    """
    graph = flatten(model)
    applied = positions(graph)
    return tuple(
        layer.name
        for layer in graph.layers
        if kind(_unwrapped(layer)) not in FREE
        and any(len(weight.shape) > 1 for weight in layer.weights)
        and not any(id(weight) in applied for weight in layer.weights)
    )


def positions(graph: keras.Model) -> dict[int, int]:
    """By id of a kernel that is counted, at how many positions of one example it is applied.

    Args:
        graph: functional model without models within it.
    """
    counts: dict[int, int] = defaultdict(int)
    for node in nodes(graph):
        layer = node.operation
        if kind(layer) == "MultiHeadAttention":
            applied = _projections(node)
        elif isinstance(layer, keras.Layer) and not node.is_input:
            applied = _applied(layer, node.input_tensors[0].shape, node.outputs[0].shape)
        else:
            continue
        for kernel, count in applied:
            counts[id(kernel)] += count
    return dict(counts)


def attention(graph: keras.Model) -> dict[str, int]:
    """By name of an attention layer, the multiply-accumulates of one head with queries, keys and values.

    Args:
        graph: functional model without models within it.
    """
    counts: dict[str, int] = defaultdict(int)
    for node in nodes(graph):
        layer = node.operation
        if kind(layer) == "MultiHeadAttention":
            read, config = attended(node), layer.get_config()
            keys = _positions(layer, [read["key"].shape[axis] for axis in config["attention_axes"]])
            sizes = config["key_dim"] + config["value_dim"]
            counts[layer.name] += _positions(layer, read["query"].shape[1:-1]) * keys * sizes
    return dict(counts)


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
            if layer.name not in channels.roles:
                continue
            for weight, axes in zip(layer.weights, weight_axes(layer), strict=True):
                if unit == "params" or id(weight) in applied:
                    assert axes is not None
                    counted = [channels.roles[layer.name][role] for role in axes if role is not None]
                    repeats = math.prod(weight.shape) // math.prod(map(len, counted))
                    self._terms.append((repeats * applied.get(id(weight), 1), counted))
        for name, count in attention(graph).items() if unit == "macs" else ():
            if name in channels.roles:
                self._terms.append((count, [channels.roles[name]["head"]]))
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


def _applied(layer: keras.Layer, read: tuple, given: tuple) -> list[tuple]:
    """The kernels of a layer, each with the number of positions that it is applied at.

    Args:
        read: shape of the layer's input.
        given: shape of its output.
    """
    if kind(layer) == "SpectralNormalization":
        return _applied(layer.layer, read, given)
    if kind(layer) == "TimeDistributed":
        within = _applied(layer.layer, (read[0], *read[2:]), (given[0], *given[2:]))
        return [(kernel, count * _positions(layer, read[1:2])) for kernel, count in within]
    if kind(layer) in RECURRENT:
        steps = _positions(layer, read[1:2])
        return [(layer.cell.kernel, steps), (layer.cell.recurrent_kernel, steps)]
    if isinstance(layer, layers.EinsumDense):
        return [(layer.kernel, _positions(layer, _axes_beside_kernel(layer.equation, read)))]
    if isinstance(layer, layers.Dense):
        sizes = given[1:-1]
    elif isinstance(layer, TRANSPOSED):
        sizes = _spatial(layer, read)
    elif isinstance(layer, CONVOLUTIONS):
        sizes = _spatial(layer, given)
    else:
        return []
    return [(weight, _positions(layer, sizes)) for weight in layer.weights if len(weight.shape) > 1]


def _projections(node) -> list[tuple]:
    """As `_applied`, of a call of attention."""
    layer, read = node.operation, attended(node)
    counts = {name: _positions(layer, tensor.shape[1:-1]) for name, tensor in read.items()}
    # What heads are put together with is applied where the queries are.
    counts["head"] = counts["query"]
    pairs = zip(layer.weights, weight_axes(layer), strict=True)
    return [(weight, counts[axes[0]]) for weight, axes in pairs if axes and axes[0] and len(axes) == 3]


def _axes_beside_kernel(equation: str, read: tuple) -> list:
    """Sizes of the axes of an input, but for the batch, over which a kernel is repeated."""
    labels, kernel = equation.split("->")[0].split(",")
    labels = labels.replace("...", "." * (len(read) - len(labels.replace("...", ""))))
    return [size for label, size in list(zip(labels, read, strict=True))[1:] if label not in kernel]


def _unwrapped(layer: keras.Layer) -> keras.Layer:
    return _unwrapped(layer.layer) if kind(layer) in WRAPPERS else layer


def _spatial(layer, shape: tuple) -> tuple:
    return shape[2:] if layer.data_format == "channels_first" else shape[1:-1]


def _positions(layer, shape) -> int:
    if None in shape:
        raise PruneError(
            f"layer {layer.name!r} has no fixed output size {tuple(shape)}: build it with a fixed input size"
        )
    return math.prod(shape)
