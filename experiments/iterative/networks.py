"""Study 3's networks: what they are, who teaches them, and how they are built."""

from dataclasses import dataclass, replace

import keras

from experiments.engine.trial import Trial
from experiments.iterative.config import Way
from kdsuite import models

BASES = {"vgg16": models.VGG_16, "vgg19": models.VGG_19}
FEWEST_FILTERS = 4
FIRST_PARENT, ALONE, ONE_SHOT = "first parent", "labels alone", "one-shot"
FROM_PARENT, FROM_ANCESTORS = "taught by parent", "taught by ancestors"


@dataclass(frozen=True)
class Architecture:
    """A VGG network with its last blocks gone, or with narrower ones.

    Attributes:
        base: "vgg16" or "vgg19".
        blocks: how many of its five blocks are left.
        width: the factor by which its filters are multiplied.
    """

    base: str
    blocks: int
    width: float

    def __str__(self) -> str:
        return f"{self.base}_{self.blocks}blocks_width{self.width:g}"

    @property
    def filters(self) -> tuple[tuple[int, ...], ...]:
        """Filters of each convolution, block by block; at least one."""
        return tuple(
            tuple(max(1, round(self.width * width)) for width in block) for block in BASES[self.base][: self.blocks]
        )

    @property
    def middle(self) -> int:
        """Number of the block in the middle."""
        return (self.blocks + 1) // 2

    def smaller(self, way: Way) -> "Architecture | None":
        """One block less, or half the width (§4.2 "Reduce number of Blocks", "Reduce Block Size"); None at the end."""
        if way == "blocks":
            return replace(self, blocks=self.blocks - 1) if self.blocks > 1 else None
        narrowest = BASES[self.base][0][0] * self.width / 2
        return replace(self, width=self.width / 2) if narrowest >= FEWEST_FILTERS else None


@dataclass(frozen=True, kw_only=True)
class FamilyTrial(Trial):
    """A network of a family, or one to compare it with; it knows its teachers, and not which families it is in.

    Two families that come to the same architecture by the same line of teachers so share one network.

    Attributes:
        architecture: of the network.
        family: seed of its families; siblings have seeds of their own.
        line: the networks that teach it, all with the same weight, its parent first.
        hint_weight: β of the hint from its parent, or 0.
    """

    architecture: Architecture
    family: int
    line: "tuple[FamilyTrial, ...]" = ()
    hint_weight: float = 0.0
    schedule: str = "cosine"

    @property
    def teachers(self) -> tuple[tuple[float, Trial], ...]:
        return tuple((1 / len(self.line), teacher) for teacher in self.line)

    @property
    def generation(self) -> int | None:
        """How many generations lie between the network and its first parent; None where no one teaches it."""
        if self.line:
            before = self.line[0].generation
            assert before is not None
            return before + 1
        return 0 if self.role == "teacher" else None

    @property
    def series(self) -> str:
        if not self.line:
            return FIRST_PARENT if self.role == "teacher" else ALONE
        if len(self.line) > 1:
            return FROM_ANCESTORS
        return ONE_SHOT if self.generation == 1 else FROM_PARENT

    @property
    def save_network(self) -> bool:
        return True

    @property
    def hint_block(self) -> int | None:
        """Number of the block that is compared with the parent's, in the middle of the network; None without a hint."""
        if not (self.hint_weight and self.line):
            return None
        return min(self.architecture.middle, self.line[0].architecture.blocks)

    def columns(self) -> dict:
        return super().columns() | {
            "hint": f"block_{self.hint_block}" if self.hint_block else None,
            "family": self.family,
            "generation": self.generation,
            "base": self.architecture.base,
            "blocks": self.architecture.blocks,
            "width": self.architecture.width,
            "hint_weight": self.hint_weight if self.line else None,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.series}"


def build(architecture: Architecture, classes: int, input_shape: tuple[int, ...]) -> keras.Model:
    """Builds the network, from images to logits."""
    return models.vgg(architecture.filters, classes=classes, input_shape=input_shape, name=str(architecture))
