"""How study 1's students are cut from a trained MobileNet: the trials that say so, and the surgery."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import keras
import numpy as np

from experiments.engine.errors import UsageError
from experiments.engine.trial import Trial
from kdsuite import prune
from kdsuite.data import Dataset

RANKING_BATCH = 16
# Far above any number that a user gives a cut, so that no cut is another's second draw.
NEXT_DRAW = 1_000_000
DRAWS = 100


@dataclass(frozen=True, kw_only=True)
class CutTrial(Trial):
    """A student cut from a trained network, its batch-norm statistics recalibrated before the test.

    Attributes:
        parent: the trial that trained the network it is cut from.
    """

    parent: Trial = field()
    recalibrate: bool = True

    def columns(self) -> dict[str, Any]:
        return super().columns() | {"optimizer": self.optimizer}


@dataclass(frozen=True, kw_only=True)
class LayersTrial(CutTrial):
    """A student made by removing a number of units.

    Attributes:
        sweep: what the student varies: "layers" (Figures 5, 6 and 8), "epochs" (Figure 7), "weights", "lambda",
            "temperature", or another experiment's word.
        prune_method: "zero_density" or "random".
        units_removed: how many units go.
        unit: "layer" or "block".
        threshold: of the zero density.
        cut_number: seed of the random choice of units; None where nothing is drawn.
        dearest: random choices that would cost more than so many times the parent's multiply-adds are drawn again.
        weights: "piped" or "random".
    """

    sweep: str
    prune_method: Literal["zero_density", "random"]
    units_removed: int
    unit: Literal["layer", "block"] = "layer"
    threshold: float
    cut_number: int | None = None
    dearest: float | None = None
    weights: Literal["piped", "random"] = "piped"
    test_stale_batch_norm: bool = True

    def columns(self) -> dict[str, Any]:
        return super().columns() | {
            "sweep": self.sweep,
            "prune_method": self.prune_method,
            "units_removed": self.units_removed,
            "unit": self.unit,
            "threshold": self.threshold if self.prune_method == "zero_density" else None,
            "cut_number": self.cut_number,
            "weights": self.weights,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} −{self.units_removed} {self.prune_method} {self.weights}"


@dataclass(frozen=True, kw_only=True)
class ChannelsTrial(CutTrial):
    """A student made by removing channels; random choices follow the trial's seed.

    Attributes:
        criterion: what ranks the channels.
        keep: share of `target` that is left.
        scope: "global" or "layer".
        target: "params" or "macs".
        ranking_size: number of training images by which APoZ and Taylor rank.
        surgeon: "keras" or "kerassurgeon".
    """

    RECIPE: ClassVar[int] = 2
    criterion: prune.Criterion
    keep: float
    scope: Literal["global", "layer"] = "global"
    target: Literal["params", "macs"] = "params"
    ranking_size: int
    surgeon: Literal["keras", "kerassurgeon"] = "keras"

    def columns(self) -> dict[str, Any]:
        return super().columns() | {
            "prune_method": self.criterion,
            "weights": "piped",
            "keep": self.keep,
            "scope": self.scope,
            "target": self.target,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.criterion} keep={self.keep:g} of {self.target}"


@dataclass(frozen=True, kw_only=True)
class OrderTrial(CutTrial):
    """A student that lost units, one after the other, down to a share of its parent's multiply-adds.

    Attributes:
        sweep: "orders".
        prune_method: the order: "zero_density", "random", "fitting", "sensitivity" or "block_influence".
        keep: share of the parent's multiply-adds to come near to.
        threshold: of the zero density.
        ranking_size: number of training images by which sensitivity and block influence rank.
        cut_number: seed of a random order; None where nothing is drawn.
    """

    sweep: str
    prune_method: str
    keep: float
    threshold: float
    ranking_size: int
    cut_number: int | None = None

    def columns(self) -> dict[str, Any]:
        return super().columns() | {
            "sweep": self.sweep,
            "prune_method": self.prune_method,
            "keep": self.keep,
            "target": "macs",
            "unit": "layer",
            "threshold": self.threshold if self.prune_method == "zero_density" else None,
            "cut_number": self.cut_number,
            "weights": "piped",
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.prune_method} keep={self.keep:g} of macs"


def ranking_batches(dataset: Dataset, size: int) -> Iterable:
    """The same few training images for every ranking, in batches."""
    batches = dataset.train.batches(RANKING_BATCH, seed=0, epoch=0)
    return batches.unbatch().take(size).batch(RANKING_BATCH)


def without_units(trial: LayersTrial, parent: keras.Model) -> keras.Model:
    """Makes a student that lacks units.

    Raises:
        UsageError: no random choice is cheap enough.
    """
    if trial.prune_method == "random":
        units = random_units(trial, parent)
    else:
        units = prune.select(
            parent, trial.prune_method, trial.units_removed, threshold=trial.threshold, size=trial.unit
        )
    return prune.remove(parent, units, trial.weights)


def random_units(trial: LayersTrial, parent: keras.Model) -> Sequence[prune.Unit]:
    """Draws units until what is left is cheap enough; a cut number gives the same units whatever the trial's seed."""
    assert trial.cut_number is not None
    for draw in range(DRAWS):
        seed = trial.cut_number + draw * NEXT_DRAW
        units = prune.select(parent, "random", trial.units_removed, seed=seed, size=trial.unit)
        if trial.dearest is None or macs_share(parent, prune.remove(parent, units)) <= trial.dearest:
            return units
    raise UsageError(
        f"{trial.units_removed} random {trial.unit}s: none of {DRAWS} draws costs at most {trial.dearest:g} times the "
        "teacher's multiply-adds; give a larger --dearest"
    )


