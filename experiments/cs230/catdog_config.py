"""Options of study 1's Dogs vs. Cats experiments. Imports no TensorFlow."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import tyro

from experiments.engine.config import (
    COUNT,
    RATE,
    SEED,
    SMOKE,
    TEMPERATURE,
    WEIGHT,
    Axis,
    Between,
    Distinct,
    Handling,
    PrecisionConfig,
    SoftTargetConfig,
)
from experiments.engine.errors import UsageError

# What MobileNet has to lose, whatever its width.
UNITS = {"layer": 27, "block": 14}
HINTS = re.compile(r"conv1(_bn|_relu)?|conv_(dw|pw)_([1-9]|1[0-3])(_bn|_relu)?|pool")
ALPHA = Between(0, 4, above=True)
SHARE = Between(0, 1, above=True, below=True)
NINE_SEEDS = tuple(range(9))
CHOSEN = {"optimizer": "adam", "learning_rate": 1e-3}
SMALL_STUDY = (
    SMOKE
    | CHOSEN
    | {
        "data": "synthetic",
        "image_size": 32,
        "imagenet": False,
        "alpha": 0.25,
        "train_size": 100,
        "validation_size": 40,
        "test_size": 60,
        "seeds": (0,),
        "epochs": 1,
    }
)
# A third of the width is four times as fast.
QUICK_STUDY = CHOSEN | {"alpha": 0.25, "seeds": (0, 1, 2)}
PAPER_STUDY = {"alpha": 1.0, "image_size": 224}


def check_counts(counts: Iterable[int], unit: str = "layer") -> None:
    """Checks that so many units can be removed.

    Raises:
        UsageError: MobileNet has fewer.
    """
    for count in counts:
        if count > UNITS[unit]:
            raise UsageError(f"{count} units to remove: expected 1 to {UNITS[unit]}, the {unit}s of MobileNet")


def check_teacher(teacher_size: int | None, train_size: int | None) -> None:
    """Checks that a teacher trains on all images of its students, which are taken from its own.

    Raises:
        UsageError: it trains on fewer.
    """
    if teacher_size is not None and train_size is not None and teacher_size < train_size:
        raise UsageError(f"teacher size {teacher_size}: expected at least the {train_size} images of its students")


@dataclass(frozen=True)
class CatdogConfig(PrecisionConfig, SoftTargetConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = NINE_SEEDS
    """Seeds; each one repeats the whole grid."""
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
    image_size: Annotated[int, COUNT] = 160
    """Height and width to which images are resized; the paper's 224 takes twice as long."""
    alpha: Annotated[float, ALPHA] = 0.75
    """MobileNet's width multiplier; ImageNet weights exist for 0.25, 0.5, 0.75 and 1, which is the paper's."""
    imagenet: bool = True
    """Start the teacher from ImageNet weights."""
    head_epochs: Annotated[int, COUNT] = 20
    """Epochs of the teacher's head on frozen features."""
    fine_tune_epochs: Annotated[int, Between(0)] = 0
    """Epochs of the whole teacher after that, at a learning rate of 1e-5."""
    lambda_: Annotated[float, tyro.conf.arg(name="lambda"), Between(0, 1, above=True)] = 0.5
    """Weight λ of the soft targets in distilled students, against 1 − λ of the labels."""
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
    tuning_seeds: Annotated[int, Between(1, 3)] = 3
    """Number of seeds of the students by which they are chosen; none of these is a seed of the grid."""

    def check(self) -> None:
        super().check()
        if (self.optimizer is None) != (self.learning_rate is None):
            raise UsageError("give both --optimizer and --learning-rate, or neither to choose them on validation")
        if self.optimizer is None and not self.tuning:
            raise UsageError("no --tuning and no --optimizer: give optimisers and learning rates to choose from")
        check_teacher(self.teacher_size, self.train_size)
        for name, rate in self.tuning:
            if name not in ("adam", "sgd") or not RATE.holds(rate):
                raise UsageError(f"tuning {name} {rate:g}: expected adam or sgd and a learning rate, {RATE}")


