"""Options of study 1's Dogs vs. Cats experiments. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from experiments.engine.config import (
    COUNT,
    RATE,
    SMOKE,
    TEMPERATURE,
    WEIGHT,
    Axis,
    Between,
    Distinct,
    SoftTargetConfig,
)
from experiments.engine.errors import UsageError

# What MobileNet has to lose, whatever its width.
UNITS = {"layer": 27, "block": 14}
ALPHA = Between(0, 4, above=True)
SMALL_STUDY = SMOKE | {
    "data": "synthetic",
    "image_size": 32,
    "imagenet": False,
    "alpha": 0.25,
    "train_size": 100,
    "validation_size": 40,
    "test_size": 60,
    "seeds": (0,),
    "tuning": (("adam", 1e-3),),
    "epochs": 1,
}
QUICK_STUDY = {"train_size": 300, "test_size": 500, "tuning": (("adam", 3e-4),)}
PAPER_STUDY = {"alpha": 1.0}


@dataclass(frozen=True)
class CatdogConfig(SoftTargetConfig):
    data: str = "cats_vs_dogs"
    """TFDS name, or folder of images with one sub-folder a class."""
    train_size: Annotated[int | None, COUNT] = 1000
    """Number of images that the students train on, taken from the teacher's."""
    validation_size: Annotated[int | None, COUNT] = 500
    """Number of validation images."""
    test_size: Annotated[int | None, COUNT] = 2500
    """Number of test images."""
    teacher_size: Annotated[int | None, COUNT] = None
    """Number of images that the teacher's head trains on; by default all that validation and test leave."""
    image_size: Annotated[int, COUNT] = 224
    """Height and width to which images are resized."""
    alpha: Annotated[float, ALPHA] = 0.75
    """MobileNet's width multiplier; ImageNet weights exist for 0.25, 0.5, 0.75 and 1, which is the paper's."""
    imagenet: bool = True
    """Start the teacher from ImageNet weights."""
    head_epochs: Annotated[int, COUNT] = 20
    """Epochs of the teacher's head on frozen features."""
    fine_tune_epochs: Annotated[int, Between(0)] = 0
    """Epochs of the whole teacher after that, at a learning rate of 1e-5."""
    temperature: Annotated[float, TEMPERATURE] = 1.0
    """Temperature T of the soft targets; the paper's loss has T = 1."""
    batch_size: Annotated[int, COUNT] = 32
    """Images a step."""
    epochs: Annotated[int, COUNT] = 3
    """Epochs of each student."""
    optimizer: Literal["adam", "sgd"] | None = None
    """The students' optimiser; by default it is chosen on validation, with the learning rate."""
    learning_rate: Annotated[float | None, RATE] = None
    """The students' learning rate; by default it is chosen on validation, with the optimiser."""
    tuning: tuple[tuple[str, float], ...] = (("adam", 1e-4), ("adam", 3e-4), ("adam", 1e-3), ("sgd", 1e-2))
    """Optimisers and learning rates to choose from."""

    def check(self) -> None:
        super().check()
        if (self.optimizer is None) != (self.learning_rate is None):
            raise UsageError("give both --optimizer and --learning-rate, or neither to choose them on validation")
        if self.optimizer is None and not self.tuning:
            raise UsageError("no --tuning and no --optimizer: give optimisers and learning rates to choose from")
        for name, rate in self.tuning:
            if name not in ("adam", "sgd") or not RATE.holds(rate):
                raise UsageError(f"tuning {name} {rate:g}: expected adam or sgd and a learning rate, {RATE}")


@dataclass(frozen=True)
class LayersConfig(CatdogConfig):
    unit: Literal["layer", "block"] = "layer"
    """What is removed as one: a convolution, or a depthwise convolution with the pointwise one behind it."""
    threshold: Annotated[float, Between(0, 1000, above=True)] = 0.05
    """Zero density is the share of a unit's weights |w| below this; at 0.03 and less the first convolution leads the
    order, and removing it multiplies the cost of all others by 4."""
    zero_density_counts: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1, 2, 4, 8)
    """Units removed by zero density (Figure 8)."""
    random_counts: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1, 2)
    """Units removed at random (Figures 5 and 6)."""
    random_weight_counts: Annotated[tuple[int, ...], COUNT, Axis()] = (2,)
    """Units removed by zero density from students that start from random weights."""
    lambdas: Annotated[tuple[float, ...], WEIGHT, Axis()] = (0.25, 0.75, 1.0)
    """Further weights λ of the soft targets, for students that lost `long_count` units by zero density."""
    long_count: Annotated[int, COUNT] = 2
    """Units removed from the students of Figure 7 and of the λ-sweep."""
    long_epochs: Annotated[int, COUNT] = 6
    """Epochs of the students of Figure 7 (accuracy against epochs)."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY
        | {
            "zero_density_counts": (1,),
            "random_counts": (2,),
            "random_weight_counts": (),
            "lambdas": (),
            "long_epochs": 2,
        },
        "quick": QUICK_STUDY
        | {
            "zero_density_counts": (1, 3),
            "random_counts": (2,),
            "random_weight_counts": (),
            "lambdas": (),
            "long_epochs": 4,
        },
        "full": {},
        "paper": PAPER_STUDY,
    }

    def check(self) -> None:
        super().check()
        available = UNITS[self.unit]
        for count in (*self.zero_density_counts, *self.random_counts, *self.random_weight_counts, self.long_count):
            if count > available:
                raise UsageError(f"{count} units to remove: expected 1 to {available}, the {self.unit}s of MobileNet")


@dataclass(frozen=True)
class ChannelsConfig(CatdogConfig):
    keep: Annotated[tuple[float, ...], Between(0, 1, above=True, below=True), Distinct(), Axis()] = (0.9, 0.7, 0.5, 0.3)
    """Shares of the teacher's parameters (or MACs) that its students keep."""
    criteria: Annotated[tuple[Literal["l1", "apoz", "taylor", "random"], ...], Distinct(), Axis()] = (
        *("l1", "apoz", "taylor", "random"),
    )
    """What ranks the channels."""
    scope: Literal["global", "layer"] = "global"
    """Whether the least important channels go wherever they are, or the same share of each layer."""
    target: Literal["params", "macs"] = "params"
    """What is kept to a share."""
    ranking_size: Annotated[int, COUNT] = 200
    """Number of training images by which APoZ and Taylor rank."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY | {"keep": (0.7,), "criteria": ("taylor",)},
        "quick": QUICK_STUDY | {"keep": (0.7, 0.5), "criteria": ("l1", "taylor")},
        "full": {},
        "paper": PAPER_STUDY,
    }
