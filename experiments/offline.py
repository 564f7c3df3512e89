"""Study 5's teachers and students, and where a teacher's responses are kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from experiments.config import CosineConfig, check_at_least
from experiments.trial import CosineTrial
from kdsuite import distill, models
from kdsuite.data import Dataset

Teacher = Literal["resnet_20", "vgg_small", "resnet50", "inception_v3"]
RESPONSES_STUDY = "offline-responses"
TEACHER_SEED = 0
SMOKE = {
    "seeds": (0,),
    "teacher_size": 120,
    "train_size": 60,
    "validation_size": 40,
    "test_size": 40,
    "teachers": ("resnet_20",),
    "teacher_epochs": 1,
    "results": Path(".cache/smoke"),
    "responses": Path(".cache/smoke/responses"),
}
QUICK = {
    "teacher_size": 20000,
    "train_size": 2000,
    "validation_size": 1000,
    "teachers": ("vgg_small", "resnet_20"),
    "teacher_epochs": 8,
    "results": Path("results/quick"),
}


@dataclass(frozen=True)
class OfflineConfig(CosineConfig):
    data: str = "cifar10"
    """A TFDS name, or a folder of images with one sub-folder a class."""
    train_size: int | None = None
    """Images of the transfer set, that students train on; by default all that validation and test leave."""
    teacher_size: int | None = None
    """Images the teachers train on, the transfer set's among them; by default all that validation and test leave."""
    teachers: tuple[Teacher, ...] = ("resnet50", "inception_v3")
    """Teachers whose responses are written, or learned from."""
    teacher_epochs: int = 20
    """Epochs of each teacher."""
    upscaled_to: int = 96
    """Size to which ResNet50 and InceptionV3 resize their images."""
    weights: str | None = None
    """What ResNet50 or InceptionV3 start from: imagenet, or a weights file without top; by default new weights."""
    responses: Path = Path("results/responses")
    """Folder of the responses."""

    def check(self) -> None:
        super().check()
        check_at_least(1, teacher_epochs=self.teacher_epochs)


@dataclass(frozen=True, kw_only=True)
class TeacherTrial(CosineTrial):
    """A teacher trained on labels; its size, its start and its data are part of its identity."""

    upscaled_to: int | None
    weights: str | None
    teacher_size: int | None


def teacher_trial(config: OfflineConfig, network: str) -> TeacherTrial:
    """One teacher of all studies of this data."""
    large = network in ("resnet50", "inception_v3")
    return TeacherTrial(
        study=RESPONSES_STUDY,
        method="teacher",
        network=network,
        seed=TEACHER_SEED,
        epochs=config.teacher_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        upscaled_to=config.upscaled_to if large else None,
        weights=config.weights if large else None,
        teacher_size=config.teacher_size,
    )


def load_data(config: OfflineConfig) -> tuple[Dataset, Dataset]:
    """The data of the teachers, and that of the students: the transfer set."""
    sizes = {"image_size": 32, "channels": 3}
    return config.load(train_size=config.teacher_size, **sizes), config.load(**sizes)


def build_teacher(trial: TeacherTrial, classes: int, input_shape) -> keras.Model:
    """A new teacher."""
    if trial.network == "resnet_20":
        return models.resnet(20, classes=classes, input_shape=input_shape)
    if trial.network == "vgg_small":
        return models.vgg(models.S1, classes=classes, input_shape=input_shape, name="vgg_small")
    return models.imagenet_teacher(
        trial.network,
        classes=classes,
        image_size=input_shape[0],
        upscaled_to=trial.upscaled_to,
        weights=trial.weights,
    )


def responses_path(config: OfflineConfig, network: str, dataset: Dataset) -> Path:
    """Where the responses of a teacher on this transfer set are kept."""
    return config.responses / f"{network}-{dataset.name}-{dataset.train.fingerprint[:8]}.npz"


def load_responses(config: OfflineConfig, network: str, dataset: Dataset) -> distill.Responses:
    """The responses of a teacher on the transfer set.

    Raises:
        DistillationError: there are none, or they are for other data.
    """
    return distill.load_responses(responses_path(config, network, dataset), dataset.train, dataset.class_names)
