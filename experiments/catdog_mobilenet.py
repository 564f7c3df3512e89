"""Study 1 (CS230) §4–5, Dogs vs. Cats: students of MobileNet with layers removed, with and without their teacher.

    make catdog-mobilenet ARGS="--alpha 0.75"        (python -m experiments catdog-mobilenet --alpha 0.75)

Claims: distillation helps when few layers go and hurts when many do; it converges faster; at equal parameters it is
more accurate; some random layers weigh more than others. The teacher, a new head on ImageNet features, reaches 95%.
Its students are cut from it (a unit is a convolution with its normalisation and activation), and trained on 1,000 of
its training images for 3 epochs, T = 1 as in the paper's loss. Figures 5 to 8 and the λ-sweep that the paper leaves as
future work; optimiser and learning rate are those of best validation accuracy in catdog-tuning.csv, written first.

Batch-norm statistics are recalibrated on the 1,000 images before the test; the accuracy without is a column of its own.

Found (α = 0.75, 3 seeds): without recalibration piped students test at 49 to 70%, with it at 69 to 86%; distilled
students are 1.6 points behind plain ones where 8 layers are gone, elsewhere the intervals hold 0. About 2 hours on 2
cores.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd

from experiments import catdog
from experiments.catdog import TUNING_SEED, CatdogConfig, student_settings, teacher_trial
from experiments.config import check_at_least, check_positive
from experiments.errors import UsageError
from experiments.pruning import PRUNING_COLUMNS, PrunedTrial, cut, removed_layers
from experiments.training import outputs
from experiments.trial import Trial
from kdsuite import distill, models, prune, report
from kdsuite.data import Dataset

STUDY = "catdog-mobilenet"
TUNING = "catdog-tuning"
THRESHOLDS = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
PROFILES = {
    "smoke": catdog.SMOKE
    | {
        "zero_density_counts": (1,),
        "random_counts": (2,),
        "random_weight_counts": (),
        "lambdas": (),
        "long_epochs": 2,
    },
    "quick": {
        "train_size": 300,
        "test_size": 500,
        "zero_density_counts": (1, 3),
        "random_counts": (2,),
        "random_weight_counts": (),
        "lambdas": (),
        "tuning": (("adam", 3e-4),),
        "long_epochs": 4,
        "results": Path("results/quick"),
    },
    "paper": {},
}


@dataclass(frozen=True)
class Config(CatdogConfig):
    unit: Literal["layer", "block"] = "layer"
    """What is removed as one: a convolution, or a depthwise convolution with the pointwise one behind it."""
    threshold: float = 0.05
    """Zero density is the share of a unit's weights |w| below this; at 0.03 and less the first convolution leads the
    order, and removing it multiplies the cost of all others by 4."""
    zero_density_counts: tuple[int, ...] = (1, 2, 4, 8)
    """Units removed by zero density (Figure 8)."""
    random_counts: tuple[int, ...] = (1, 2)
    """Units removed at random (Figures 5 and 6)."""
    random_weight_counts: tuple[int, ...] = (2,)
    """Units removed by zero density from students that start from random weights."""
    lambdas: tuple[float, ...] = (0.25, 0.75, 1.0)
    """Further λ, with `long_count` units removed by zero density."""
    long_count: int = 2
    """Units removed from the students of Figure 7 and of the λ-sweep."""
    long_epochs: int = 6
    """Epochs of the students of Figure 7 (accuracy against epochs)."""

    def check(self) -> None:
        super().check()
        for value in self.lambdas:
            distill.check_lambda(value)
        check_at_least(1, long_epochs=self.long_epochs)
        check_at_least(1, units=min((*self.zero_density_counts, *self.random_counts, self.long_count)))
        check_positive(threshold=self.threshold)


def student(config: Config, seed: int, lambda_: float, **settings) -> PrunedTrial:
    """One student; `settings` are fields of `PrunedTrial` that differ from the usual."""
    usual = student_settings(config, seed, lambda_) | {
        "study": STUDY,
        "prune_method": "zero_density",
        "units_removed": config.long_count,
        "unit": config.unit,
        "threshold": config.threshold,
        "weights": "piped",
    }
    return PrunedTrial(**usual | settings)


def tuning_trial(config: Config) -> PrunedTrial:
    """The plain student by which optimiser and learning rate are chosen, on a seed of its own."""
    return student(config, TUNING_SEED, 0.0, study=TUNING)


def trials(config: Config) -> list[Trial]:
    """The teacher, then seed by seed the students of each figure."""
    grid: list[Trial] = [teacher_trial(config)]
    for seed in config.seeds:
        for lambda_ in (0.0, config.lambda_):
            kinds = [
                *({"units_removed": count} for count in config.zero_density_counts),
                *({"units_removed": count, "prune_method": "random"} for count in config.random_counts),
                *({"units_removed": count, "weights": "random"} for count in config.random_weight_counts),
                {"epochs": config.long_epochs, "track": True},
            ]
            grid += [student(config, seed, lambda_, **kind) for kind in kinds]
        grid += [student(config, seed, lambda_) for lambda_ in config.lambdas]
    return list(dict.fromkeys(grid))


def run(config: Config) -> None:
    """Chooses the learning rate, trains what is missing, prints the table and draws the figures."""
    config.check()
    check_counts(config)
    whole, dataset = catdog.load(config)

    def details(trial: Trial, parent: keras.Model | None, distiller, history) -> dict:
        return {"removed": removed_layers(parent, distiller.student)} if parent else {}

    runner_of = partial(
        catdog.runner,
        config,
        whole,
        dataset,
        cut,
        details=details,
        extra_columns=PRUNING_COLUMNS,
        extra_epoch_columns=("validation_accuracy_uncalibrated",),
    )
    config = catdog.with_optimizer(config, runner_of(TUNING, on_test=False), tuning_trial)
    if config is None:
        return
    runner = runner_of(STUDY)
    runner.run_and_publish(trials(config))
    if not config.dry_run:
        teacher = runner.network(teacher_trial(config))
        densities = zero_densities(teacher, config.unit)
        densities.to_csv(config.results / "catdog-zero-density.csv", index=False)
        report.save(report.density_figure(densities), "catdog-zero-density", config.results)
        shown = student(config, config.seeds[0], config.lambda_, units_removed=min(config.zero_density_counts))
        report.save(mistakes(teacher, runner.network(shown), dataset), "catdog-mistakes", config.results)


def zero_densities(teacher: keras.Model, unit: str) -> pd.DataFrame:
    """Zero density of each unit of the teacher at several thresholds, with the unit's place in the model."""
    return pd.DataFrame(
        {"unit": name, "place": place, "threshold": threshold, "zero_density": density}
        for threshold in THRESHOLDS
        for place, (name, density) in enumerate(prune.zero_density(teacher, threshold, unit).items())
    )


def mistakes(teacher: keras.Model, student: keras.Model, dataset: Dataset):
    """Figure of test images that the teacher gets wrong, and of those that only the student does."""
    probabilities = [np.array(keras.ops.softmax(outputs(model, dataset.test))) for model in (teacher, student)]
    return report.mistakes_figure(dataset.test.images, dataset.test.labels, *probabilities, dataset.class_names)


def check_counts(config: Config) -> None:
    """Raises UsageError if a student would lose more units than the network has."""
    network = models.mobilenet(classes=2, alpha=config.alpha, image_size=config.image_size, imagenet=False)
    available = len(prune.units(network, config.unit))
    for count in (*config.zero_density_counts, *config.random_counts, *config.random_weight_counts, config.long_count):
        if count > available:
            raise UsageError(f"{count} units to remove: expected 1 to {available}, the {config.unit}s of MobileNet")