def without_channels(trial: ChannelsTrial, parent: keras.Model, dataset: Dataset) -> keras.Model:
    """Makes a student that lacks channels."""
    images = ranking_batches(dataset, trial.ranking_size)
    return prune.shrink(
        parent,
        images,
        trial.keep,
        trial.criterion,
        trial.scope,
        trial.target,
        seed=trial.seed,
        surgeon=trial.surgeon,
    )


def macs_share(parent: keras.Model, student: keras.Model) -> float:
    """Multiply-adds of a student, as a share of its parent's."""
    return prune.macs(student) / prune.macs(parent)


def removed_layers(parent: keras.Model, student: keras.Model) -> str:
    """Names of the parent's layers with a kernel that the student lacks, for the column `removed`."""
    left = {layer.name for layer in student.layers}
    gone = [name for unit in prune.units(parent) for name in unit.weighted if name not in left]
    return " ".join(gone)


def channels_left(parent: keras.Model, student: keras.Model) -> dict[str, tuple[int, int]]:
    """Name of a convolution → how many channels it has left, and had; depthwise ones are not counted."""
    convolutions = [layer for layer in parent.layers if hasattr(layer, "filters")]
    return {layer.name: (student.get_layer(layer.name).filters, layer.filters) for layer in convolutions}


def channels_removed(parent: keras.Model, student: keras.Model) -> int:
    """How many channels a student's convolutions lack, depthwise ones not counted."""
    return sum(had - left for left, had in channels_left(parent, student).values())


def ranked_units(trial: OrderTrial, parent: keras.Model, dataset: Dataset) -> list[prune.Unit]:
    """The parent's units in a trial's order, the first to go first; units that the order cannot rank are left out."""
    units = list(prune.units(parent))
    if trial.prune_method in ("random", "fitting"):
        candidates = units if trial.prune_method == "random" else [unit for unit in units if others_fit(parent, unit)]
        order = np.random.default_rng(trial.cut_number).permutation(len(candidates))
        return [candidates[place] for place in order]
    if trial.prune_method == "zero_density":
        importance = {name: -density for name, density in prune.zero_density(parent, trial.threshold).items()}
    else:
        score = getattr(prune, trial.prune_method)
        importance = score(parent, ranking_batches(dataset, trial.ranking_size), "layer")
    return sorted((unit for unit in units if unit.name in importance), key=lambda unit: importance[unit.name])


def others_fit(parent: keras.Model, unit: prune.Unit) -> bool:
    """Whether all other layers keep their weights when a unit goes."""
    return not prune.removal_report(parent, prune.remove(parent, [unit])).initialised


def descent(parent: keras.Model, ranked: Sequence[prune.Unit], least: float) -> list[tuple[prune.Unit, float]]:
    """Units to remove one after the other, in their order, each with the share of multiply-adds that is left then.

    Units that would save nothing are passed over.

    Args:
        parent: network that is cut.
        ranked: its units, the first to go first.
        least: share at which to stop.

    Raises:
        UsageError: all of them together do not save enough.
    """
    path: list[tuple[prune.Unit, float]] = []
    left = 1.0
    for unit in ranked:
        without = macs_share(parent, prune.remove(parent, [*(gone for gone, _ in path), unit], "random"))
        if without < left:
            left = without
            path.append((unit, left))
        if left <= least:
            return path
    raise UsageError(f"share {least:g} of multiply-adds: this order leaves {left:.2f} at least; give a larger one")


def units_to_share(path: Sequence[tuple[prune.Unit, float]], share: float) -> list[prune.Unit]:
    """The first units of a descent, without which as near to a share of the multiply-adds is left as possible."""
    count = min(range(1, len(path) + 1), key=lambda count: abs(path[count - 1][1] - share))
    return [unit for unit, _ in path[:count]]
