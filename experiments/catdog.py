"""What the Dogs vs. Cats experiments of study 1 share: parameters, the teacher, the choice of the optimiser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import pandas as pd

from experiments.config import SoftTargetConfig, check_at_least, check_positive
from experiments.errors import UsageError
from experiments.runner import Runner
from experiments.transfer import train_head
from experiments.trial import Trial
from kdsuite import models
from kdsuite.data import Dataset

TEACHER_STUDY = "catdog-mobilenet"
TUNING_SEED = 1000
TEACHER_SEED = 0
SMOKE = {
    "data": "synthetic",
    "image_size": 32,
    "imagenet": False,
    "alpha": 0.25,
    "teacher_size": None,
    "train_size": 100,
    "validation_size": 40,
    "test_size": 60,
    "seeds": (0,),
    "tuning": (("adam", 1e-3),),
    "epochs": 1,
    "results": Path(".cache/smoke"),
}
OPTIMIZERS = {
    "adam": lambda rate: keras.optimizers.Adam(rate),
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
}


@dataclass(frozen=True)
class CatdogConfig(SoftTargetConfig):
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
    temperature: float = 1.0
    """Temperature T of the soft targets; the paper's loss has T = 1."""
    batch_size: int = 32
    """Images a step."""
    epochs: int = 3
    """Epochs of each student."""
    optimizer: Literal["adam", "sgd"] | None = None
    """Of the students; by default chosen on validation, with the learning rate."""
    learning_rate: float | None = None
    """Of the students; by default chosen on validation, with the optimiser."""
    tuning: tuple[tuple[str, float], ...] = (("adam", 1e-4), ("adam", 3e-4), ("adam", 1e-3), ("sgd", 1e-2))
    """Optimisers and learning rates to choose from."""

    def check(self) -> None:
        super().check()
        check_at_least(
            1,
            batch_size=self.batch_size,
            epochs=self.epochs,
            head_epochs=self.head_epochs,
            image_size=self.image_size,
        )
        check_at_least(0, fine_tune_epochs=self.fine_tune_epochs)
        check_positive(alpha=self.alpha)
        if (self.optimizer is None) != (self.learning_rate is None):
            raise UsageError("give both --optimizer and --learning-rate, or neither to choose them on validation")


@dataclass(frozen=True, kw_only=True)
class HeadTrial(Trial):
    """A teacher: a new head on ImageNet features, then epochs of the whole network."""

    head_epochs: int
    imagenet: bool
    image_size: int
    teacher_size: int | None


@dataclass(frozen=True, kw_only=True)
class CutTrial(Trial):
    """A student cut from a trained network, recalibrated after its training.

    Attributes:
        parent: the trial that trained the network it is cut from.
        optimizer_name: key of `OPTIMIZERS`.
    """

    parent: Trial
    optimizer_name: str = "adam"
    recalibrated = True

    def optimizer(self, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        return OPTIMIZERS[self.optimizer_name](self.learning_rate)

    def columns(self) -> dict:
        return super().columns() | {"optimizer": self.optimizer_name, "recalibrated": True}


def teacher_trial(config: CatdogConfig) -> HeadTrial:
    """The teacher of all Dogs vs. Cats studies."""
    return HeadTrial(
        study=TEACHER_STUDY,
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


def student_settings(config: CatdogConfig, seed: int, lambda_: float) -> dict:
    """The fields that a student of any of these studies has."""
    teacher = teacher_trial(config)
    return {
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
    }


def load(config: CatdogConfig) -> tuple[Dataset, Dataset]:
    """The data of the teacher and of its students."""
    sizes = {"image_size": config.image_size, "channels": 3}
    return config.load(train_size=config.teacher_size, **sizes), config.load(**sizes)


def build_teacher(config: CatdogConfig, dataset: Dataset) -> keras.Model:
    """MobileNet with a head trained on `dataset`."""
    teacher = models.mobilenet(
        classes=len(dataset.class_names),
        alpha=config.alpha,
        image_size=config.image_size,
        imagenet=config.imagenet,
        name=teacher_trial(config).network,
    )
    train_head(teacher, dataset, epochs=config.head_epochs, learning_rate=1e-3, cache=config.cache)
    return teacher


def runner(config: CatdogConfig, whole: Dataset, dataset: Dataset, build: Callable, study: str, **settings) -> Runner:
    """Runs a study's trials: students on `dataset`, the teacher on `whole`.

    Args:
        config: of the study.
        whole, dataset: the data of the teacher and of its students.
        build: trial, network of its parent → student.
        study: name of the study, and of its CSV files.
        settings: further ones of `Runner`.
    """
    return Runner(
        study,
        config,
        dataset,
        lambda trial, parent: build_teacher(config, whole) if parent is None else build(trial, parent),
        dataset_of=lambda trial: whole if trial.parent is None else dataset,
        **settings,
    )


def with_optimizer(
    config: CatdogConfig, runner: Runner, candidate: Callable[[CatdogConfig], Trial]
) -> CatdogConfig | None:
    """The configuration with optimiser and learning rate: its own, or those of best validation accuracy.

    Args:
        config: with candidates in `tuning`.
        runner: of the candidates' study.
        candidate: a configuration with optimiser and learning rate → the student to judge them by.

    Returns:
        None where a dry run has nothing to choose by.
    """
    if config.learning_rate is not None:
        return config
    trials = [candidate(replace(config, optimizer=name, learning_rate=rate)) for name, rate in config.tuning]
    runner.run(trials)
    keys = {runner.key(trial) for trial in trials}
    if config.dry_run and not keys <= runner.rows.trials():
        print("the other trials follow once these have chosen optimiser and learning rate")
        return None
    return chosen(config, runner.study, keys)


def chosen(config: CatdogConfig, study: str, keys: Sequence[str]) -> CatdogConfig:
    """The configuration with optimiser and learning rate of best validation accuracy."""
    rows = pd.read_csv(config.results / f"{study}.csv")
    best = rows[rows.trial.isin(keys)].sort_values("validation_accuracy").iloc[-1]
    print(f"chosen on validation: {best.optimizer}, learning rate {best.learning_rate:g}")
    return replace(config, optimizer=best.optimizer, learning_rate=float(best.learning_rate))
