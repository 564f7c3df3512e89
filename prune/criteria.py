"""Criteria: what makes a channel important. Each is a small function from one layer of a group to its scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kdsuite.prune.groups import ChannelGroup

Criterion = Literal["l1", "l2", "apoz", "taylor", "random", "bn_scale", "lamp", "fpgm", "taylor_weights"]


@dataclass(frozen=True)
class Filters:
    """What a criterion sees of a layer.

    Attributes:
        name: of the layer.
        weights: float64 (channels, weights), the kernel weights that make each channel.
        scale: float64 (channels,), the factor γ of the first batch norm behind the layer; None without one.
        measured: float64 (channels,), what the criterion asks to be measured on data; None without data.
    """

    name: str
    weights: np.ndarray
    scale: np.ndarray | None = None
    measured: np.ndarray | None = None


@dataclass(frozen=True)
class GroupView:
    """What a criterion of one's own sees: channels that can only go together, and the layers that give them.

    Attributes:
        group: the layers' names, and which of their channels go together.
        layers: by name, the layers of the group.
    """

    group: ChannelGroup
    layers: dict[str, Filters]

    def mean(self, score: Callable[[Filters], np.ndarray | None], normalised: bool = True) -> np.ndarray | None:
        """Scores of the group's channels: the mean of their layers' scores, float64 (len(group.channels),).

        Args:
            score: gives the scores of one layer's channels, or None where the layer has none.
            normalised: divides them by their root mean square, so that layers compare (Molchanov et al. 2017, §2.2,
                divide by the root of the sum, which would favour narrow layers).
        """
        scores = {name: score(layer) for name, layer in self.layers.items()}
        scores = {name: values for name, values in scores.items() if values is not None}
        if normalised:
            scores = {name: values / (np.sqrt(np.mean(values**2)) or 1.0) for name, values in scores.items()}
        members = [
            [scores[name][channel] for name, channel in pairs if name in scores] for pairs in self.group.channels
        ]
        return np.array([np.mean(values) for values in members]) if all(members) else None


@dataclass(frozen=True)
class Score:
    """A criterion of the library.

    Attributes:
        of: from a layer to the scores of its channels, float64 (channels,); None where it has none.
        measures: what it needs from data: the share of "zeros", the "effect" of activations on the loss, the "effect
            of weights" on it, or "chance" (which needs no data).
        normalised: whether scores of two layers compare only once they are normalised.
    """

    of: Callable[[Filters], np.ndarray | None]
    measures: Literal["zeros", "effect", "effect of weights", "chance"] | None = None
    normalised: bool = True


def l1(layer: Filters) -> np.ndarray:
    """Sum of the absolute kernel weights that make the channel (Li et al. 2017, §3.1)."""
    return np.abs(layer.weights).sum(axis=1)


def l2(layer: Filters) -> np.ndarray:
    """Euclidean norm of the kernel weights that make the channel (Fang et al. 2023, §3.3, over a group)."""
    return np.sqrt((layer.weights**2).sum(axis=1))


def apoz(layer: Filters) -> np.ndarray | None:
    """One less the average percentage of zeros of the activation (Hu et al. 2016, eq. 1; kerassurgeon's `get_apoz`)."""
    return None if layer.measured is None else 1 - layer.measured


def measured(layer: Filters) -> np.ndarray | None:
    """What was measured: an effect on the loss, or chance."""
    return layer.measured


def bn_scale(layer: Filters) -> np.ndarray | None:
    """|γ| of the batch norm behind the channel (Liu et al. 2017, §3)."""
    return None if layer.scale is None else np.abs(layer.scale)


def lamp(layer: Filters) -> np.ndarray:
    """Layer-adaptive magnitude (Lee et al. 2021, eq. 4) of whole filters.

    The squared norm of a filter over the sum of those of its layer that are not smaller; the largest filter of each
    layer has 1, so that layers compare as they are.
    """
    squares = (layer.weights**2).sum(axis=1)
    order = np.argsort(squares, kind="stable")[::-1]
    scores = np.empty_like(squares)
    scores[order] = squares[order] / np.maximum(np.cumsum(squares[order]), np.finfo(float).tiny)
    return scores


def fpgm(layer: Filters) -> np.ndarray:
    """Sum of the Euclidean distances to all filters of the layer (He et al. 2019, eq. 6); the median's is smallest."""
    squares = (layer.weights**2).sum(axis=1)
    distances = squares[:, None] + squares[None] - 2 * layer.weights @ layer.weights.T
    return np.sqrt(np.maximum(distances, 0)).sum(axis=1)


CRITERIA: dict[str, Score] = {
    "l1": Score(l1),
    "l2": Score(l2),
    "apoz": Score(apoz, "zeros"),
    "taylor": Score(measured, "effect"),
    "random": Score(measured, "chance"),
    "bn_scale": Score(bn_scale, normalised=False),
    "lamp": Score(lamp, normalised=False),
    "fpgm": Score(fpgm),
    "taylor_weights": Score(measured, "effect of weights", normalised=False),
}
