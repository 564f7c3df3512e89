"""Units: what can be taken out of a network as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import keras
from keras import layers

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import kind, nodes

WEIGHTED = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Dense,
)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
BEFORE = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
AFTER = (
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)
SUMS = ("Add", "CustomScaleLayer")

Size = Literal["layer", "block"]


@dataclass(frozen=True)
class Unit:
    """Layers that are removed together.

    Attributes:
        name: of the first layer with a kernel.
        layers: names of all its layers and operations, input to output: padding, kernel, normalisation, activation.
        weighted: names of those with a kernel.
    """

    name: str
    layers: tuple[str, ...]
    weighted: tuple[str, ...]


def units(model: keras.Model, size: Size = "layer") -> tuple[Unit, ...]:
    """The units of a model, in its order; the last convolution or dense layer before each output is in none.

    Args:
        model: functional or built Sequential model; models within it are flattened.
        size: "layer" makes a unit of each convolution or dense layer with the padding before it and the normalisation
            and activation after it. "block" makes one of each residual branch with its sum, where the shortcut is the
            branch's own input and no output of the model is within; of what is left, it joins a depthwise unit with
            the convolution that follows it.

    Raises:
        PruneError: the model has no such layer, `size` is another word, or see `flatten`.
    """
    if size not in ("layer", "block"):
        raise PruneError(f"unit size {size!r}: expected 'layer' or 'block'")
    graph = _Graph(flatten(model))
    heads = {graph.head(tensor._keras_history.operation).name for tensor in graph.model.outputs}
    kernels = [layer for layer in graph.model.layers if isinstance(layer, WEIGHTED) and layer.name not in heads]
    layer_units = [_unit_around(graph, layer) for layer in kernels]
    if not layer_units:
        raise PruneError(f"model {model.name!r} has no convolution or dense layer besides its output")
    return tuple(layer_units) if size == "layer" else _blocks(graph, layer_units)


class _Graph:
    """The layers and operations of a functional model, and what stands next to each within it."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.nodes = nodes(model)
        self.order = {node.operation.name: number for number, node in enumerate(self.nodes)}
        self.made_by = {id(tensor): node for node in self.nodes for tensor in node.outputs}
        self._before: dict[int, list] = {}
        self._after: dict[int, list] = {}
        # Layers may take part in other models too.
        for node in self.nodes:
            for tensor in node.input_tensors:
                previous = tensor._keras_history.operation
                self._before.setdefault(id(node.operation), []).append(previous)
                self._after.setdefault(id(previous), []).append(node.operation)

    def before(self, operation) -> list:
        return self._before.get(id(operation), [])

    def after(self, operation) -> list:
        return self._after.get(id(operation), [])

    def follower(self, operation) -> keras.Operation | None:
        """The only operation that reads another's output, if it reads nothing else; None otherwise."""
        following = self.after(operation)
        return following[0] if len(following) == 1 and len(self.before(following[0])) == 1 else None

    def head(self, operation):
        """The operation, or the first on the way back to the input that has weights and is no norm or activation."""
        while isinstance(operation, AFTER) or not getattr(operation, "weights", None):
            if len(previous := self.before(operation)) != 1:
                break
            (operation,) = previous
        return operation


def _unit_around(graph: _Graph, layer: keras.Layer) -> Unit:
    names = [layer.name]
    previous = graph.before(layer)
    if len(previous) == 1 and isinstance(previous[0], BEFORE) and len(graph.after(previous[0])) == 1:
        names.insert(0, previous[0].name)
    following = graph.follower(layer)
    while following is not None and isinstance(following, AFTER):
        names.append(following.name)
        following = graph.follower(following)
    return Unit(layer.name, tuple(names), (layer.name,))


def _blocks(graph: _Graph, layer_units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Residual blocks; of the units in none of them, each depthwise one joined with the convolution it alone feeds."""
    blocks = _residual_blocks(graph, layer_units)
    within = {name for block in blocks for name in block.weighted}
    rest = [unit for unit in layer_units if unit.name not in within]
    by_first_layer = {unit.layers[0]: unit for unit in rest}
    operations = {node.operation.name: node.operation for node in graph.nodes}
    joined = set()
    for unit in rest:
        if unit.name in joined:
            continue
        following = graph.follower(operations[unit.layers[-1]])
        partner = None if following is None else by_first_layer.get(following.name)
        if isinstance(operations[unit.name], DEPTHWISE) and partner is not None:
            joined.add(partner.name)
            unit = Unit(unit.name, unit.layers + partner.layers, unit.weighted + partner.weighted)
        blocks.append(unit)
    order = {unit.name: number for number, unit in enumerate(layer_units)}
    return tuple(sorted(blocks, key=lambda unit: order[unit.name]))


def _residual_blocks(graph: _Graph, layer_units: Sequence[Unit]) -> list[Unit]:
    """What lies between a tensor and its sum with what was made of it alone; of nested blocks, the inner ones."""
    kernels = [unit.name for unit in layer_units]
    ends = {tensor._keras_history.operation.name for tensor in graph.model.outputs}
    blocks: list[Unit] = []
    for node in graph.nodes:
        if kind(node.operation) not in SUMS or len({id(tensor) for tensor in node.input_tensors}) != 2:
            continue
        for shortcut, branch in permutations(node.input_tensors):
            inside = _between(graph, shortcut, branch)
            names = {operation.name for operation in inside}
            block = {*names, node.operation.name}
            leaves = any(follower.name not in block for operation in inside for follower in graph.after(operation))
            weighted = [name for name in kernels if name in names]
            taken = {name for block in blocks for name in block.layers}
            if leaves or ends & block or not weighted or taken & names or node.outputs[0].shape != shortcut.shape:
                continue
            ordered = sorted(block, key=graph.order.__getitem__)
            blocks.append(Unit(weighted[0], tuple(ordered), tuple(weighted)))
    return blocks


def _between(graph: _Graph, start, end) -> list:
    """Operations that make one tensor of another; empty if they need anything else."""
    inside, tensors = {}, [end]
    while tensors:
        tensor = tensors.pop()
        node = graph.made_by[id(tensor)]
        if tensor is start or id(node) in inside:
            continue
        if node.is_input:
            return []
        inside[id(node)] = node.operation
        tensors.extend(node.input_tensors)
    return list(inside.values())
