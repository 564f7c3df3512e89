"""Options of study 1's experiments; those on Dogs vs. Cats stand in catdog_config. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from experiments.cs230.catdog_config import (
    ALPHA,
    SHARE,
    ChannelsConfig,
    HintsConfig,
    ImagesConfig,
    LayersConfig,
    NarrowConfig,
    OrdersConfig,
)
from experiments.engine.config import (
    COUNT,
    RATE,
    SEED,
    SMOKE,
    TEMPERATURE,
    WEIGHT,
    Axis,
    Between,
    Config,
    Distinct,
    Handling,
    PrecisionConfig,
)
from experiments.engine.errors import UsageError
from experiments.engine.trial import Precision

Criterion = Literal["l1", "l2", "bn_scale", "fpgm", "lamp", "apoz", "taylor", "taylor_weights", "random"]


@dataclass(frozen=True)
class MnistConfig(PrecisionConfig):
    batch_size: Annotated[int, COUNT] = 128
    """Images a step."""
    learning_rate: Annotated[float, RATE] = 1e-3
    """Adam's learning rate."""
    temperature: Annotated[float, TEMPERATURE] = 1.0
    """Temperature T of the soft targets; the paper's loss has T = 1."""


@dataclass(frozen=True)
class DenseConfig(MnistConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2, 3, 4)
    """Seeds; each one trains a teacher and both students."""
    lambda_: Annotated[float, tyro.conf.arg(name="lambda"), WEIGHT] = 0.4
    """Weight λ of the teacher's soft targets in the distilled student's loss, 0 to 1."""
    epochs: Annotated[int, COUNT] = 20
    """Epochs of teacher and students."""

    PROFILES: ClassVar[dict] = {"smoke": SMOKE | {"epochs": 1}, "quick": {"epochs": 5}, "full": {}, "paper": {}}


@dataclass(frozen=True)
class CnnConfig(MnistConfig):
    epochs: Annotated[int, COUNT] = 5
    """Epochs of each student."""
    teacher_epochs: Annotated[int, COUNT] = 12
    """Epochs of the teacher."""
    teacher_file: Annotated[Path | None, tyro.conf.arg(name="teacher")] = None
    """A .keras file to use as teacher instead; must take 28 × 28 × 1 images with pixels 0 to 255 and end in logits."""


@dataclass(frozen=True)
class LambdaConfig(CnnConfig):
    lambdas: Annotated[tuple[float, ...], WEIGHT, Distinct(), Axis()] = tuple(tenth / 10 for tenth in range(11))
    """Weights λ of the teacher's soft targets, each 0 to 1; 0 is training without a teacher."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMOKE | {"lambdas": (0.0, 0.5, 1.0), "epochs": 1, "teacher_epochs": 1},
        "quick": {"lambdas": (0.0, 0.3, 0.5, 0.7, 1.0), "epochs": 2, "teacher_epochs": 3},
        "full": {},
        "paper": {},
    }


@dataclass(frozen=True)
class BatchConfig(LambdaConfig):
    batch_sizes: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (16, 32, 64, 75, 100, 128, 256, 512)
    """Images a step, of the students; those that choose λ have `batch_size`."""
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda"), WEIGHT] = None
    """Weight λ of the soft targets; by default the λ > 0 of best mean validation accuracy among `lambdas`."""
    lambdas: Annotated[tuple[float, ...], WEIGHT, Distinct()] = tuple(tenth / 10 for tenth in range(11))
    """Weights λ to choose from; others may choose another one, so that their rows stand apart."""
    choice_seeds: Annotated[tuple[int, ...], SEED, Distinct()] = (0, 1, 2)
    """Seeds of the students that choose λ."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMOKE | {"batch_sizes": (32, 64), "lambda_": 0.5, "epochs": 1, "teacher_epochs": 1},
        "quick": {
            "batch_sizes": (32, 75, 100, 256),
            "lambdas": (0.3, 0.5, 0.7, 1.0),
            "epochs": 2,
            "teacher_epochs": 3,
        },
        "full": {},
        "paper": {},
    }


