"""What study 1's Dogs vs. Cats experiments share: the data, the teacher, and the choice of the students' optimiser."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
import pandas as pd

from experiments.cs230.catdog_config import CatdogConfig
from experiments.cs230.cuts import (
    ChannelsTrial,
    CutTrial,
    LayersTrial,
    channels_removed,
    macs_share,
    removed_layers,
    without_channels,
    without_units,
)
from experiments.cs230.heads import train_head
from experiments.engine.choice import mean_validation
from experiments.engine.networks import Networks
from experiments.engine.study import Details, Study
from experiments.engine.trial import Trial
from kdsuite import models
from kdsuite.data import Dataset

CHANNELS = 3
TEACHER_SEED = 0
TUNING_SEEDS = (1000, 1001, 1002)
HEAD_RATE, FINE_TUNE_RATE = 1e-3, 1e-5
# The students by which every experiment chooses: so many layers by zero density, or such a share of parameters by L1.
TUNING_LAYERS, TUNING_THRESHOLD = (2, 8), 0.05
TUNING_CRITERION, TUNING_SHARE, TUNING_IMAGES = "l1", 0.5, 200


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


class CatdogStudy(Study):
    """Students cut from a MobileNet that learnt all cats and dogs, trained on a few of them.

    All of these experiments choose among the same optimisers by the same students, so that theirs compare.
    """

    COLUMNS = (
        *("optimizer", "macs_share", "sweep", "unit", "threshold", "cut_number", "keep", "scope", "target"),
        *("channels_removed", "surgery_seconds", "validation_accuracy_before_training", "speed_up", "milliseconds"),
    )
    EPOCH_COLUMNS = ("validation_accuracy_stale_batch_norm",)
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
            "precision": self.config.precision,
            "lambda_": lambda_,
            "temperature": self.config.temperature if lambda_ else None,
            "teacher": teacher if lambda_ else None,
            "parent": teacher,
        }

    def candidates(self) -> list[Trial]:
        if self.config.optimizer is not None:
            return []
        return [
            replace(trial, optimizer=name, learning_rate=rate)
            for name, rate in self.config.tuning
            for trial in self.tuning_students()
        ]

    def tuning_students(self) -> Iterator[CutTrial]:
        """Plain and distilled students of several cuts and seeds, by which optimisers are judged."""
        for seed in TUNING_SEEDS[: self.config.tuning_seeds]:
            for lambda_ in (0.0, self.config.lambda_):
                settings = self.student_settings(seed, lambda_) | {"optimizer": "adam", "learning_rate": 1.0}
                for count in TUNING_LAYERS:
                    yield LayersTrial(
                        **settings,
                        sweep="tuning",
                        prune_method="zero_density",
                        units_removed=count,
                        threshold=TUNING_THRESHOLD,
                    )
                yield ChannelsTrial(
                    **settings, criterion=TUNING_CRITERION, keep=TUNING_SHARE, ranking_size=TUNING_IMAGES
                )

    def choose(self, rows: pd.DataFrame) -> CatdogConfig:
        """Takes the optimiser and learning rate of best mean, over all tuning students, and says how they spread."""
        tried = rows.groupby(["optimizer", "learning_rate"])
        accuracy = mean_validation(rows, ["optimizer", "learning_rate"])
        spreads = tried.apply(gain_spread, include_groups=False)
        for optimizer, rate in accuracy.sort_values(ascending=False).index:
            mean, spread = (100 * table[optimizer, rate] for table in (accuracy, spreads))
            words = f"; distilled − plain: ± {spread:.2f} points from seed to seed" if np.isfinite(spread) else ""
            print(f"tried {optimizer} {rate:g}: {mean:.2f}%{words}")
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
        if isinstance(trial, ChannelsTrial):
            return without_channels(trial, parent, self.dataset)
        assert isinstance(trial, LayersTrial)
        return without_units(trial, parent)

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        if not isinstance(trial, CutTrial):
            return Details()
        parent, student = networks.get(trial.parent), distiller.student
        columns: dict[str, Any] = {"macs_share": macs_share(parent, student)}
        if isinstance(trial, ChannelsTrial):
            columns["channels_removed"] = channels_removed(parent, student)
        else:
            columns["removed"] = removed_layers(parent, student)
        return Details(columns)


def gain_spread(rows: pd.DataFrame) -> float:
    """Standard deviation over seeds of what distillation adds, the mean of all cuts of a seed."""
    by_seed = rows.pivot_table(index="seed", columns="method", values="validation_accuracy")
    return float((by_seed["kd"] - by_seed["plain"]).std(ddof=1))
