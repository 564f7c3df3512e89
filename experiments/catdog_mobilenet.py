"""Study 1 (CS230) §4–5, Dogs vs. Cats: students of MobileNet with layers removed, with and without their teacher.

    make catdog-mobilenet ARGS="--alpha 0.75"        (python -m experiments catdog-mobilenet --alpha 0.75)

Claims: distillation helps when few layers go and hurts when many do; it converges faster; at equal parameters it is
more accurate; some random layers weigh more than others. The teacher, a new head on ImageNet features, reaches 95%.
Its students are cut from it (a unit is a convolution with its normalisation and activation), and trained on 1,000 of
its training images for 3 epochs, T = 1 as in the paper's loss. Figures 5 to 8 and the λ-sweep that the paper leaves as
future work; optimiser and learning rate are those of best validation accuracy in catdog-tuning.csv, written first.

Batch-norm statistics are recalibrated on the 1,000 images before the test; the accuracy without is a column of its own.

Not measured in full yet: about 2.5 hours on 2 cores.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import tyro

import data
import distill
import models
import prune
from experiments.config import Config as BaseConfig
from experiments.config import check_at_least, check_positive
from experiments.errors import UsageError
from experiments.pruning import PRUNING_COLUMNS, PrunedTrial, cut, removed_layers
from experiments.runner import Runner
from experiments.transfer import train_head
from experiments.trial import Trial

TUNING = "catdog-tuning"
STUDY = "catdog-mobilenet"
TUNING_SEED = 1000
TEACHER_SEED = 0
PROFILES = {
    "smoke": {
        "data": "synthetic",
        "image_size": 32,
        "imagenet": False,
        "alpha": 0.25,
        "teacher_size": None,
        "train_size": 100,
        "validation_size": 40,
        "test_size": 60,
        "seeds": (0,),
        "zero_density_counts": (1,),
        "random_counts": (2,),
        "random_weight_counts": (),
        "lambdas": (),
        "tuning": (("adam", 1e-3),),
        "epochs": 1,
        "long_epochs": 2,
        "results": Path(".cache/smoke"),
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
class Config(BaseConfig):
    data: str = "cats_vs_dogs"
    """A TFDS name, or a folder of images with one sub-folder a class."""
    train_size: int | None = 1000
    """Images the students train on, taken from the teacher's."""
    validation_size: int | None = 500
    """Validation images."""
    test_size: int | None = 2500
    """Test images."""
    teacher_size: int | None = None
    """Images the teacher's head trains on; by default all that validation and test leave."""
    image_size: int = 224
    """Height and width to which images are resized."""
    alpha: float = 1.0
    """MobileNet's width multiplier: 0.25, 0.5, 0.75 or 1."""
    imagenet: bool = True
    """Start the teacher from ImageNet weights."""
    head_epochs: int = 20
    """Epochs of the teacher's head on frozen features."""
    fine_tune_epochs: int = 0
    """Epochs of the whole teacher after that, at a learning rate of 1e-5."""
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
    lambda_: Annotated[float, tyro.conf.arg(name="lambda")] = 0.5
    """Weight λ of the soft targets of distilled students."""
    lambdas: tuple[float, ...] = (0.25, 0.75, 1.0)
    """Further λ, with `long_count` units removed by zero density."""
    temperature: float = 1.0
    """Temperature T of the soft targets; the paper's loss has T = 1."""
    batch_size: int = 32
    """Images a step."""
    epochs: int = 3
    """Epochs of each student."""
    long_count: int = 2
    """Units removed from the students of Figure 7 and of the λ-sweep."""
    long_epochs: int = 6
    """Epochs of the students of Figure 7 (accuracy against epochs)."""
    optimizer: Literal["adam", "sgd"] | None = None
    """Of the students; by default chosen on validation, with the learning rate."""
    learning_rate: float | None = None
    """Of the students; by default chosen on validation, with the optimiser."""
    tuning: tuple[tuple[str, float], ...] = (("adam", 1e-4), ("adam", 3e-4), ("adam", 1e-3), ("sgd", 1e-2))
    """Optimisers and learning rates to choose from."""

    def check(self) -> None:
        super().check()
        for value in (self.lambda_, *self.lambdas):
            distill.check_lambda(value)
        distill.check_temperature(self.temperature)
        check_at_least(
            1,
            batch_size=self.batch_size,
            epochs=self.epochs,
            long_epochs=self.long_epochs,
            head_epochs=self.head_epochs,
            image_size=self.image_size,
        )
        check_at_least(0, fine_tune_epochs=self.fine_tune_epochs)
        check_at_least(1, units=min((*self.zero_density_counts, *self.random_counts, self.long_count)))
        check_positive(threshold=self.threshold, alpha=self.alpha)
        if (self.optimizer is None) != (self.learning_rate is None):
            raise UsageError("give both --optimizer and --learning-rate, or neither to choose them on validation")


