"""Options of study 3's experiments. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from experiments.engine.config import COUNT, Axis, Between, CosineConfig, Distinct, SoftTargetConfig
from experiments.engine.trial import Precision

Base = Literal["vgg16", "vgg19"]
Shape = Literal["parent-child", "parent-children", "ancestors-child", "ancestors-children"]
Way = Literal["blocks", "width"]
SMOKE = {
    "seeds": (0,),
    "train_size": 100,
    "validation_size": 50,
    "test_size": 50,
    "bases": ("vgg16",),
    "first_width": 1 / 4,
    "shapes": ("parent-child", "ancestors-children"),
    "ways": ("width",),
    "max_drop": 0.9,
    "first_epochs": 1,
    "epochs": 1,
}
QUICK = {
    "train_size": 2000,
    "validation_size": 1000,
    "test_size": 2500,
    "bases": ("vgg16",),
    "first_width": 0.25,
    "one_teacher": True,
    "shapes": ("parent-child",),
    "max_drop": 0.1,
    "first_epochs": 10,
    "epochs": 6,
}
FULL = {"train_size": 5000, "validation_size": 2000, "first_width": 0.25, "first_epochs": 20, "epochs": 10}


@dataclass(frozen=True)
class IterativeConfig(SoftTargetConfig, CosineConfig):
    bases: Annotated[tuple[Base, ...], Distinct()] = ("vgg16", "vgg19")
    """First parents: families descend from the first; the others teach too where all ancestors do."""
    first_width: Annotated[float, Between(0, 4, above=True)] = 1.0
    """The factor by which the first parents' filters are multiplied."""
    one_teacher: bool = False
    """Let all seeds descend from the same first parents, instead of training first parents for each seed."""
    shapes: Annotated[tuple[Shape, ...], Distinct(), Axis()] = (
        "parent-child",
        "parent-children",
        "ancestors-child",
        "ancestors-children",
    )
    """Shapes of the families."""
    ways: Annotated[tuple[Way, ...], Distinct()] = ("blocks", "width")
    """Ways to shrink. With one child a parent each way is a family of its own; children are one of each way."""
    siblings: Annotated[int, COUNT] = 1
    """Children of the same architecture, with seeds of their own, where a parent has several."""
    beam: Annotated[int, COUNT] = 1
    """Children that teach the next generation, where a parent has several: the best on validation."""
    max_drop: Annotated[float, Between(0, 1, above=True, below=True, why="a share of accuracy")] = 0.05
    """A family ends when its best child's validation accuracy is this far below the first parent's."""
    first_epochs: Annotated[int, COUNT] = 30
    """Epochs of the first parents."""
    epochs: Annotated[int, COUNT] = 30
    """Epochs of every child."""
    hint_weight: Annotated[float, Between(0, 1000)] = 0.1
    """Weight β of the hint from a block of the parent, as deep as the child's middle one; 0 leaves it out."""
    flips: bool = False
    """Show each training image as it is or mirrored, drawn anew in each epoch."""
    precision: Precision = "float32"
    """Numbers that the layers compute with; bfloat16 is faster on some processors."""


@dataclass(frozen=True)
class MnistConfig(IterativeConfig):
    PROFILES: ClassVar = {
        "smoke": SMOKE,
        "quick": QUICK,
        "full": FULL | {"first_epochs": 15, "epochs": 6},
        "paper": {},
    }


@dataclass(frozen=True)
class Cifar10Config(IterativeConfig):
    data: str = "cifar10"
    """TFDS name, or folder of images with one sub-folder a class."""

    PROFILES: ClassVar = {
        "smoke": SMOKE | {"flips": True},
        "quick": QUICK,
        # With half their epochs, children stay behind the first parent, so that the search for the smallest can fail.
        "full": FULL | {"flips": True, "max_drop": 0.1},
        "paper": {},
    }
