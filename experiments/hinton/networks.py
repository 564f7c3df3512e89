"""What study 2's experiments share: trials that name every part of their recipe, their networks and their data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import keras

from experiments.engine.networks import Networks
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from experiments.hinton.config import HintonConfig
from experiments.hinton.protocols import STUDENT_UNITS, TEACHER_UNITS, Recipe
from kdsuite import models
from kdsuite.data import Dataset, Jitter, Split

IMAGE_SIZE, CHANNELS = 28, 1
TEACHER_SEED = 0
COLUMNS = ("protocol", "variant", "units", "optimizer", "schedule", "views", "transfer_set")


@dataclass(frozen=True, kw_only=True)
class HintonTrial(Trial):
    """One network of study 2.

    Attributes:
        protocol: key of `PROTOCOLS`.
        variant: what differs from the protocol, in words; "" for nothing.
        units: width of each hidden layer.
        dropout, max_norm, weight_decay, jitter: as in a Recipe.
        classes: those of its transfer set, or None for all.
    """

    protocol: str
    variant: str = ""
    units: tuple[int, ...]
    dropout: tuple[float, float]
    max_norm: float | None
    weight_decay: float
    jitter: tuple[int, int] | None
    classes: tuple[int, ...] | None = None

    @property
    def series(self) -> str:
        return self.variant or super().series

    @property
    def save_network(self) -> bool:
        return True

    @property
    def views(self) -> Jitter | None:
        """The shifts under which its images are shown."""
        return Jitter(*self.jitter) if self.jitter else None

    def columns(self) -> dict[str, Any]:
        return super().columns() | {
            "protocol": self.protocol,
            "variant": self.variant or None,
            "units": self.units[0],
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "views": self.views.count if self.views else 1,
            "transfer_set": None if self.classes is None else " ".join(map(str, self.classes)),
        }

    def __str__(self) -> str:
        classes = "" if self.classes is None else f" classes {''.join(map(str, self.classes))}"
        return f"{super().__str__()}{classes} {self.variant}".rstrip()


class HintonStudy(Study):
    """Multilayer perceptrons on MNIST."""

    COLUMNS: ClassVar[Sequence[str]] = COLUMNS
    config: HintonConfig

    @cached_property
    def dataset(self) -> Dataset:
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    @cached_property
    def _training_splits(self) -> dict[tuple, Split]:
        return {}

    def data(self, trial: HintonTrial) -> Dataset:
        """The data set with the trial's transfer set, under its views, as training split."""
        wanted = trial.classes, trial.jitter
        if wanted not in self._training_splits:
            train = self.dataset.train if trial.classes is None else self.dataset.train.of_classes(trial.classes)
            self._training_splits[wanted] = train.with_views(trial.views) if trial.views else train
        return replace(self.dataset, train=self._training_splits[wanted])

    def build(self, trial: HintonTrial, networks: Networks) -> keras.Model:
        return models.mlp(
            trial.units,
            classes=len(self.dataset.class_names),
            dropout=trial.dropout,
            max_norm=trial.max_norm,
            weight_decay=trial.weight_decay,
            name=trial.network,
        )

    def teacher(self, seed: int = TEACHER_SEED) -> HintonTrial:
        """The 1200–1200 teacher of one seed, the same in all experiments."""
        return self._trial(seed, TEACHER_UNITS, self.config.recipes.teacher, method="teacher")

    def plain(self, seed: int) -> HintonTrial:
        """The 800–800 student on labels alone."""
        return self._trial(seed, STUDENT_UNITS, self.config.recipes.plain, method="plain", lambda_=0.0)

    def distilled(self, seed: int, teacher: HintonTrial, recipe: Recipe | None = None, **settings) -> HintonTrial:
        """A student on labels and soft targets of all views of its transfer set.

        Args:
            seed: of the student.
            teacher: whose soft targets it learns.
            recipe: by default the protocol's.
            settings: further fields, in place of the protocol's.
        """
        recipes = self.config.recipes
        defaults = {"lambda_": recipes.lambda_, "temperature": recipes.temperature, "units": STUDENT_UNITS}
        return self._trial(
            seed, recipe=recipe or recipes.distilled, method="kd", teacher=teacher, **defaults | settings
        )

    def _trial(self, seed: int, units: tuple[int, ...], recipe: Recipe, **settings) -> HintonTrial:
        return HintonTrial(
            network="mlp_" + "_".join(map(str, units)),
            seed=seed,
            units=units,
            protocol=self.config.protocol,
            precision=self.config.precision,
            **vars(recipe),
            **settings,
        )
