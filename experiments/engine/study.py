"""What an experiment says of itself: which networks to train, on which data, with which targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import pandas as pd
import tensorflow as tf

from experiments.engine.config import Config
from experiments.engine.optimizers import make_optimizer
from experiments.engine.trial import Trial
from kdsuite import distill
from kdsuite.data import Dataset

if TYPE_CHECKING:
    from experiments.engine.networks import Networks
    from experiments.engine.results import Results


@dataclass(frozen=True)
class Targets:
    """Teacher outputs on the splits of a trial; None where batches carry none.

    Attributes:
        train, validation, test: outputs, row for row.
        live: a teacher that is run in each step instead, or None.
    """

    train: distill.TeacherOutputs | None = None
    validation: distill.TeacherOutputs | None = None
    test: distill.TeacherOutputs | None = None
    live: keras.Model | None = None

    @property
    def given(self) -> bool:
        """Whether training has anything but labels to go by."""
        return self.train is not None or self.live is not None


@dataclass(frozen=True)
class Details:
    """What an experiment measures beside the common columns.

    Attributes:
        columns: further cells of the row.
        tables: name of a further table → the network's lines.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict]] = field(default_factory=dict)


class Study:
    """One experiment under one configuration; a subclass overrides what differs.

    Attributes:
        RECIPE: raised by one when the code changes what the experiment's rows mean.
        COLUMNS, EPOCH_COLUMNS: the experiment's own columns of a row and of an epoch, after the common ones.
        TABLES: names of further tables, a CSV file each → their columns.
        READ: names of the properties that hold what is read from files; a node of a cluster is given them.
    """

    RECIPE: ClassVar[int] = 1
    COLUMNS: ClassVar[Sequence[str]] = ()
    EPOCH_COLUMNS: ClassVar[Sequence[str]] = ()
    TABLES: ClassVar[dict[str, Sequence[str]]] = {}
    READ: ClassVar[Sequence[str]] = ("dataset", "teacher_data")

    def __init__(self, config: Config):
        self.config: Any = config
        self._keys: dict[Trial, str] = {}

    @cached_property
    def dataset(self) -> Dataset:
        """The data that the experiment's students train on."""
        return self.config.load()

    @cached_property
    def teacher_data(self) -> Dataset:
        """The data that its teachers train on, where these are other."""
        return self.dataset

    def setting(self) -> dict[str, Any]:
        """What rows must have in common to be averaged: by default the configuration's own settings."""
        return self.config.setting()

    def data(self, trial: Trial) -> Dataset:
        """The splits a trial trains, validates and tests on."""
        return self.teacher_data if trial.role == "teacher" else self.dataset

    def trials(self) -> Sequence[Trial]:
        """All trials under the configuration as it is, networks that others need before these."""
        raise TypeError(f"{type(self).__name__} says not what to train: define trials()")

    def candidates(self) -> Sequence[Trial]:
        """Trials to choose by, on validation; they never see the test split."""
        return ()

    def choose(self, rows: pd.DataFrame) -> Config:
        """The configuration with what the candidates' rows decide."""
        return self.config

    def stages(self, results: Results) -> Iterator[Sequence[Trial]]:
        """Yields lists of trials; each list is trained before the next is asked for, and may depend on its rows."""
        candidates = self.candidates()
        if candidates:
            yield candidates
            self.config = self.choose(results.rows_of(candidates))
        yield self.trials()

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        """Builds the network of a trial; its weights are drawn after the trial's seed was set."""
        raise TypeError(f"{type(self).__name__} says not how to build {trial.network}: define build()")

    def targets(self, trial: Trial, networks: Networks) -> Targets:
        """Gives what a trial learns from beside labels: by default its teachers' outputs on its training split."""
        if not trial.teachers:
            return Targets()
        assert trial.temperature is not None
        layers = sorted({hint.teacher for hint in self.hints(trial)})
        split = self.data(trial).train
        weighted = [
            (weight, networks.outputs(teacher, split, layers=() if number else layers))
            for number, (weight, teacher) in enumerate(trial.teachers)
        ]
        return Targets(train=distill.mixture(weighted, trial.temperature))

    def hints(self, trial: Trial) -> Sequence[distill.Hint]:
        """Gives the terms of a trial's loss that compare layers with those of its first teacher."""
        return ()

    def distiller(self, trial: Trial, model: keras.Model, *, has_targets: bool) -> keras.Model:
        """Wraps a network in its distiller.

        Args:
            trial: gives λ and T.
            model: the student, or a teacher to be trained on labels.
            has_targets: whether batches will carry teacher outputs; otherwise it trains on labels only.
        """
        if not has_targets:
            return distill.Distiller(model, lambda_=0.0, temperature=1.0)
        assert trial.lambda_ is not None and trial.temperature is not None
        return distill.Distiller(model, lambda_=trial.lambda_, temperature=trial.temperature, hints=self.hints(trial))

    def optimizer(self, trial: Trial, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        """Makes a new optimizer for a trial."""
        return make_optimizer(trial, steps_per_epoch)

    def prepare(self, trial: Trial, batches: tf.data.Dataset, epoch: int) -> tf.data.Dataset:
        """Gives the training batches of an epoch as the distiller is to have them."""
        return batches

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures what the experiment's own columns and tables hold of a trained network.

        Args:
            trial: what was trained.
            distiller: of the network or of a copy with its weights (`Trained.distiller`), after the test.
            history: one dict an epoch.
            networks: other trained networks.
        """
        return Details()

    def test_details(self, trial: Trial, distiller: keras.Model) -> Details:
        """Measures on the test split what goes beyond its accuracy; not called for candidates of a choice."""
        return Details()

    def finish(self, networks: Networks, folder: Path) -> None:
        """Makes what needs trained networks beside rows (pictures, files); called once, after all trials."""

    def key(self, trial: Trial) -> str:
        """Gives the identity of a trial on its data."""
        if trial not in self._keys:
            self._keys[trial] = trial.key(self._fingerprint)
        return self._keys[trial]

    def _fingerprint(self, trial: Trial) -> str:
        dataset = self.data(trial)
        return " ".join(split.fingerprint for split in (dataset.train, dataset.validation, dataset.test))
