"""Trials whose student is a network with units taken out."""

from dataclasses import dataclass

import keras

from experiments.catdog import CutTrial
from kdsuite import prune

PRUNING_COLUMNS = ("optimizer", "unit", "threshold", "recalibrated")


@dataclass(frozen=True, kw_only=True)
class PrunedTrial(CutTrial):
    """A student made by removing units from a trained network.

    Attributes:
        prune_method: "zero_density" or "random"; random choices follow the trial's seed.
        units_removed: how many units go.
        unit: "layer" or "block".
        threshold: of the zero density.
        weights: "piped" or "random".
        track: evaluate, recalibrated, after each epoch.
    """

    prune_method: str
    units_removed: int
    unit: str
    threshold: float
    weights: str
    track: bool = False
    tested_uncalibrated = True

    def columns(self) -> dict:
        return super().columns() | {
            "prune_method": self.prune_method,
            "units_removed": self.units_removed,
            "unit": self.unit,
            "threshold": self.threshold if self.prune_method == "zero_density" else None,
            "weights": self.weights,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} −{self.units_removed} {self.prune_method} {self.weights}"


def cut(trial: PrunedTrial, parent: keras.Model) -> keras.Model:
    """The trial's student, fresh from its parent."""
    chosen = prune.select(
        parent,
        trial.prune_method,
        trial.units_removed,
        threshold=trial.threshold,
        seed=trial.seed,
        size=trial.unit,
    )
    return prune.remove(parent, chosen, trial.weights)


def removed_layers(parent: keras.Model, student: keras.Model) -> str:
    """Names of the parent's layers with a kernel that the student lacks, for the column `removed`."""
    kept = {layer.name for layer in student.layers}
    gone = [name for unit in prune.units(parent) for name in unit.weighted if name not in kept]
    return " ".join(gone)
