"""Which channels of a network can only be deleted together."""

from collections import defaultdict
from dataclasses import dataclass

import keras

from kdsuite.prune.channels import HEADS, Channels
from kdsuite.prune.flattening import flatten
from kdsuite.prune.union_find import UnionFind


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
    surgery does not know. The heads of a layer of type `MultiHeadAttention` are a group of their own, under the name
    `<layer>/heads`.

    Args:
        model: functional or built Sequential model; models within it are looked into (`prune.flatten`).

    Raises:
        PruneError: see `flatten`.
    """
    return groups_of(Channels(flatten(model)))


def groups_of(channels: Channels) -> tuple[ChannelGroup, ...]:
    """The groups of a model whose channels have been followed."""
    free = [pairs for number, pairs in channels.members.items() if number not in channels.kept_because]
    numbers = UnionFind()
    names = [name for layer in channels.model.layers for name in (layer.name, layer.name + HEADS)]
    layer_numbers = {name: numbers.new(1) for name in names}
    for pairs in free:
        for name, _ in pairs[1:]:
            numbers.join(layer_numbers[pairs[0][0]], layer_numbers[name])
    together = defaultdict(list)
    for pairs in free:
        together[numbers.root(layer_numbers[pairs[0][0]][0])].append(tuple(pairs))
    groups = []
    for channel_sets in together.values():
        members = {name for pairs in channel_sets for name, _ in pairs}
        groups.append(ChannelGroup(tuple(name for name in layer_numbers if name in members), tuple(channel_sets)))
    return tuple(groups)
