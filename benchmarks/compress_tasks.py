"""What `compress` is measured on: the teachers of studies 1 and 5, their data, and goals."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras

from experiments.cs230.heads import train_head
from experiments.engine.networks import Networks
from experiments.offline.config import ResponsesConfig
from experiments.offline.responses import OfflineResponses
from kdsuite import data, models
from kdsuite.data.views import Views

TaskName = Literal["catdog", "cifar10"]
SHIFT = 2


@dataclass(frozen=True)
class Task:
    """A teacher and its data.

    Attributes:
        name: in the rows.
        dataset: test was seen by no teacher.
        views: under which all students train.
        cost: what is compared at equal shares.
        shares: of that cost, that students keep.
        file_bytes: goal of one more run of `compress`, or None.
        given: layers whose weights come from the images and not from training; a network that starts anew has them.
    """

    name: TaskName
    dataset: data.Dataset
    views: Views
    cost: Literal["params", "macs"]
    shares: tuple[float, ...]
    file_bytes: float | None = None
    given: tuple[str, ...] = ()


def task_of(name: TaskName, train_size: int | None, cache: Path) -> Task:
    """The task of a name, on all training images or fewer."""
    if name == "catdog":
        sizes = {"train_size": train_size, "validation_size": 500, "test_size": 2500}
        dataset = data.load("cats_vs_dogs", image_size=224, channels=3, cache=cache, **sizes)
        return Task(name, dataset, data.Flip(), "macs", (0.5, 0.25), file_bytes=600_000)
    dataset = _responses(train_size, cache).dataset
    return Task(name, dataset, data.ShiftFlip(SHIFT), "params", (1 / 3,), given=("whiten",))


def teacher_of(task: Task, train_size: int | None, epochs: int | None, cache: Path, seed: int) -> keras.Model:
    """Trains a task's teacher, or takes it from the cache.

    Args:
        task: which.
        train_size: training images, or None for all.
        epochs: of the head on ImageNet features, or of the whole network; by default the study's.
        cache: of data, and of study 5's trained networks.
        seed: of the head.
    """
    if task.name == "catdog":
        keras.utils.set_random_seed(seed)
        model = models.mobilenet(classes=2, alpha=0.75, image_size=224)
        train_head(model, task.dataset, epochs=epochs or 20, learning_rate=1e-3, cache=cache)
        return model
    study = _responses(train_size, cache)
    if epochs is not None:
        study = OfflineResponses(replace(study.config, teacher_epochs=epochs))
    return Networks(study, cache).get(study.teacher(study.config.teachers[0]))


def _responses(train_size: int | None, cache: Path) -> OfflineResponses:
    return OfflineResponses(ResponsesConfig(train_size=train_size, cache=cache))
