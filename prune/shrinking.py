"""Shrinking a network to a target: which channels go, and their deletion, in one step."""

import math
from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np

from kdsuite.prune.channels import cut
from kdsuite.prune.cost import layer_macs, macs
from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import functional
from kdsuite.prune.groups import Channels, channel_groups
from kdsuite.prune.ranking import Criterion, channel_scores

TOLERANCE = 0.02


def shrink(
    model: keras.Model,
    data: Iterable | None = None,
    keep: float = 0.7,
    criterion: Criterion = "l1",
    scope: Literal["global", "layer"] = "global",
    target: Literal["params", "macs"] = "params",
    *,
    seed: int = 0,
) -> keras.Model:
    """A new model with the least important channels deleted, down to a share of its parameters or MACs.

    Scores are those of `channel_scores`, divided by the root mean square of their layer so that layers compare
    (Molchanov et al. 2017, §2.2, divide by the root of the sum, which would favour narrow layers). Channels that go
    together have the mean score of their members. Every layer keeps its best channel.

    Args:
        model: functional model; it is left as it was.
        data: batches of (inputs, integer labels), for the criteria "apoz" and "taylor".
        keep: share to keep, 0 < keep < 1.
        criterion: "l1", "apoz", "taylor" or "random".
        scope: "global" takes the least important channels wherever they are, "layer" the same share of each layer.
        target: what `keep` is a share of: "params" or "macs".
        seed: of the criterion "random".

    Raises:
        PruneError: the target is not within 2% of reach, or another argument is not one of these.
    """
    for name, value, expected in (("scope", scope, ("global", "layer")), ("target", target, ("params", "macs"))):
        if value not in expected:
            raise PruneError(f"{name} {value!r}: expected {expected[0]!r} or {expected[1]!r}")
    if not 0 < keep < 1:
        raise PruneError(f"keep {keep}: expected a share between 0 and 1")
    graph = functional(model)
    channels = Channels(graph)
    order = _deletion_order(graph, channels, data, criterion, scope, seed)
    whole = _cost(channels, [], target)

    def left(count: int) -> float:
        return _cost(channels, order[:count], target) / whole

    low, high = 0, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left(middle) > keep else (low, middle)
    count = min(low, high, key=lambda count: abs(left(count) - keep))
    if abs(left(count) - keep) > TOLERANCE * keep:
        raise PruneError(
            f"keep {keep:g} of the {target} is out of reach: the nearest is {left(count):.3f}, with {count} of "
            f"{len(order)} channels deleted"
        )
    return cut(graph, channels.given_by(order[:count]))


def _deletion_order(graph, channels: Channels, data, criterion, scope, seed: int) -> list[int]:
    """Numbers of the channels that may go, the first to go first."""
    groups = channel_groups(graph)
    if not groups:
        raise PruneError(f"model {graph.name!r} has no channels that can be deleted")
    scores = channel_scores(graph, [name for group in groups for name in group.layers], data, criterion, seed=seed)
    scores = {name: values / (np.sqrt(np.mean(values**2)) or 1.0) for name, values in scores.items()}
    ranked: list[tuple[float, int]] = []
    for group in groups:
        means = np.array([np.mean([scores[name][channel] for name, channel in pairs]) for pairs in group.channels])
        best = {}
        for position in np.argsort(means, kind="stable"):
            best |= {name: position for name, _ in group.channels[position]}
        place = np.argsort(np.argsort(means, kind="stable")) / len(means)
        ranked += [
            (float((means if scope == "global" else place)[position]), int(channels.given[pairs[0][0]][pairs[0][1]]))
            for position, pairs in enumerate(group.channels)
            if position not in best.values()
        ]
    return [number for _, number in sorted(ranked)]


def _cost(channels: Channels, deleted: list[int], target: str) -> int:
    cost = channels.model.count_params() if target == "params" else macs(channels.model)
    for layer in channels.model.layers:
        if layer.name not in channels.given:
            continue
        before = [tuple(weight.shape) for weight in layer.weights]
        after = channels.shapes_without(layer, deleted)
        if target == "params":
            cost += sum(map(math.prod, after)) - sum(map(math.prod, before))
        elif layer_macs(layer):
            kernels_before, kernels_after = (
                sum(math.prod(s) for s in shapes if len(s) > 1) for shapes in (before, after)
            )
            cost += layer_macs(layer) // kernels_before * (kernels_after - kernels_before)
    return cost
