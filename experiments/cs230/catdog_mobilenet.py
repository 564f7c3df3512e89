"""Study 1 (CS230) §4–5, Dogs vs. Cats: students of MobileNet with layers removed, with and without their teacher.

    make catdog-mobilenet ARGS="--profile full"        (python -m experiments catdog-mobilenet --profile full)

Claims: distillation helps when few layers go and hurts when many do; it converges faster; at equal parameters it is
more accurate; some random layers weigh more than others. The teacher is a new head on ImageNet features. Its students
are cut from it (a unit is a convolution with its normalisation and activation), and trained on 1,000 of its training
images for 3 epochs, T = 1 as in the paper's loss. Figures 5 to 8 and the λ-sweep that the paper leaves as future work;
optimiser and learning rate are those of best validation accuracy in candidates.csv, which is written first.

Batch-norm statistics are recalibrated on the 1,000 images before the test; the accuracy without is a column of its own.
The networks are MobileNets of width 0.75, whose weights are at hand; the paper's has width 1 (`--alpha 1`). About 2
hours on 2 cores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import keras
import numpy as np

from experiments.cs230.catdog import TUNING_SEED, CatdogStudy, CutTrial, HeadTrial
from experiments.cs230.catdog_config import LayersConfig
from experiments.cs230.pictures import mistakes_figure
from experiments.engine.networks import Networks
from experiments.engine.study import Details
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from kdsuite import prune

THRESHOLDS = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
MISTAKES = "catdog-mistakes.jpg"
PICTURE_DPI = 100


@dataclass(frozen=True, kw_only=True)
class LayersTrial(CutTrial):
    """A student made by removing units.

    Attributes:
        sweep: what the student varies: "layers" (Figures 5, 6 and 8), "weights", "epochs" (Figure 7) or "lambda".
        prune_method: "zero_density" or "random".
        units_removed: how many units go.
        unit: "layer" or "block".
        threshold: of the zero density.
        cut_number: seed of the random choice of units; None where nothing is drawn.
        weights: "piped" or "random".
    """

    sweep: str
    prune_method: Literal["zero_density", "random"]
    units_removed: int
    unit: Literal["layer", "block"]
    threshold: float
    cut_number: int | None
    weights: Literal["piped", "random"]
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


class Layers(CatdogStudy):
    """Accuracy of students that lost layers, plain and distilled, seed by seed."""

    COLUMNS = (*CatdogStudy.COLUMNS, "sweep", "unit", "threshold", "cut_number")
    EPOCH_COLUMNS = ("validation_accuracy_stale_batch_norm",)
    TABLES: ClassVar[dict] = {"zero_density": ("trial", "unit", "place", "threshold", "zero_density")}
    config: LayersConfig

    def student(self, seed: int, lambda_: float, **settings) -> LayersTrial:
        """A student; `settings` are fields of its trial that differ from the usual ones."""
        usual = self.student_settings(seed, lambda_) | {
            "sweep": "layers",
            "prune_method": "zero_density",
            "units_removed": self.config.long_count,
            "unit": self.config.unit,
            "threshold": self.config.threshold,
            "cut_number": seed if settings.get("prune_method") == "random" else None,
            "weights": "piped",
        }
        return LayersTrial(**usual | settings)

    def candidate(self, **optimizer) -> LayersTrial:
        return self.student(TUNING_SEED, 0.0, **optimizer)

    def trials(self) -> list[Trial]:
        students = [trial for seed in self.config.seeds for trial in self.students_of(seed)]
        return [self.teacher(), *students]

    def students_of(self, seed: int) -> Iterator[LayersTrial]:
        """The students of one seed, plain and distilled, figure by figure."""
        config = self.config
        kinds = [
            *({"units_removed": count} for count in config.zero_density_counts),
            *({"units_removed": count, "prune_method": "random"} for count in config.random_counts),
            *(
                {"units_removed": count, "weights": "random", "sweep": "weights"}
                for count in config.random_weight_counts
            ),
            {"epochs": config.long_epochs, "evaluate_every_epoch": True, "sweep": "epochs"},
        ]
        for kind in kinds:
            for lambda_ in (0.0, config.lambda_):
                yield self.student(seed, lambda_, **kind)
        for lambda_ in config.lambdas:
            if lambda_ not in (0.0, config.lambda_) or config.long_count not in config.zero_density_counts:
                yield self.student(seed, lambda_, sweep="lambda")

    def cut(self, trial: LayersTrial, parent: keras.Model) -> keras.Model:
        units = prune.select(
            parent,
            trial.prune_method,
            trial.units_removed,
            threshold=trial.threshold,
            seed=trial.cut_number or 0,
            size=trial.unit,
        )
        return prune.remove(parent, units, trial.weights)

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        if isinstance(trial, HeadTrial):
            return Details(tables={"zero_density": zero_densities(distiller.student, self.config.unit)})
        return super().details(trial, distiller, history, networks)

    def cut_columns(self, trial: LayersTrial, parent: keras.Model, student: keras.Model) -> dict[str, Any]:
        return {"removed": removed_layers(parent, student)}

    def finish(self, networks: Networks, folder: Path) -> None:
        """Draws the test images that the teacher gets wrong, and those that only its smallest cut does."""
        path = folder / MISTAKES
        if path.exists():
            return
        student = self.student(
            self.config.seeds[0], self.config.lambda_, units_removed=min(self.config.zero_density_counts)
        )
        test = self.dataset.test
        by_teacher, by_student = (
            np.array(keras.ops.softmax(outputs(networks.get(trial), test))) for trial in (self.teacher(), student)
        )
        figure = mistakes_figure(test.images, test.labels, by_teacher, by_student, self.dataset.class_names)
        figure.savefig(path, dpi=PICTURE_DPI)


def zero_densities(teacher: keras.Model, unit: Literal["layer", "block"]) -> list[dict]:
    """The zero density of each unit of the teacher at several thresholds, with the unit's place in the model."""
    return [
        {"unit": name, "place": place, "threshold": threshold, "zero_density": density}
        for threshold in THRESHOLDS
        for place, (name, density) in enumerate(prune.zero_density(teacher, threshold, unit).items())
    ]


def removed_layers(parent: keras.Model, student: keras.Model) -> str:
    """Names of the parent's layers with a kernel that the student lacks, for the column `removed`."""
    left = {layer.name for layer in student.layers}
    gone = [name for unit in prune.units(parent) for name in unit.weighted if name not in left]
    return " ".join(gone)