@dataclass(frozen=True)
class LayersConfig(CatdogConfig):
    unit: Literal["layer", "block"] = "layer"
    """What is removed as one: a convolution, or a depthwise convolution with the pointwise one behind it."""
    threshold: Annotated[float, Between(0, 1000, above=True)] = 0.05
    """Zero density is the share of a unit's weights |w| below this; at 0.03 and less the first convolution is the
    second to go, and removing it multiplies the cost of all others by 4."""
    zero_density_counts: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1, 2, 4, 6, 8)
    """Units removed by zero density (Figure 8)."""
    random_counts: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1, 2, 4, 6, 8)
    """Units removed at random (Figures 5 and 6)."""
    random_cuts: Annotated[int | None, COUNT] = None
    """Number of different random cuts, which the seeds take in turns; by default each seed has its own."""
    dearest: Annotated[float | None, Between(0, above=True)] = 2.0
    """A random cut that would cost more than so many times the teacher's multiply-adds is drawn again: each stride
    that goes multiplies what follows by 4, so that 8 of 27 layers can cost 39 times as much."""
    long_counts: Annotated[tuple[int, ...], COUNT, Distinct(empty=True), Axis()] = (8,)
    """Units removed by zero density from the students of Figure 7 (accuracy against epochs)."""
    long_epochs: Annotated[int, COUNT] = 12
    """Epochs of the students of Figure 7."""
    random_weight_counts: Annotated[tuple[int, ...], COUNT, Distinct(empty=True), Axis()] = (2,)
    """Units removed by zero density from students that start from random weights."""
    lambdas: Annotated[tuple[float, ...], WEIGHT, Distinct(empty=True), Axis()] = (0.25, 0.75, 1.0)
    """Further weights λ of the soft targets, for students that lost two units by zero density."""
    temperatures: Annotated[tuple[float, ...], TEMPERATURE, Distinct(empty=True), Axis()] = ()
    """Further temperatures T, for distilled students that lost 2 or 8 units by zero density."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY
        | {
            "zero_density_counts": (1,),
            "random_counts": (2,),
            "random_weight_counts": (),
            "lambdas": (),
            "long_counts": (2,),
            "long_epochs": 2,
        },
        "quick": QUICK_STUDY
        | {
            "zero_density_counts": (1, 2, 8),
            "random_counts": (2,),
            "random_weight_counts": (),
            "lambdas": (),
            "long_epochs": 6,
        },
        "full": {},
        "paper": PAPER_STUDY,
    }

    def check(self) -> None:
        super().check()
        counts = (*self.zero_density_counts, *self.random_counts, *self.random_weight_counts, *self.long_counts)
        check_counts(counts, self.unit)


@dataclass(frozen=True)
class NarrowConfig(LayersConfig):
    alpha: Annotated[float, ALPHA] = 0.25
    """MobileNet's width multiplier; ImageNet weights exist for 0.25, 0.5, 0.75 and 1."""
    image_size: Annotated[int, COUNT] = 224
    """Height and width to which images are resized."""
    random_weight_counts: Annotated[tuple[int, ...], COUNT, Distinct(empty=True), Axis()] = ()
    """Units removed by zero density from students that start from random weights."""
    lambdas: Annotated[tuple[float, ...], WEIGHT, Distinct(empty=True), Axis()] = ()
    """Further weights λ of the soft targets, for students that lost two units by zero density."""


