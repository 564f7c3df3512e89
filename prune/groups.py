"""Which channels of a network can only be deleted together, found by following each through the graph."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kdsuite.prune.channel_types import MERGES, PER_CHANNEL, PRODUCERS, WEIGHT_AXES, mixing_activation, refusal
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import functional, kind, nodes


@dataclass(frozen=True)
class ChannelGroup:
    """Layers whose channels can only be deleted together.

    Attributes:
        layers: names of the layers that give the channels, in the model's order.
        channels: what is deleted as one: for each, the (layer, channel) pairs that go together.
    """

    layers: tuple[str, ...]
    channels: tuple[tuple[tuple[str, int], ...], ...]


def channel_groups(model: keras.Model) -> tuple[ChannelGroup, ...]:
    """The groups of layers whose channels can be deleted, in the model's order.

    Convolutions whose outputs are added or multiplied make one group; those that are concatenated, each its own.
    Layers whose channels cannot go are in none: those that give the model's output, or reach a layer that channel
    surgery does not know.

    Args:
        model: functional model; it is left as it was.
    """
    channels = Channels(functional(model))
    free = [pairs for number, pairs in channels.members.items() if number not in channels.kept_because]
    numbers = _Numbers()
    layer_numbers = {layer.name: numbers.new(1) for layer in channels.model.layers}
    for pairs in free:
        for name, _ in pairs[1:]:
            numbers.join(layer_numbers[pairs[0][0]], layer_numbers[name])
    together = defaultdict(list)
    for pairs in free:
        together[numbers.root(layer_numbers[pairs[0][0]][0])].append(tuple(pairs))
    groups = []
    for channel_sets in together.values():
        names = {name for pairs in channel_sets for name, _ in pairs}
        groups.append(ChannelGroup(tuple(name for name in layer_numbers if name in names), tuple(channel_sets)))
    return tuple(groups)


class Channels:
    """Where the channels of a model go. A channel is a number, and channels that go together share it.

    Attributes:
        model: functional model.
        read, given: by name of a layer with weights, the numbers of the channels it reads and gives (int arrays).
        features: by id of a tensor of the model, the numbers along its last axis.
        members: by number, the (layer, channel) pairs that give this channel, in the model's order.
        kept_because: by number, why the channel cannot be deleted.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.read: dict[str, np.ndarray] = {}
        self.given: dict[str, np.ndarray] = {}
        self.features: dict[int, np.ndarray] = {}
        self._numbers = _Numbers()
        self._reasons: dict[int, str] = {}
        for node in nodes(model):
            self._follow(node)
        for tensor in model.outputs:
            self._keep(self.features[id(tensor)], "is an output of the model")
        roots = self._numbers.roots
        self.read, self.given, self.features = (
            {key: roots(numbers) for key, numbers in table.items()} for table in (self.read, self.given, self.features)
        )
        self.kept_because = {}
        for number, reason in self._reasons.items():
            self.kept_because.setdefault(self._numbers.root(number), reason)
        self.members = defaultdict(list)
        for name, numbers in self.given.items():
            if kind(model.get_layer(name)) in PRODUCERS:
                for channel, number in enumerate(numbers):
                    self.members[int(number)].append((name, channel))

    def shapes_without(self, layer: keras.Layer, deleted: Iterable[int]) -> list[tuple[int, ...]]:
        """Shapes of a layer's weights once the channels with these numbers are deleted."""
        if layer.name not in self.given:
            return [tuple(weight.shape) for weight in layer.weights]
        counted = {"in": self.read[layer.name], "out": self.given[layer.name]}
        kept = {role: ~np.isin(numbers, list(deleted)) for role, numbers in counted.items()}
        shapes = []
        for weight in layer.weights:
            shape = list(weight.shape)
            axes = WEIGHT_AXES[kind(layer)][weight.name]
            for axis, role in enumerate(axes, start=len(shape) - len(axes)):
                if role is not None:
                    shape[axis] = shape[axis] // len(kept[role]) * int(kept[role].sum())
            shapes.append(tuple(shape))
        return shapes

    def together_with(self, asked: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
        """The channels asked for and those that go with them, by the layer that gives them.

        Raises:
            PruneError: a name, an index or a channel that cannot be deleted, or a layer that would lose them all.
        """
        numbers = {number for name, indices in asked.items() for number in self._checked(name, list(indices))}
        deleted = self.given_by(numbers)
        for name, indices in deleted.items():
            if len(indices) == len(self.given[name]):
                raise PruneError(f"layer {name!r} would lose all its {len(indices)} channels: keep at least one")
        return deleted

    def given_by(self, numbers: Iterable[int]) -> dict[str, list[int]]:
        """The layers that give the channels with these numbers, and which of their channels these are."""
        deleted = defaultdict(list)
        for number in numbers:
            for name, channel in self.members[number]:
                deleted[name].append(channel)
        return {name: sorted(channels) for name, channels in deleted.items()}

    def _checked(self, name: str, indices: list[int]) -> list[int]:
        if name not in self.given:
            known = ", ".join(self.given)
            raise PruneError(f"layer {name!r} gives no channels that can be deleted: expected one of {known}")
        given = self.given[name]
        for index in indices:
            if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < len(given):
                raise PruneError(f"channel {index!r} of layer {name!r}: expected 0 to {len(given) - 1}")
            if indices.count(index) > 1:
                raise PruneError(f"channel {index} of layer {name!r} is given more than once: name each once")
            if reason := self.kept_because.get(int(given[index])):
                raise PruneError(f"channel {index} of layer {name!r} cannot be deleted: it {reason}")
        return [int(given[index]) for index in indices]

    def _follow(self, node) -> None:
        layer = node.operation
        inputs = [self.features[id(tensor)] for tensor in node.input_tensors]
        unknown = "is an input of the model" if node.is_input else refusal(node)
        if unknown is None:
            numbers = self._through(node, inputs)
            if numbers is not None:
                self.features[id(node.outputs[0])] = numbers
                return
            unknown = f"whose output shape {tuple(node.outputs[0].shape)} mixes channels with positions"
        for numbers in inputs:
            self._keep(numbers, f"reaches {layer.name!r}, {unknown}")
        for tensor in node.outputs:
            self.features[id(tensor)] = self._numbers.new((tensor.shape[-1] or 1) if len(tensor.shape) else 1)
            self._keep(self.features[id(tensor)], f"comes from {layer.name!r}, {unknown}" if inputs else unknown)

    def _through(self, node, inputs: list[np.ndarray]) -> np.ndarray | None:
        """Numbers along the output's last axis, or None where that no longer holds whole channels."""
        layer, name, shape = node.operation, kind(node.operation), node.outputs[0].shape
        if name in PRODUCERS or name in PER_CHANNEL:
            return self._weighted(layer, inputs[0], shape[-1])
        if name in MERGES:
            widest = max(inputs, key=len)
            for other in inputs:
                # A single channel is broadcast to all of the others, and stands for none of them.
                if len(other) == len(widest):
                    self._numbers.join(widest, other)
            return widest
        if name == "Concatenate":
            if layer.axis % len(shape) == len(shape) - 1:
                return np.concatenate(inputs)
            for other in inputs[1:]:
                self._numbers.join(inputs[0], other)
        if name in ("Flatten", "Reshape") and shape[-1] != len(inputs[0]):
            return np.tile(inputs[0], shape[-1] // len(inputs[0])) if len(shape) == 2 and shape[-1] else None
        if name == "Permute" and layer.dims[-1] != len(layer.dims):
            return None
        return inputs[0]

    def _weighted(self, layer: keras.Layer, read: np.ndarray, size: int) -> np.ndarray:
        if layer.name in self.read:
            self._numbers.join(self.read[layer.name], read)
            return self.given[layer.name]
        self.read[layer.name] = read
        # A depthwise convolution gives `depth_multiplier` channels for each that it reads.
        fresh = kind(layer) in PRODUCERS
        self.given[layer.name] = self._numbers.new(size) if fresh else np.repeat(read, size // len(read))
        if mixing := mixing_activation(layer):
            self._keep(self.given[layer.name], f"comes from {layer.name!r}, {mixing}")
        return self.given[layer.name]

    def _keep(self, numbers: np.ndarray, reason: str) -> None:
        for number in numbers:
            self._reasons.setdefault(int(number), reason)


class _Numbers:
    """Numbers that can be joined (union-find)."""

    def __init__(self):
        self._parents: list[int] = []

    def new(self, count: int) -> np.ndarray:
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def root(self, number: int) -> int:
        number = int(number)
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        return np.fromiter(map(self.root, numbers), int, len(numbers))

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        for one, other in zip(first, second, strict=True):
            low, high = sorted((self.root(one), self.root(other)))
            self._parents[high] = low
