"""Choosing units to remove."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Literal

import keras
import numpy as np

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.importance import block_influence, sensitivity, zero_density
from kdsuite.prune.removal import obstacle
from kdsuite.prune.units import Size, Unit, units

By = Literal["zero_density", "random", "name", "sensitivity", "block_influence"]


def select(
    model: keras.Model,
    by: By,
    count: int | None = None,
    *,
    threshold: float = 0.01,
    seed: int = 0,
    names: Sequence[str] = (),
    size: Size = "layer",
    data: Iterable | None = None,
    measure: Literal["loss", "accuracy"] = "loss",
) -> tuple[Unit, ...]:
    """Chooses units to remove; given in the model's order.

    A unit that cannot be removed together with those chosen before it is passed over, the next one takes its place,
    and a warning names it and the reason.

    Args:
        model: functional or built Sequential model; models within it are flattened.
        by: "zero_density" takes the `count` units of highest zero density (ties: the earlier one), "random" any
            `count`, "sensitivity" those without which least is lost on `data`, "block_influence" those that turn their
            input least, "name" those in `names`, whether they can be removed or not.
        count: how many, for all but "name".
        threshold: of the zero density.
        seed: of the random choice, and of the weights that "sensitivity" draws; the same seed gives the same units.
        names: names of units, or of any of their layers.
        size: see `units`.
        data: batches of (inputs, integer labels), for "sensitivity" and "block_influence".
        measure: see `sensitivity`.

    Raises:
        PruneError: a count that the model does not have or that cannot be removed, an unknown name or way, or data that
            are missing.
    """
    graph = flatten(model)
    available = units(graph, size)
    if by == "name":
        return _by_name(available, names)
    if count is None or not 0 < count <= len(available):
        raise PruneError(f"{count} units to remove: expected 1 to {len(available)}, the units of {model.name!r}")
    if by == "zero_density":
        densities = zero_density(graph, threshold, size)
        ranked = sorted(available, key=lambda unit: densities[unit.name], reverse=True)
    elif by == "random":
        ranked = [available[index] for index in np.random.default_rng(seed).permutation(len(available))]
    elif by == "sensitivity":
        ranked = _least_first(available, sensitivity(graph, _given(data, by), size, measure, seed=seed))
    elif by == "block_influence":
        ranked = _least_first(available, block_influence(graph, _given(data, by), size))
    else:
        expected = "'zero_density', 'random', 'sensitivity', 'block_influence' or 'name'"
        raise PruneError(f"select by {by!r}: expected {expected}")
    chosen = {unit.name for unit in _removable(graph, ranked, count)}
    return tuple(unit for unit in available if unit.name in chosen)


def _removable(graph: keras.Model, ranked: Sequence[Unit], count: int) -> list[Unit]:
    """The first units, in their order, that can be removed together."""
    if len(ranked) >= count and obstacle(graph, ranked[:count]) is None:
        return list(ranked[:count])
    chosen: list[Unit] = []
    for unit in ranked:
        if len(chosen) == count:
            break
        reason = obstacle(graph, [*chosen, unit])
        if reason is None:
            chosen.append(unit)
        else:
            warnings.warn(f"unit {unit.name!r} is passed over: removing it {reason}", stacklevel=3)
    if len(chosen) < count:
        raise PruneError(
            f"{count} units to remove: only {len(chosen)} of the {len(ranked)} ranked units of {graph.name!r} can be "
            "removed together"
        )
    return chosen


def _given(data: Iterable | None, by: str) -> Iterable:
    if data is None:
        raise PruneError(f"select by {by!r} needs data: give batches of (inputs, labels)")
    return data


def _least_first(available: Sequence[Unit], importance: dict[str, float]) -> list[Unit]:
    known = [unit for unit in available if unit.name in importance]
    return sorted(known, key=lambda unit: importance[unit.name])


def _by_name(available: Sequence[Unit], names: Sequence[str]) -> tuple[Unit, ...]:
    for name in names:
        if not any(name in unit.layers for unit in available):
            known = ", ".join(unit.name for unit in available)
            raise PruneError(f"no unit {name!r}: expected one of {known}")
    return tuple(unit for unit in available if set(names) & set(unit.layers))