@dataclass(frozen=True)
class TransferConfig(PrecisionConfig):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""
    train_size: Annotated[int | None, COUNT] = 1500
    """Number of training images."""
    validation_size: Annotated[int | None, COUNT] = 500
    """Number of validation images."""
    test_size: Annotated[int | None, COUNT] = 1000
    """Number of test images."""
    sizes: Annotated[tuple[int, ...], Between(32, 1024), Distinct(), Axis()] = (32, 96, 224)
    """Sizes to which the network upscales the 32 × 32 images."""
    whole_sizes: Annotated[tuple[int, ...], Between(32, 1024), Distinct(empty=True), Axis()] = (96,)
    """Sizes at which a network is trained on all images that validation and test leave, too."""
    whole_epochs: Annotated[int, COUNT] = 4
    """Epochs of those networks."""
    alpha: Annotated[float, ALPHA] = 0.75
    """MobileNet's width multiplier; ImageNet weights exist for 0.25, 0.5, 0.75 and 1, which is the paper's."""
    imagenet: bool = True
    """Start from ImageNet weights."""
    batch_size: Annotated[int, COUNT] = 32
    """Images a step."""
    epochs: Annotated[int, COUNT] = 8
    """Epochs of the whole network."""
    learning_rate: Annotated[float, RATE] = 3e-4
    """Adam's learning rate."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMOKE
        | {
            "data": "synthetic",
            "alpha": 0.25,
            "imagenet": False,
            "sizes": (32, 64),
            "whole_sizes": (32,),
            "epochs": 1,
            "whole_epochs": 1,
            "seeds": (0,),
        },
        "quick": {"alpha": 0.25, "sizes": (32, 96), "whole_sizes": ()},
        "full": {},
        "paper": {"alpha": 1.0},
    }


@dataclass(frozen=True)
class CriteriaConfig(Config):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""
    depth: Annotated[int, Between(8, 1202)] = 20
    """Layers of the residual network: 8, 14, 20, and so on in steps of 6."""
    keep: Annotated[float, SHARE] = 0.474
    """Share of the network's multiply-adds that its students keep; 0.474 is a speed-up of 2.11 in theory."""
    criteria: Annotated[tuple[Criterion, ...], Distinct(), Axis()] = ("l1", "l2", "bn_scale", "taylor", "random")
    """What ranks the channels of students that lose the least important ones wherever they are."""
    layerwise: Annotated[tuple[Criterion, ...], Distinct(empty=True), Axis()] = ("l1", "random")
    """What ranks the channels of students that lose the same share of each layer."""
    ranking_size: Annotated[int, COUNT] = 1024
    """Number of training images by which Taylor and APoZ rank."""
    batch_size: Annotated[int, COUNT] = 256
    """Images a step."""
    parent_epochs: Annotated[int, COUNT] = 40
    """Epochs of the network, before it loses channels."""
    parent_learning_rate: Annotated[float, RATE] = 0.4
    """Its learning rate at the highest, of SGD with Nesterov momentum."""
    epochs: Annotated[int, COUNT] = 1
    """Epochs of each student, after it lost channels."""
    learning_rate: Annotated[float | None, RATE] = None
    """The students' learning rate at the highest; by default it is chosen on validation."""
    learning_rates: Annotated[tuple[float, ...], RATE, Distinct()] = (0.02, 0.06, 0.2)
    """Learning rates to choose from."""
    precision: Precision = "bfloat16"
    """Numbers that the network computes with in training, before it loses channels."""
    student_precision: Precision = "float32"
    """Numbers that students compute with in training; the widths that pruning leaves are slow in bfloat16."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMOKE
        | {
            "data": "synthetic",
            "depth": 8,
            "keep": 0.6,
            "criteria": ("taylor", "random"),
            "layerwise": ("l1",),
            "ranking_size": 32,
            "batch_size": 32,
            "learning_rate": 0.06,
            "parent_epochs": 1,
            "epochs": 1,
            "seeds": (0,),
        },
        "quick": {
            "train_size": 10_000,
            "validation_size": 2_000,
            "criteria": ("l1", "taylor", "random"),
            "learning_rate": 0.06,
            "parent_epochs": 10,
            "epochs": 2,
        },
        "full": {},
        "paper": {"depth": 56, "parent_epochs": 200, "epochs": 100},
    }

    def check(self) -> None:
        super().check()
        if self.depth % 6 != 2:
            raise UsageError(f"depth {self.depth}: expected 6 n + 2, such as 20 or 56")


__all__ = [
    "BatchConfig",
    "ChannelsConfig",
    "CriteriaConfig",
    "DenseConfig",
    "HintsConfig",
    "ImagesConfig",
    "LambdaConfig",
    "LayersConfig",
    "NarrowConfig",
    "OrdersConfig",
    "TransferConfig",
]
