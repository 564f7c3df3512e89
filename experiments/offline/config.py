"""Options of study 5's experiments. Imports no TensorFlow."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from experiments.engine.config import COUNT, RATE, SEED, TEMPERATURE, Axis, Between, Config, Distinct, Handling
from experiments.engine.errors import UsageError
from experiments.offline.architectures import Architecture, parse
from experiments.offline.recipes import ADAM, FAST_UNSCALED, RECIPES, TRANSFER, Recipe, RecipeName

POSITIVE_WEIGHT = Between(0, 1, above=True, why="students on labels alone are trained anyway")
VIEWS = Between(1, 50)
SHARE = Between(0, 1, below=True)

SMOKE_DATA = {"train_size": 60, "validation_size": 40, "test_size": 40}
SMOKE = SMOKE_DATA | {"teachers": ("airbench_8_8_8", "resnet_8"), "teacher_epochs": 1, "views": 2}
QUICK_DATA = {"train_size": 10_000, "validation_size": 2_000}
QUICK = QUICK_DATA | {"teachers": ("airbench_48_128_128",), "teacher_epochs": 8, "views": 4}
PAPER = {"teachers": ("resnet50", "inception_v3"), "transfer_epochs": 20, "recipe": "adam", "views": 1}


@dataclass(frozen=True)
class ResponsesConfig(Config):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""
    train_size: Annotated[int | None, COUNT] = None
    """Images of the transfer set, that students train on; by default all that validation and test leave."""
    teacher_size: Annotated[int | None, COUNT] = None
    """Images that teachers train on, the transfer set's among them; by default as many as the transfer set."""
    recipe: RecipeName = "fast"
    """How networks that start anew are trained: airbench's fast recipe, or Adam without augmentation."""
    batch_size: Annotated[int | None, COUNT] = None
    """Images a step; the recipe gives the default."""
    learning_rate: Annotated[float | None, RATE] = None
    """Highest learning rate; the recipe gives the default."""
    teachers: Annotated[tuple[str, ...], Distinct(), Axis()] = ("airbench_64_256_256", "mobilenet_0.75")
    """Teachers whose responses are written or learned from; the first is the one that teaches alone."""
    teacher_epochs: Annotated[int, COUNT] = 16
    """Epochs of teachers that start anew."""
    teacher_smoothing: Annotated[float | None, SHARE] = None
    """Label smoothing of teachers that start anew; the recipe gives the default."""
    transfer_epochs: Annotated[int, COUNT] = 4
    """Epochs of teachers that may start from ImageNet weights."""
    upscaled_to: Annotated[int, COUNT] = 96
    """Size in pixels to which these resize their images."""
    weights: str | None = "imagenet"
    """What these start from: imagenet, a weights file without top (resnet50, inception_v3), or None for new weights."""
    views: Annotated[int, VIEWS] = 8
    """Views of each image, drawn once, that students see and teachers answer for; 1 without augmentation."""

    PROFILES: ClassVar[dict[str, dict]] = {
        "smoke": SMOKE | {"seeds": (0,)},
        "quick": QUICK,
        "full": {},
        "paper": PAPER,
    }

    def check(self) -> None:
        super().check()
        for name in self.teachers:
            is_mobilenet = self.check_network(name).family == "mobilenet"
            if is_mobilenet and self.weights not in ("imagenet", None):
                raise UsageError(
                    f"weights {self.weights!r} for {name}: expected imagenet, or None for new weights, as only "
                    "resnet50 and inception_v3 start from a file"
                )
        if self.teacher_size is not None and self.train_size is not None and self.teacher_size < self.train_size:
            raise UsageError(
                f"teacher size {self.teacher_size}: expected at least the {self.train_size} images of the transfer set"
            )
        if RECIPES[self.recipe].shift is None and self.views != 1:
            raise UsageError(f"views {self.views}: recipe {self.recipe} shows each image as it is, expected 1")

    def check_network(self, name: str) -> Architecture:
        """The architecture of a name.

        Raises:
            UsageError: there is none, or the recipe does not train it.
        """
        architecture = parse(name)
        if architecture.family == "vgg_small" and self.recipe == "fast":
            raise UsageError(
                f"network {name!r} by recipe fast: expected recipe adam, as without batch norm it stays at chance"
            )
        return architecture

    def check_student(self, name: str) -> None:
        """Checks that a network starts anew.

        Raises:
            UsageError: it does not.
        """
        if self.check_network(name).pretrained:
            raise UsageError(f"student {name!r}: expected a small network, such as airbench_24_64_64 or cnn_3_32_1")

    def recipe_of(self, name: str) -> Recipe:
        """The recipe of a network that starts anew, with the options that replace parts of it."""
        is_unscaled = self.recipe == "fast" and parse(name).family != "airbench"
        recipe = FAST_UNSCALED if is_unscaled else RECIPES[self.recipe]
        return replace(
            recipe,
            batch_size=self.batch_size or recipe.batch_size,
            learning_rate=self.learning_rate or recipe.learning_rate,
        )

    def recipe_of_teacher(self, name: str) -> Recipe:
        """The recipe of a teacher."""
        if parse(name).pretrained:
            return TRANSFER if self.recipe == "fast" else ADAM
        recipe = self.recipe_of(name)
        return recipe if self.teacher_smoothing is None else replace(recipe, label_smoothing=self.teacher_smoothing)


