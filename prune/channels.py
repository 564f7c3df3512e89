"""Follows every channel of a network through its graph: which weights read it, which give it, what goes with it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from kdsuite.prune.channel_types import (
    MERGE_OPERATIONS,
    MERGES,
    WEIGHT_AXES,
    attended,
    gives_channels,
    mixing_activation,
    refusal,
    weight_axes,
)
from kdsuite.prune.graph import kind, nodes
from kdsuite.prune.union_find import UnionFind

HEADS = "/heads"
"""What follows a layer's name where the heads of its attention are meant, as if they were channels of a layer."""


class Channels:
    """Where the channels of a model go. A channel is a number, and channels that go together share it.

    Attributes:
        model: functional model without models within it.
        roles: by name of a layer with weights, the numbers that its weights' axes count, by their role in
            `channel_types.WEIGHT_AXES` (int arrays): "in" are the channels it reads, "out" those it gives.
        given: by name of a layer, the numbers of the channels it gives; the heads of a layer of type
            `MultiHeadAttention` are the channels of `<its name>/heads`.
        features: by id of a tensor of the model, the numbers along its last axis.
        members: by number, the (layer, channel) pairs that give this channel, in the model's order.
        kept_because: by number, why the channel cannot be deleted, as a predicate.
        refused: by name of a layer, what keeps its channels from being followed, as a noun phrase.
        numbers_before_joins: `given` with the numbers that channels had before any were joined.
        ties: what joined channels: arrays of numbers, those they were joined with, and why, as a clause.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.roles: dict[str, dict[str, np.ndarray]] = {}
        self.features: dict[int, np.ndarray] = {}
        self.refused: dict[str, str] = {}
        self.ties: list[tuple[np.ndarray, np.ndarray, str]] = []
        self._first_reshaped: dict[str, np.ndarray] = {}
        self._numbers = UnionFind()
        self._reasons: dict[int, str] = {}
        for node in nodes(model):
            self._follow(node)
        for tensor in model.outputs:
            self._keep(self.features[id(tensor)], "is an output of the model")
        self.numbers_before_joins = self._given()
        roots = self._numbers.roots
        self.features = {key: roots(numbers) for key, numbers in self.features.items()}
        self.roles = {
            name: {role: roots(numbers) for role, numbers in of_layer.items()} for name, of_layer in self.roles.items()
        }
        self.given = self._given()
        self.kept_because = {}
        for number, reason in self._reasons.items():
            self.kept_because.setdefault(self._numbers.root(number), reason)
        self.members = defaultdict(list)
        for name, numbers in self.given.items():
            if gives_channels(model.get_layer(name.removesuffix(HEADS))):
                for channel, number in enumerate(numbers):
                    self.members[int(number)].append((name, channel))

    def mask(self, numbers: Iterable[int]) -> np.ndarray:
        """Which of all numbers are these; bool, by number."""
        mask = np.zeros(len(self._numbers), bool)
        mask[np.fromiter(numbers, int)] = True
        return mask

    def kept(self, layer: keras.Layer, gone: np.ndarray) -> dict[str, np.ndarray]:
        """By role, which of a layer's channels stay once those of a mask are deleted; bool arrays."""
        return {role: ~gone[numbers] for role, numbers in self.roles.get(layer.name, {}).items()}

    def kept_indices(self, layer: keras.Layer, gone: np.ndarray) -> list[dict[int, np.ndarray]]:
        """For each weight of a layer, by axis, the indices along it that stay once those of a mask are deleted."""
        kept = self.kept(layer, gone)
        if not kept:
            return [{} for _ in layer.weights]
        indices = []
        for weight, roles in zip(layer.weights, weight_axes(layer), strict=True):
            assert roles is not None
            first = len(weight.shape) - len(roles)
            # The kernel of a recurrent layer holds one block of channels for each gate.
            indices.append(
                {
                    axis: np.flatnonzero(np.tile(kept[role], weight.shape[axis] // len(kept[role])))
                    for axis, role in enumerate(roles, start=first)
                    if role is not None
                }
            )
        return indices

    def carrying(self, name: str) -> Iterator:
        """Calls of a layer, and those that its channels reach before a layer makes others of them, inputs first."""
        reached = set()
        for node in nodes(self.model):
            passed_on = any(id(tensor) in reached for tensor in node.input_tensors)
            if node.operation.name == name or (passed_on and not gives_channels(node.operation)):
                reached |= {id(tensor) for tensor in node.outputs}
                yield node

    def given_by(self, numbers: Iterable[int]) -> dict[str, list[int]]:
        """The layers that give the channels with these numbers, and which of their channels these are."""
        deleted = defaultdict(list)
        for number in numbers:
            for name, channel in self.members[number]:
                deleted[name].append(channel)
        return {name: sorted(channels) for name, channels in deleted.items()}

    def _given(self) -> dict[str, np.ndarray]:
        given = {}
        for name, of_layer in self.roles.items():
            given[name] = of_layer["out"]
            if "head" in of_layer:
                given[name + HEADS] = of_layer["head"]
        return given

    def _follow(self, node) -> None:
        operation = node.operation
        inputs = [self.features[id(tensor)] for tensor in node.input_tensors]
        unknown = "is an input of the model" if node.is_input else refusal(node)
        if unknown is None:
            numbers = self._through(node, inputs)
            if numbers is not None:
                self.features[id(node.outputs[0])] = numbers
                return
            unknown = f"a layer whose output shape {tuple(node.outputs[0].shape)} mixes channels with positions"
        if not node.is_input:
            self.refused[operation.name] = unknown
            unknown = f"{operation.name!r}, {unknown}"
        for numbers in inputs:
            self._keep(numbers, f"reaches {unknown}")
        for tensor in node.outputs:
            self.features[id(tensor)] = self._numbers.new((tensor.shape[-1] or 1) if len(tensor.shape) else 1)
            self._keep(self.features[id(tensor)], unknown if node.is_input else f"comes from {unknown}")

    def _through(self, node, inputs: list[np.ndarray]) -> np.ndarray | None:
        """Numbers along the output's last axis, or None where that no longer holds whole channels."""
        layer, name, shape = node.operation, kind(node.operation), node.outputs[0].shape
        if name == "MultiHeadAttention":
            return self._attention(node)
        if name in WEIGHT_AXES:
            return self._weighted(layer, inputs[0], shape[-1])
        if name in MERGES or name in MERGE_OPERATIONS:
            widest = max(inputs, key=len)
            for other in inputs:
                # A single channel is broadcast to all of the others, and stands for none of them.
                if len(other) == len(widest):
                    self._join(widest, other, f"{layer.name!r} merges them")
            return widest
        if name == "Concatenate":
            if layer.axis % len(shape) == len(shape) - 1:
                return np.concatenate(inputs)
            for other in inputs[1:]:
                self._join(inputs[0], other, f"{layer.name!r} puts them in one channel")
        if name in ("Flatten", "Reshape"):
            return self._reshaped(layer, inputs[0], shape)
        if name == "Permute" and layer.dims[-1] != len(layer.dims):
            return None
        return inputs[0]

    def _weighted(self, layer: keras.Layer, read: np.ndarray, size: int) -> np.ndarray:
        if kind(layer) == "Embedding":
            self._keep(read, f"reaches {layer.name!r}, which looks it up")
            read = np.empty(0, int)
        known = self.roles.get(layer.name)
        if known is not None:
            self._join(known["in"], read, f"{layer.name!r} reads both: it is called more than once")
            return known["out"]
        groups = getattr(layer, "groups", 1)
        if groups != 1:
            blocks = read.reshape(groups, -1)
            for block in blocks:
                self._join(block[:1].repeat(len(block)), block, f"{layer.name!r} reads them as one of its groups")
        if gives_channels(layer):
            given = self._numbers.new(size)
        elif groups != 1 and kind(layer) != "GroupNormalization":
            given = np.repeat(blocks[:, 0], size // groups)
        else:
            # A depthwise convolution gives `depth_multiplier` channels for each that it reads.
            given = np.repeat(read, size // len(read))
        self.roles[layer.name] = {"in": read, "out": given}
        if hasattr(layer, "pointwise_kernel"):
            self.roles[layer.name]["deep"] = np.repeat(read, layer.depth_multiplier)
        if mixing := mixing_activation(layer):
            self._keep(given, f"comes from {layer.name!r}, {mixing}")
        return given

    def _reshaped(self, layer: keras.Layer, read: np.ndarray, shape: tuple) -> np.ndarray | None:
        if shape[-1] != len(read):
            if len(shape) != 2 or not shape[-1]:
                return None
            read = np.tile(read, shape[-1] // len(read))
        if kind(layer) == "Reshape" and layer.target_shape[-1] != -1:
            first = self._first_reshaped.setdefault(layer.name, read)
            if first is not read:
                self._join(first, read, f"{layer.name!r} gives both one shape: it is called more than once")
        return read

    def _attention(self, node) -> np.ndarray:
        layer, tensors = node.operation, attended(node)
        read = {name: self.features[id(tensor)] for name, tensor in tensors.items()}
        for tensor in node.input_tensors:
            if all(tensor is not other for other in tensors.values()):
                self._keep(self.features[id(tensor)], f"reaches {layer.name!r} as a mask")
        known = self.roles.get(layer.name)
        if known is not None:
            for name, numbers in read.items():
                self._join(known[name], numbers, f"{layer.name!r} reads both: it is called more than once")
            return known["out"]
        heads, out = self._numbers.new(layer.num_heads), self._numbers.new(node.outputs[0].shape[-1])
        self.roles[layer.name] = {**read, "head": heads, "out": out}
        return out

    def _join(self, first: np.ndarray, second: np.ndarray, reason: str) -> None:
        self._numbers.join(first, second)
        self.ties.append((first, second, reason))

    def _keep(self, numbers: np.ndarray, reason: str) -> None:
        for number in numbers:
            self._reasons.setdefault(int(number), reason)