def teacher_trial(config: Config) -> "HeadTrial":
    """A head on ImageNet features, then `fine_tune_epochs` of the whole network."""
    return HeadTrial(
        study=STUDY,
        method="teacher",
        network=f"mobilenet_{config.alpha:g}",
        seed=TEACHER_SEED,
        epochs=config.fine_tune_epochs,
        batch_size=config.batch_size,
        learning_rate=1e-5,
        head_epochs=config.head_epochs,
        imagenet=config.imagenet,
        image_size=config.image_size,
        teacher_size=config.teacher_size,
    )


@dataclass(frozen=True, kw_only=True)
class HeadTrial(Trial):
    head_epochs: int
    imagenet: bool
    image_size: int
    teacher_size: int | None


def student(config: Config, seed: int, lambda_: float, **settings) -> PrunedTrial:
    """One student; `settings` are fields of `PrunedTrial` that differ from the usual."""
    teacher = teacher_trial(config)
    usual = {
        "study": STUDY,
        "method": "kd" if lambda_ else "plain",
        "network": f"{teacher.network}_pruned",
        "seed": seed,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "optimizer_name": config.optimizer,
        "lambda_": lambda_,
        "temperature": config.temperature if lambda_ else None,
        "teacher": teacher if lambda_ else None,
        "parent": teacher,
        "prune_method": "zero_density",
        "units_removed": config.long_count,
        "unit": config.unit,
        "threshold": config.threshold,
        "weights": "piped",
    }
    return PrunedTrial(**usual | settings)


def tuning_trials(config: Config) -> list[Trial]:
    """Plain students, one for each optimiser and learning rate, on a seed of their own."""
    return [
        student(replace(config, optimizer=name, learning_rate=rate), TUNING_SEED, 0.0, study=TUNING)
        for name, rate in config.tuning
    ]


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
    sizes = {
        "image_size": config.image_size,
        "channels": 3,
        "validation_size": config.validation_size,
        "test_size": config.test_size,
        "seed": config.split_seed,
        "cache": config.cache,
    }
    whole = data.load(config.data, train_size=config.teacher_size, **sizes)
    dataset = data.load(config.data, train_size=config.train_size, **sizes)

    def build(trial: Trial):
        if isinstance(trial, PrunedTrial):
            return cut(trial, runner.teacher(trial.parent))
        teacher = models.mobilenet(
            classes=len(whole.class_names),
            alpha=config.alpha,
            image_size=config.image_size,
            imagenet=config.imagenet,
            name=trial.network,
        )
        train_head(teacher, whole, epochs=config.head_epochs, learning_rate=1e-3, cache=config.cache)
        return teacher

    def details(trial: Trial, distiller, history) -> dict:
        if trial.parent is None:
            return {}
        return {"removed": removed_layers(runner.teacher(trial.parent), distiller.student)}

    def runner_of(study: str) -> Runner:
        return Runner(
            study,
            config,
            dataset,
            build,
            teacher_dataset=whole,
            on_test=study != TUNING,
            details=details,
            extra_columns=PRUNING_COLUMNS,
            extra_epoch_columns=("validation_accuracy_uncalibrated",),
        )

    if config.learning_rate is None:
        runner = runner_of(TUNING)
        tuning = tuning_trials(config)
        runner.run(tuning)
        if not config.dry_run or runner.rows.trials() >= {runner.key(trial) for trial in tuning}:
            config = chosen(config, {runner.key(trial) for trial in tuning})
        else:
            print("the other trials follow once these have chosen optimiser and learning rate")
            return
    runner = runner_of(STUDY)
    runner.run_and_publish(trials(config))


def check_counts(config: Config) -> None:
    """Raises UsageError if a student would lose more units than the network has."""
    network = models.mobilenet(classes=2, alpha=config.alpha, image_size=config.image_size, imagenet=False)
    available = len(prune.units(network, config.unit))
    for count in (*config.zero_density_counts, *config.random_counts, *config.random_weight_counts, config.long_count):
        if count > available:
            raise UsageError(f"{count} units to remove: expected 1 to {available}, the {config.unit}s of MobileNet")


def chosen(config: Config, keys: set[str]) -> Config:
    """The configuration with optimiser and learning rate of best validation accuracy."""
    rows = pd.read_csv(config.results / f"{TUNING}.csv")
    best = rows[rows.trial.isin(keys)].sort_values("validation_accuracy").iloc[-1]
    print(f"chosen on validation: {best.optimizer}, learning rate {best.learning_rate:g}")
    return replace(config, optimizer=best.optimizer, learning_rate=float(best.learning_rate))
