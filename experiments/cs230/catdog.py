"""What study 1's Dogs vs. Cats experiments share: the data, the teacher, and the choice of the students' optimiser."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import pandas as pd

from experiments.cs230.catdog_config import CatdogConfig
from experiments.cs230.heads import train_head
from experiments.engine.networks import Networks
from experiments.engine.study import Details, Study
from experiments.engine.trial import Trial
from kdsuite import models, prune
from kdsuite.data import Dataset

CHANNELS = 3
TEACHER_SEED = 0
TUNING_SEED = 1000
HEAD_RATE, FINE_TUNE_RATE = 1e-3, 1e-5


@dataclass(frozen=True, kw_only=True)
class HeadTrial(Trial):
    """A teacher: a new head on ImageNet features, then epochs of the whole network.

    Attributes:
        head_epochs: epochs of the head; `epochs` are those of the whole network.
        imagenet: whether the features are ImageNet's, or random.
        image_size: height and width of the images.
    """

    head_epochs: int
    imagenet: bool
    image_size: int


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


class CatdogStudy(Study):
    """Students cut from a MobileNet that learnt all cats and dogs, trained on a few of them."""

    COLUMNS = ("optimizer", "macs_share")
    config: CatdogConfig

    @cached_property
    def dataset(self) -> Dataset:
        return self.config.load(image_size=self.config.image_size, channels=CHANNELS)

    @cached_property
    def teacher_data(self) -> Dataset:
        sizes = {"image_size": self.config.image_size, "channels": CHANNELS}
        return self.config.load(train_size=self.config.teacher_size, **sizes)

    def teacher(self) -> HeadTrial:
        """One teacher for all seeds and all of these experiments."""
        return HeadTrial(
            method="teacher",
            network=f"mobilenet_{self.config.alpha:g}",
            seed=TEACHER_SEED,
            epochs=self.config.fine_tune_epochs,
            batch_size=self.config.batch_size,
            learning_rate=FINE_TUNE_RATE,
            head_epochs=self.config.head_epochs,
            imagenet=self.config.imagenet,
            image_size=self.config.image_size,
        )

    def student_settings(self, seed: int, lambda_: float) -> dict[str, Any]:
        """The fields that a student of any of these experiments has; λ = 0 is a plain one."""
        teacher = self.teacher()
        return {
            "method": "kd" if lambda_ else "plain",
            "network": f"{teacher.network}_pruned",
            "seed": seed,
            "epochs": self.config.epochs,
            "batch_size": self.config.batch_size,
            "optimizer": self.config.optimizer,
            "learning_rate": self.config.learning_rate,
            "lambda_": lambda_,
            "temperature": self.config.temperature if lambda_ else None,
            "teacher": teacher if lambda_ else None,
            "parent": teacher,
        }

    def candidate(self, **optimizer) -> CutTrial:
        """The student by which an optimiser and learning rate are judged, given as fields of its trial."""
        raise TypeError(f"{type(self).__name__} says not by which student to choose: define candidate()")

    def candidates(self) -> list[Trial]:
        if self.config.optimizer is not None:
            return []
        return [self.candidate(optimizer=name, learning_rate=rate) for name, rate in self.config.tuning]

    def choose(self, rows: pd.DataFrame) -> CatdogConfig:
        accuracy = rows.groupby(["optimizer", "learning_rate"]).validation_accuracy.mean()
        optimizer, rate = accuracy.idxmax()
        print(f"chosen on validation: {optimizer}, learning rate {rate:g}")
        return replace(self.config, optimizer=optimizer, learning_rate=float(rate))

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        if isinstance(trial, HeadTrial):
            return self.build_teacher(trial)
        assert isinstance(trial, CutTrial)
        return self.cut(trial, networks.get(trial.parent))

    def build_teacher(self, trial: HeadTrial) -> keras.Model:
        """MobileNet with a head trained on the teacher's data."""
        teacher = models.mobilenet(
            classes=len(self.teacher_data.class_names),
            alpha=self.config.alpha,
            image_size=trial.image_size,
            imagenet=trial.imagenet,
            name=trial.network,
        )
        train_head(
            teacher,
            self.teacher_data,
            epochs=trial.head_epochs,
            learning_rate=HEAD_RATE,
            cache=self.config.cache,
        )
        return teacher

    def cut(self, trial: CutTrial, parent: keras.Model) -> keras.Model:
        """Makes a trial's student, untrained, from its parent."""
        raise TypeError(f"{type(self).__name__} says not how to cut a student: define cut()")

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        if not isinstance(trial, CutTrial):
            return Details()
        parent = networks.get(trial.parent)
        share = prune.macs(distiller.student) / prune.macs(parent)
        return Details(self.cut_columns(trial, parent, distiller.student) | {"macs_share": share})

    def cut_columns(self, trial: CutTrial, parent: keras.Model, student: keras.Model) -> dict[str, Any]:
        """Measures what a row says of its student's cut; called after the training and the test."""
        return {}