@dataclass(frozen=True)
class Cifar10Config(ResponsesConfig):
    students: Annotated[tuple[str, ...], Distinct(), Axis()] = (
        "airbench_48_176_176",
        "airbench_40_112_112",
        "airbench_24_64_64",
        "airbench_16_40_40",
        "airbench_8_24_24",
    )
    """Small networks in the order of training, of 0.95, 0.4, 0.14, 0.06 and 0.02 million parameters: airbench_W_W_W, or
    cnn_D_W_N."""
    epochs: Annotated[int, COUNT] = 16
    """Epochs of each student."""
    compared: str = "airbench_24_64_64"
    """The student that also learns from label smoothing, from all teachers, and under fresh views."""
    choose_for: str | None = None
    """The student by which T and λ are chosen for all; by default each one has its own."""
    choice_seeds: Annotated[tuple[int, ...], SEED, Distinct()] = (100,)
    """Seeds of the students by which T and λ are chosen."""
    choice_epochs: Annotated[int | None, COUNT] = None
    """Epochs of the students by which T and λ are chosen; by default those of the others."""
    temperatures: Annotated[tuple[float, ...], TEMPERATURE, Distinct()] = (4.0,)
    """Temperatures T to choose from, at first."""
    lambdas: Annotated[tuple[float, ...], POSITIVE_WEIGHT, Distinct()] = (0.9,)
    """Weights λ of the soft targets to choose from, at first."""
    expand: bool = True
    """Try further temperatures and weights until the best ones are not at the end of those tried."""
    responses: Annotated[Path | None, Handling()] = None
    """Folder of responses; by default that of offline-responses, or else of the reference."""

    PROFILES: ClassVar[dict[str, dict]] = {
        "smoke": SMOKE
        | {
            "seeds": (0,),
            "students": ("cnn_1_16_1",),
            "compared": "cnn_1_16_1",
            "expand": False,
            "epochs": 1,
        },
        "quick": QUICK
        | {
            "seeds": (0, 1),
            "students": ("airbench_24_64_64", "airbench_8_24_24"),
            "expand": False,
            "epochs": 8,
        },
        "full": {"choice_epochs": 5},
        "paper": PAPER
        | {
            "students": ("cnn_2_16_0", "cnn_3_32_0", "cnn_3_32_1", "cnn_4_32_1", "cnn_4_64_2"),
            "compared": "cnn_3_32_1",
            "epochs": 30,
        },
    }

    def check(self) -> None:
        super().check()
        for name in (*self.students, self.compared, *([self.choose_for] if self.choose_for else [])):
            self.check_student(name)


@dataclass(frozen=True)
class ViewsConfig(ResponsesConfig):
    teachers: Annotated[tuple[str, ...], Distinct()] = ("airbench_48_128_128",)
    """The teacher; one only."""
    views: Annotated[int, VIEWS] = 8
    """Views of each image that students of labels alone and of the live teacher see, drawn once."""
    view_counts: Annotated[tuple[int, ...], VIEWS, Distinct(), Axis()] = (1, 4, 8, 16)
    """Numbers of views whose stored responses students learn from."""
    student: str = "airbench_24_64_64"
    """The small network."""
    epochs: Annotated[int, COUNT] = 16
    """Epochs of each student."""
    temperature: Annotated[float, TEMPERATURE] = 4.0
    """T, by default the one that validation chose for this student in offline-cifar10."""
    lambda_: Annotated[float, tyro.conf.arg(name="lambda"), POSITIVE_WEIGHT] = 0.75
    """Weight λ of the soft targets, chosen like T."""

    PROFILES: ClassVar[dict[str, dict]] = {
        "smoke": SMOKE
        | {"teachers": ("airbench_8_8_8",), "seeds": (0,), "view_counts": (1, 2), "student": "cnn_1_16_1"}
        | {"epochs": 1},
        "quick": {"train_size": 5_000, "validation_size": 1_000, "teacher_epochs": 10, "view_counts": (1, 8)}
        | {"seeds": (0, 1), "epochs": 10},
        "full": {"train_size": 20_000},
        "paper": {},
    }

    def check(self) -> None:
        super().check()
        self.check_student(self.student)
        if len(self.teachers) > 1:
            raise UsageError(f"teachers {' '.join(self.teachers)}: expected one, whose views are compared")
        if RECIPES[self.recipe].shift is None:
            raise UsageError(f"recipe {self.recipe}: it shows each image as it is, expected fast, which has views")
