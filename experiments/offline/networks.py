"""What study 5's experiments share: their data, their teachers, and where responses are kept."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import keras

from experiments.engine.networks import Networks
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from experiments.offline.config import ResponsesConfig
from kdsuite import models
from kdsuite.data import Dataset

IMAGE_SIZE, CHANNELS = 32, 3
TEACHER_SEED = 0
UPSCALED = ("resnet50", "inception_v3")


@dataclass(frozen=True, kw_only=True)
class TeacherTrial(Trial):
    """A teacher trained on labels.

    Attributes:
        upscaled_to: size to which it resizes its images, or None.
        weights: what it starts from, or None for new weights.
    """

    upscaled_to: int | None
    weights: str | None


class OfflineStudy(Study):
    """Teachers on one part of the data, students on the transfer set, a part of that."""

    config: ResponsesConfig

    @cached_property
    def dataset(self) -> Dataset:
        """The transfer set as training split."""
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    @cached_property
    def teacher_data(self) -> Dataset:
        if self.config.teacher_size == self.config.train_size:
            return self.dataset
        return self.config.load(train_size=self.config.teacher_size, image_size=IMAGE_SIZE, channels=CHANNELS)

    def teacher(self, network: str) -> TeacherTrial:
        """A teacher, the same in both experiments."""
        upscaled = network in UPSCALED
        return TeacherTrial(
            method="teacher",
            network=network,
            seed=TEACHER_SEED,
            epochs=self.config.teacher_epochs,
            batch_size=self.config.batch_size,
            learning_rate=self.config.learning_rate,
            schedule="cosine",
            upscaled_to=self.config.upscaled_to if upscaled else None,
            weights=self.config.weights if upscaled else None,
        )

    def build(self, trial: TeacherTrial, networks: Networks) -> keras.Model:
        shape = self.dataset.train.images.shape[1:]
        classes = len(self.dataset.class_names)
        if trial.network == "resnet_20":
            return models.resnet(20, classes=classes, input_shape=shape)
        if trial.network == "vgg_small":
            return models.vgg(models.S1, classes=classes, input_shape=shape, name="vgg_small")
        assert trial.upscaled_to is not None, "networks of ImageNet resize their images"
        return models.imagenet_teacher(
            cast(Literal["resnet50", "inception_v3"], trial.network),
            classes=classes,
            image_size=shape[0],
            upscaled_to=trial.upscaled_to,
            weights=trial.weights,
        )

    def responses_name(self, network: str) -> str:
        """File name of a teacher's responses on the transfer set."""
        return f"{network}-{self.dataset.name}-{self.dataset.train.fingerprint[:8]}.npz"


def responses_folder(setting: Path) -> Path:
    """The responses in a setting's folder."""
    return setting / "responses"