@dataclass(frozen=True)
class ChannelsConfig(CatdogConfig):
    keep: Annotated[tuple[float, ...], SHARE, Distinct(), Axis()] = (0.5, 0.3)
    """Shares of the teacher's parameters, or multiply-adds, that its students keep."""
    targets: Annotated[tuple[Literal["params", "macs"], ...], Distinct(), Axis()] = ("params", "macs")
    """What is kept to a share; each makes students of its own."""
    criteria: Annotated[tuple[Literal["l1", "apoz", "taylor", "random"], ...], Distinct(), Axis()] = (
        *("l1", "apoz", "taylor", "random"),
    )
    """What ranks the channels."""
    layerwise: Annotated[tuple[float, ...], SHARE, Distinct(empty=True), Axis()] = (0.5,)
    """Shares of parameters kept by further plain students that lose the same share of each layer's channels; all others
    lose the least important channels wherever they are."""
    ranking_size: Annotated[int, COUNT] = 200
    """Number of training images by which APoZ and Taylor rank."""
    surgeon: Literal["keras", "kerassurgeon"] = "keras"
    """What removes the channels: our surgery, or the paper's kerassurgeon, which gives the same weights more slowly."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY | {"keep": (0.7,), "targets": ("params",), "criteria": ("taylor",), "layerwise": ()},
        "quick": QUICK_STUDY | {"keep": (0.5,), "criteria": ("l1", "apoz", "random"), "layerwise": ()},
        "full": {},
        "paper": PAPER_STUDY,
    }


@dataclass(frozen=True)
class OrdersConfig(CatdogConfig):
    shares: Annotated[tuple[float, ...], SHARE, Distinct(), Axis()] = (0.75, 0.5)
    """Shares of the teacher's multiply-adds to which units are removed."""
    orders: Annotated[
        tuple[Literal["zero_density", "random", "fitting", "sensitivity", "block_influence"], ...], Distinct(), Axis()
    ] = ("zero_density", "random", "fitting", "sensitivity", "block_influence")
    """What says which units go first; "fitting" draws among those without which all other weights still fit."""
    threshold: Annotated[float, Between(0, 1000, above=True)] = 0.05
    """Zero density is the share of a unit's weights |w| below this."""
    ranking_size: Annotated[int, COUNT] = 200
    """Number of training images by which sensitivity and block influence rank."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY | {"shares": (0.8,), "orders": ("random", "block_influence"), "ranking_size": 32},
        "quick": QUICK_STUDY | {"shares": (0.5,)},
        "full": {},
        "paper": PAPER_STUDY,
    }


@dataclass(frozen=True)
class HintsConfig(CatdogConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2, 3, 4)
    """Seeds; each one repeats the whole grid."""
    hints: Annotated[tuple[str, ...], Distinct()] = ("conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "pool")
    """Layers whose outputs a student is to match, one hint at a time, from input to output; β is chosen by all of them,
    so that rows of others stand apart."""
    hint_weight: Annotated[float | None, RATE] = None
    """Weight β of a hint beside the other terms of the loss; by default it is chosen on validation."""
    hint_weights: Annotated[tuple[float, ...], RATE, Distinct()] = (0.1, 1.0, 10.0)
    """Weights β to choose from."""
    units_removed: Annotated[int, COUNT] = 2
    """Units removed by zero density, at a threshold of 0.05."""
    weights: Annotated[tuple[Literal["piped", "random"], ...], Distinct()] = ("piped", "random")
    """What students start from: the teacher's weights where they fit, or random ones; β is chosen by those that start
    from what is named last."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY | {"hints": ("conv_pw_5_relu",), "weights": ("random",), "hint_weight": 1.0},
        "quick": QUICK_STUDY | {"hints": ("conv_pw_5_relu", "pool"), "weights": ("random",), "hint_weight": 1.0},
        "full": {},
        "paper": PAPER_STUDY,
    }

    def check(self) -> None:
        super().check()
        check_counts([self.units_removed])
        for name in self.hints:
            if not HINTS.fullmatch(name):
                raise UsageError(f"hint {name!r}: expected a layer of MobileNet, such as conv_pw_5_relu, or pool")


@dataclass(frozen=True)
class ImagesConfig(CatdogConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2, 3, 4)
    """Seeds; each one repeats the whole grid."""
    train_sizes: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1000, 7000)
    """Numbers of images that students train on, taken from the teacher's; 7,000 are all of them."""
    counts: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (2, 8)
    """Units removed by zero density, at a threshold of 0.05."""

    PROFILES: ClassVar[dict] = {
        "smoke": SMALL_STUDY | {"train_sizes": (50, 100), "counts": (2,)},
        "quick": QUICK_STUDY | {"counts": (2,), "train_sizes": (1000, 4000)},
        "full": {},
        "paper": PAPER_STUDY,
    }

    def check(self) -> None:
        super().check()
        check_counts(self.counts)
        check_teacher(self.teacher_size, max(self.train_sizes))
