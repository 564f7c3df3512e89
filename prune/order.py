"""Which channels of a network go first, and how many of each layer may go."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import gcd
from typing import Literal

import numpy as np

from kdsuite.prune.channels import Channels
from kdsuite.prune.groups import ChannelGroup

Scope = Literal["global", "layer"]


def deletion_order(
    channels: Channels,
    groups: Sequence[ChannelGroup],
    scores: Sequence[np.ndarray | None],
    scope: Scope,
    costs: np.ndarray | None,
    most: Mapping[str, int],
) -> list[int]:
    """Numbers of the channels that may go, the first to go first. Every layer keeps its best channel.

    Args:
        channels: of the model.
        groups: the model's groups.
        scores: of their channels; a group without scores keeps all of them.
        scope: "global" orders channels by score wherever they are, "layer" by their rank in their group.
        costs: by number, what the channel costs; scores are divided by it.
        most: by name of layer, how many of its channels may go at most.
    """
    ranked: list[tuple[float, int]] = []
    for group, values in zip(groups, scores, strict=True):
        if values is None:
            continue
        numbers = [int(channels.given[pairs[0][0]][pairs[0][1]]) for pairs in group.channels]
        best = {}
        for position in np.argsort(values, kind="stable"):
            best |= {name: position for name, _ in group.channels[position]}
        if costs is not None:
            values = values / np.maximum(costs[numbers], 1)
        by = values if scope == "global" else ranks(values)
        ranked += [
            (float(by[position]), number) for position, number in enumerate(numbers) if position not in best.values()
        ]
    return _within(channels, [number for _, number in sorted(ranked)], most)


def ranks(scores: np.ndarray) -> np.ndarray:
    """The rank of each score among its group's, from 0 to below 1; of equal ones the first is lower."""
    return np.argsort(np.argsort(scores, kind="stable")) / len(scores)


def rounded(channels: Channels, groups: Sequence[ChannelGroup], deleted: Sequence[int], round_to: int) -> list[int]:
    """The channels to delete, less the last few, so that each layer keeps a multiple of `round_to` channels.

    A layer with channels that cannot go, or with fewer than `round_to`, may keep another number.

    Args:
        deleted: numbers of channels, in the order in which they go.
    """
    kinds, sizes = {}, defaultdict(int)
    for group in groups:
        for pairs in group.channels:
            # Of channels that go together in the same layers, any may stand for any other.
            names = tuple(sorted(name for name, _ in pairs))
            kinds[int(channels.given[pairs[0][0]][pairs[0][1]])] = names
            sizes[names] += 1
    of_kind: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number in deleted:
        of_kind[kinds[number]].append(number)
    gone = set()
    for names, numbers in of_kind.items():
        # A group of a grouped convolution takes several channels of its layer at once.
        step = round_to // gcd(round_to, names.count(names[0]))
        kept = -(-(sizes[names] - len(numbers)) // step) * step
        gone |= set(numbers[: max(0, sizes[names] - kept)])
    return [number for number in deleted if number in gone]


def _within(channels: Channels, order: Sequence[int], most: Mapping[str, int]) -> list[int]:
    """The order without channels of which a layer would lose too many."""
    lost: dict[str, int] = defaultdict(int)
    within = []
    for number in order:
        taken: dict[str, int] = defaultdict(int)
        for name, _ in channels.members[number]:
            taken[name] += 1
        if all(lost[name] + count <= most[name] for name, count in taken.items()):
            within.append(number)
            for name, count in taken.items():
                lost[name] += count
    return within
