"""Study 1 (CS230) §7, what its authors could not finish, as Torch-Pruning measures it: a residual network on CIFAR-10.

    make cifar-criteria ARGS="--profile full"        (python -m experiments cifar-criteria --profile full)

One network learns CIFAR-10, loses channels by several criteria until 2.11 times fewer multiply-adds are left, and is
trained on labels a little more. All criteria leave the same share of multiply-adds. Students of scope `global`
lose the least important channels wherever they are; those of scope `layer` lose the same share of each layer, so that
all of them have the same widths and a criterion can differ only in which channels it takes.

Torch-Pruning's published figures (its repository, reproduce/readme.md, §1; Fang et al. 2023, arXiv 2301.12900) are
93.53% for a ResNet-56, 92.93% by group L1 norm, 93.46% by group norm and, after sparse training, 93.29% by batch norm's
scale; there, 200 epochs and 100 more on the original images. Here a ResNet-20 learns for 40 epochs and its students for
one; their learning rate is chosen on validation, by students that lost channels by L1. Profile `paper` is the
ResNet-56 with 200 and 100 epochs: over two days.

About 70 minutes on 2 cores; profile quick, on 10,000 images, takes 15 minutes.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Literal

import keras
import pandas as pd

from experiments.cs230.config import CriteriaConfig
from experiments.cs230.cuts import ChannelsTrial, channels_removed, macs_share, without_channels
from experiments.engine.networks import Networks
from experiments.engine.study import Details, Study
from experiments.engine.training import accuracy
from experiments.engine.trial import Trial
from kdsuite import models
from kdsuite.data import Dataset, ShiftFlip
from kdsuite.prune import Criterion

IMAGE_SIZE, CHANNELS = 32, 3
PARENT_SEED = 0
SHIFT = 2
TUNING_SEED, TUNING_CRITERION = 1000, "l1"


class Criteria(Study):
    """Accuracy of one network's students that lost channels by a criterion, at equal multiply-adds."""

    RECIPE = 2
    COLUMNS = (
        *("optimizer", "macs_share", "keep", "scope", "target", "channels_removed"),
        "validation_accuracy_before_training",
    )
    READ = (*Study.READ, "as_they_are")
    config: CriteriaConfig

    @cached_property
    def dataset(self) -> Dataset:
        """Training images under shifts and alternating flips."""
        plain = self.as_they_are
        return replace(plain, train=plain.train.with_views(ShiftFlip(SHIFT), alternate_flip=True))

    @cached_property
    def as_they_are(self) -> Dataset:
        """The same images without views, for rankings."""
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    def training(self, seed: int, epochs: int, learning_rate: float) -> dict:
        """The fields that say how a network is trained."""
        return {
            "seed": seed,
            "epochs": epochs,
            "learning_rate": learning_rate,
            "batch_size": self.config.batch_size,
            "optimizer": "nesterov",
            "schedule": "triangle",
        }

    def parent(self) -> Trial:
        """The network that all students are cut from."""
        training = self.training(PARENT_SEED, self.config.parent_epochs, self.config.parent_learning_rate)
        network = f"resnet_{self.config.depth}"
        return Trial(method="teacher", network=network, precision=self.config.precision, **training)

    def student(
        self, seed: int, criterion: Criterion, scope: Literal["global", "layer"], learning_rate: float
    ) -> ChannelsTrial:
        """A student of a criterion."""
        return ChannelsTrial(
            method="plain",
            network=f"resnet_{self.config.depth}_pruned",
            lambda_=0.0,
            parent=self.parent(),
            criterion=criterion,
            keep=self.config.keep,
            scope=scope,
            target="macs",
            ranking_size=self.config.ranking_size,
            precision=self.config.student_precision,
            **self.training(seed, self.config.epochs, learning_rate),
        )

    def candidates(self) -> list[Trial]:
        """Students by L1 at each learning rate, unless it is given."""
        if self.config.learning_rate is not None:
            return []
        return [self.student(TUNING_SEED, TUNING_CRITERION, "global", rate) for rate in self.config.learning_rates]

    def choose(self, rows: pd.DataFrame) -> CriteriaConfig:
        """Takes the learning rate of best validation accuracy."""
        accuracy = rows.groupby("learning_rate").validation_accuracy.mean()
        for rate, reached in accuracy.items():
            print(f"tried learning rate {rate:g}: {100 * reached:.2f}%")
        best = float(accuracy.idxmax())
        print(f"chosen on validation: learning rate {best:g}")
        return replace(self.config, learning_rate=best)

    def trials(self) -> list[Trial]:
        """The parent, then seed by seed the students of all criteria."""
        return [self.parent(), *(student for seed in self.config.seeds for student in self.students(seed))]

    def students(self, seed: int) -> Iterator[ChannelsTrial]:
        """The students of one seed: channels from anywhere, then the same share of each layer."""
        rate = self.config.learning_rate
        assert rate is not None
        yield from (self.student(seed, criterion, "global", rate) for criterion in self.config.criteria)
        yield from (self.student(seed, criterion, "layer", rate) for criterion in self.config.layerwise)

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        if isinstance(trial, ChannelsTrial):
            return without_channels(trial, networks.get(trial.parent), self.as_they_are)
        shape = self.dataset.train.images.shape[1:]
        classes = len(self.dataset.class_names)
        return models.resnet(self.config.depth, classes=classes, input_shape=shape, name=trial.network)

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        if not isinstance(trial, ChannelsTrial):
            return Details()
        parent, student = networks.get(trial.parent), distiller.student
        # The surgery is repeated: what it left is lost by the time its student is trained.
        untrained = self.build(trial, networks)
        return Details(
            {
                "macs_share": macs_share(parent, student),
                "channels_removed": channels_removed(parent, student),
                "validation_accuracy_before_training": accuracy(untrained, self.dataset.validation),
            }
        )
