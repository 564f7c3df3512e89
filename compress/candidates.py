"""Candidates: ways to a smaller model, by channels, by units (blocks or layers), or by both."""

import contextlib
import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import keras
import numpy as np

from kdsuite import prune
from kdsuite.compress.costs import ModelCosts, costs_of, share
from kdsuite.compress.goals import Goal
from kdsuite.compress.proofs import Proof, surgery
from kdsuite.compress.scoring import Scores
from kdsuite.prune import PruneError
from kdsuite.prune.order import Scope
from kdsuite.prune.shrinking import Target

ROUND_TO = (8, 4, 2, 1)
ATTEMPTS, TOLERANCE = 6, 0.1
DROP_SHARES = (0.5, 0.7, 0.35, 0.85, 0.25, 0.15)
"""Shares of the MACs that are tried where the goal names only a drop of accuracy, the most useful ones first."""


@dataclass(frozen=True)
class Recipe:
    """How a candidate is cut.

    Attributes:
        share: of the teacher's cost that may stay.
        criterion: of `prune.shrink`, or None where only units go.
        scope: "global" or "layer".
        weighed: whether a channel's score is divided by what the channel costs; with scope "global" alone.
        units: share of the way that removed units go before channels do: 0 for none, 1 for all of it.
    """

    share: float
    criterion: prune.Criterion | None
    scope: Scope = "global"
    weighed: bool = False
    units: float = 0.0

    def __str__(self) -> str:
        parts = []
        if self.units:
            parts.append("units")
        if self.criterion:
            parts.append(self.criterion.replace("_", " ") + (" by cost" if self.weighed else "") + self._scope())
        return f"{' + '.join(parts)} to {self.share:.2f}"

    def _scope(self) -> str:
        return ", the same of each layer" if self.scope == "layer" else ""

    @property
    def key(self) -> str:
        return hashlib.sha256(repr(asdict(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Cut:
    """A candidate as it was cut, before any training.

    Attributes:
        model: flat, ends in logits.
        removed: names of the units that went.
        channels: by name of layer, which of its channels went from the model without these units.
        costs: of the model.
        proof: that no other channel's work was touched.
    """

    model: keras.Model
    removed: tuple[str, ...]
    channels: dict[str, list[int]]
    costs: ModelCosts
    proof: Proof


def recipes(goal: Goal, wanted: float | None) -> list[Recipe]:
    """All candidates for a goal, the most promising first.

    On MobileNet 0.75 and Dogs vs. Cats, at half the MACs and after 40 steps, they came to 0.91, 0.91, 0.69, 0.90, 0.85,
    0.83 and 0.69 of 400 validation images; units stand third because other networks have more than they need.
    """
    if wanted is not None:
        return [
            Recipe(wanted, "taylor", "layer"),
            Recipe(wanted, "taylor_weights", weighed=True),
            Recipe(wanted, "taylor", "layer", units=0.5),
            Recipe(wanted, "taylor_weights", "layer"),
            Recipe(wanted, "taylor"),
            Recipe(wanted, "l1", "layer"),
            Recipe(wanted, None, units=1.0),
        ]
    by_channels = [Recipe(share, "taylor", "layer") for share in DROP_SHARES]
    both = [Recipe(share, "taylor", "layer", units=0.5) for share in DROP_SHARES[:3]]
    return [*by_channels[:4], *both[:2], *by_channels[4:], *both[2:]]


def cut(teacher: keras.Model, recipe: Recipe, goal: Goal, whole: ModelCosts, scores: Scores) -> Cut:
    """Cuts a candidate whose cost is at most its share.

    Args:
        teacher: flat, ends in logits.
        recipe: how.
        goal: says which cost counts.
        whole: costs of the teacher.
        scores: of channels.

    Raises:
        PruneError: the share is out of reach this way.
    """
    model, removed = teacher, ()
    if recipe.units:
        model, removed = _without_units(teacher, recipe.share**recipe.units, goal, whole, scores.data)
    costs = _costs(model, teacher, goal, whole)
    # Units come whole: those that are gone may be enough.
    if removed and share(costs, whole, goal) <= recipe.share:
        return Cut(model, removed, {}, costs, surgery(teacher, model, {}, np.empty(0)))
    if recipe.criterion is None:
        raise PruneError(f"removing units alone does not reach {recipe.share:.2f} of the cost")
    narrowed = partial(_narrowed, model, removed, share(costs, whole, goal), teacher, recipe, goal, whole, scores)
    for round_to in ROUND_TO[:-1]:
        with contextlib.suppress(PruneError):
            return narrowed(round_to)
    return narrowed(ROUND_TO[-1])


def _narrowed(
    model, removed, before: float, teacher, recipe: Recipe, goal: Goal, whole: ModelCosts, scores: Scores, round_to: int
) -> Cut:
    """The model, which costs the share `before` of the teacher's, narrowed until it is within the recipe's share."""
    assert recipe.criterion is not None
    targets: dict[str, Target] = {"macs": "macs", "ms": "latency"}
    target = targets.get(goal.target or "macs", "params")
    keep, nearest = recipe.share / before, before
    for _ in range(ATTEMPTS):
        if not 0 < keep < 1:
            break
        channels = prune.channels_to_delete(
            model,
            None,
            keep,
            scores.by(recipe.criterion, model, recipe.scope),
            "global",
            target,
            # Layers of a few channels cannot come near: what counts is the bound, checked below.
            tolerance=TOLERANCE if round_to > 1 else math.inf,
            round_to=round_to,
            scores_per=(("params" if target == "params" else "macs") if recipe.weighed else None),
        )
        narrow = prune.delete_channels(model, channels)
        costs = _costs(narrow, teacher, goal, whole)
        reached = share(costs, whole, goal)
        if reached <= recipe.share:
            images, _ = next(iter(scores.data))
            return Cut(narrow, removed, channels, costs, surgery(model, narrow, channels, images))
        nearest = reached
        keep *= 0.995 * recipe.share / reached
    raise PruneError(f"{recipe.share:.3f} of the cost is out of reach, the nearest is {nearest:.3f}")


def _without_units(teacher, wanted: float, goal: Goal, whole: ModelCosts, data) -> tuple[keras.Model, tuple[str, ...]]:
    """Removes the least important units one after the other until the cost is within `wanted`, or no more can go."""
    size, importance = ranked_units(teacher, data)
    model, chosen, left = teacher, [], share(_costs(teacher, teacher, goal, whole), whole, goal)
    for unit in sorted(prune.units(teacher, size), key=lambda unit: importance.get(unit.name, float("inf"))):
        if unit.name not in importance:
            break
        try:
            smaller = prune.remove(teacher, [*chosen, unit])
        except PruneError:
            continue
        reached = share(_costs(smaller, teacher, goal, whole), whole, goal)
        # Behind a removed stride all that follows is larger: no way to a smaller model.
        if reached >= left:
            continue
        model, chosen, left = smaller, [*chosen, unit], reached
        if left <= wanted:
            break
    if not chosen:
        raise PruneError(f"model {teacher.name!r} has no unit that can be removed and makes it smaller")
    return model, tuple(unit.name for unit in chosen)


def ranked_units(teacher: keras.Model, data: Iterable) -> tuple[Literal["block", "layer"], dict[str, float]]:
    """Units whose output has the shape of their input, by how much they turn it: blocks, or else layers.

    Raises:
        PruneError: there are none.
    """
    try:
        return "block", prune.block_influence(teacher, data, "block")
    except PruneError:
        return "layer", prune.block_influence(teacher, data, "layer")


def _costs(model: keras.Model, teacher: keras.Model, goal: Goal, whole: ModelCosts) -> ModelCosts:
    return costs_of(model, (teacher, whole.ms) if whole.ms is not None else None)
