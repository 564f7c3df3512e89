"""Options of study 5's experiments. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from experiments.engine.config import (
    COUNT,
    SEED,
    TEMPERATURE,
    Axis,
    Between,
    CosineConfig,
    Distinct,
    Handling,
)
from experiments.offline.students import convolutions

POSITIVE_WEIGHT = Between(0, 1, above=True, why="students on labels alone are trained anyway")
Teacher = Literal["resnet_20", "vgg_small", "resnet50", "inception_v3"]
SMOKE = {
    "teacher_size": 120,
    "train_size": 60,
    "validation_size": 40,
    "test_size": 40,
    "teachers": ("resnet_20",),
    "teacher_epochs": 1,
}
FULL = {
    "teacher_size": 20000,
    "train_size": 2000,
    "validation_size": 1000,
    "teachers": ("vgg_small", "resnet_20"),
    "teacher_epochs": 8,
}
SMALL = {
    "students": ("cnn_3_8_0", "cnn_3_8_1", "cnn_3_16_0", "cnn_3_16_1", "cnn_3_64_0", "cnn_3_64_1"),
    "compared": "cnn_3_16_1",
    "choose_for": "cnn_3_16_1",
    "choice_seeds": (0, 1, 2),
    "temperatures": (1.0, 4.0, 8.0),
    "lambdas": (0.5, 0.9),
    "expand": False,
}


@dataclass(frozen=True)
class ResponsesConfig(CosineConfig):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""
    train_size: Annotated[int | None, COUNT] = None
    """Images of the transfer set, that students train on; by default all that validation and test leave."""
    teacher_size: Annotated[int | None, COUNT] = None
    """Images that teachers train on, the transfer set's among them; by default all that validation and test leave."""
    teachers: Annotated[tuple[Teacher, ...], Distinct(), Axis()] = ("resnet50", "inception_v3")
    """Teachers whose responses are written or learned from; the first is the one that teaches alone."""
    teacher_epochs: Annotated[int, COUNT] = 20
    """Epochs of each teacher."""
    upscaled_to: Annotated[int, COUNT] = 96
    """Size in pixels to which ResNet50 and InceptionV3 resize their images."""
    weights: str | None = None
    """What ResNet50 or InceptionV3 start from: imagenet, or a weights file without top; by default new weights."""

    PROFILES: ClassVar[dict[str, dict]] = {"smoke": SMOKE | {"seeds": (0,)}, "quick": FULL, "full": FULL, "paper": {}}


@dataclass(frozen=True)
class Cifar10Config(ResponsesConfig):
    students: Annotated[tuple[str, ...], Distinct(), Axis()] = ("cnn_2_16_0", "cnn_3_32_1", "cnn_4_32_1", "cnn_4_64_2")
    """Small networks: cnn_D_W_N has D convolutions, W filters in the first, N hidden dense layers."""
    epochs: Annotated[int, COUNT] = 30
    """Epochs of each student."""
    compared: str = "cnn_3_32_1"
    """The student that also learns from label smoothing, from all teachers, and from a live teacher."""
    choose_for: str | None = None
    """The student by which T and λ are chosen for all; by default each one has its own."""
    choice_seeds: Annotated[tuple[int, ...], SEED, Distinct()] = (100,)
    """Seeds of the students by which T and λ are chosen."""
    temperatures: Annotated[tuple[float, ...], TEMPERATURE, Distinct()] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Temperatures T to choose from."""
    lambdas: Annotated[tuple[float, ...], POSITIVE_WEIGHT, Distinct()] = (0.25, 0.5, 0.75, 0.9, 1.0)
    """Weights λ of the soft targets to choose from."""
    expand: bool = True
    """Try further temperatures and weights until the best ones are not at the end of those tried."""
    responses: Annotated[Path | None, Handling()] = None
    """Folder of responses; by default that of offline-responses, or else of the reference."""

    PROFILES: ClassVar[dict[str, dict]] = {
        "smoke": SMOKE
        | {
            "seeds": (0,),
            "students": ("cnn_2_4_0",),
            "compared": "cnn_2_4_0",
            "temperatures": (4.0,),
            "lambdas": (0.5,),
            "expand": False,
            "epochs": 1,
        },
        "quick": FULL | SMALL,
        "full": FULL | SMALL,
        "paper": {},
    }

    def check(self) -> None:
        super().check()
        for name in (*self.students, self.compared, *([self.choose_for] if self.choose_for else [])):
            convolutions(name)
