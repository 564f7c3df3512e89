"""What `compress` is measured on: the teachers of studies 1 and 5, their data, and goals."""

from collections.abc import Callable
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
HEAD_EPOCHS = 20
SHIFT = 2


@dataclass(frozen=True)
class Task:
    """A teacher and its data.

    Attributes:
        dataset: test was seen by no teacher.
        teacher: trains the teacher, or takes it from the cache; from the seed of its new weights.
        views: under which all students train.
        cost: what is compared at equal shares.
        shares: of that cost, that students keep.
        file_bytes: goal of one more run of `compress`, or None.
        given: layers whose weights come from the images and not from training; a network that starts anew has them.
    """

    dataset: data.Dataset
    teacher: Callable[[int], keras.Model]
    views: Views
    cost: Literal["params", "macs"]
    shares: tuple[float, ...]
    file_bytes: float | None = None
    given: tuple[str, ...] = ()


def task_of(name: TaskName, train_size: int | None, epochs: int | None, cache: Path) -> Task:
    """The task of a name.

    Args:
        name: of the task.
        train_size: training images, or None for all.
        epochs: of the teacher's head on ImageNet features, or of the whole teacher; by default its study's.
        cache: of data, and of study 5's trained networks.
    """
    return {"catdog": _catdog, "cifar10": _cifar10}[name](train_size, epochs, cache)


def _catdog(train_size: int | None, epochs: int | None, cache: Path) -> Task:
    sizes = {"train_size": train_size, "validation_size": 500, "test_size": 2500}
    dataset = data.load("cats_vs_dogs", image_size=224, channels=3, cache=cache, **sizes)

    def teacher(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        model = models.mobilenet(classes=2, alpha=0.75, image_size=224)
        train_head(model, dataset, epochs=epochs or HEAD_EPOCHS, learning_rate=1e-3, cache=cache)
        return model

    return Task(dataset, teacher, data.Flip(), "macs", (0.5, 0.25), file_bytes=600_000)


def _cifar10(train_size: int | None, epochs: int | None, cache: Path) -> Task:
    config = ResponsesConfig(train_size=train_size, cache=cache)
    study = OfflineResponses(config if epochs is None else replace(config, teacher_epochs=epochs))

    def teacher(seed: int) -> keras.Model:
        return Networks(study, cache).get(replace(study.teacher(config.teachers[0]), seed=seed))

    return Task(study.dataset, teacher, data.ShiftFlip(SHIFT), "params", (1 / 3,), given=("whiten",))
