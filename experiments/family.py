"""Study 3's networks, a family of them, and the search for the smallest that still works."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.trial import CosineTrial, Trial
from kdsuite import distill, models

BASES = {"vgg16": models.VGG_16, "vgg19": models.VGG_19}


@dataclass(frozen=True)
class Architecture:
    """A VGG network with its last blocks gone, or with narrower ones.

    Attributes:
        base: "vgg16" or "vgg19".
        blocks: how many of its five blocks are left.
        width: what its filters are multiplied by.
    """

    base: str
    blocks: int
    width: float

    def __str__(self) -> str:
        return f"{self.base}_{self.blocks}blocks_width{self.width:g}"

    def filters(self) -> tuple[tuple[int, ...], ...]:
        """Filters of each convolution, block by block; at least one."""
        return tuple(
            tuple(max(1, round(self.width * width)) for width in block) for block in BASES[self.base][: self.blocks]
        )

    def smaller(self, way: str) -> "Architecture | None":
        """One block less, or half the width (§4.2 "Reduce number of Blocks", "Reduce Block Size"); None at the end."""
        if way == "blocks":
            return replace(self, blocks=self.blocks - 1) if self.blocks > 1 else None
        return replace(self, width=self.width / 2) if 64 * self.width >= 8 else None


@dataclass(frozen=True, kw_only=True)
class FamilyTrial(CosineTrial):
    """A network of a family.

    Attributes:
        architecture: what it is.
        family: seed of its family; siblings have seeds of their own.
        generation: 0 for first parents; None for the baselines.
        shape: of the family, or "" for first parents and baselines.
        ancestors: who teaches it, parent first; all with the same weight.
        hint_weight: β of the hint from its parent, or 0.
    """

    architecture: Architecture
    family: int
    generation: int | None = None
    shape: str = ""
    ancestors: tuple[Trial, ...] = ()
    hint_weight: float = 0.0
    kept = True

    @property
    def teachers(self) -> tuple[tuple[float, Trial], ...]:
        return tuple((1 / len(self.ancestors), ancestor) for ancestor in self.ancestors)

    @property
    def hints(self) -> tuple[distill.Hint, ...]:
        if not self.hint_weight:
            return ()
        parent = self.ancestors[0].architecture
        block = min(middle(self.architecture), parent.blocks)
        return (
            distill.Hint(
                f"block_{block}",
                f"block_{block}",
                teacher_channels=parent.filters()[block - 1][-1],
                weight=self.hint_weight,
            ),
        )

    def columns(self) -> dict:
        return super().columns() | {
            "teacher": " ".join(dict.fromkeys(ancestor.network for ancestor in self.ancestors)) or None,
            "student": self.network,
            "hint": self.hints[0].teacher if self.hints else None,
            "family": self.family,
            "shape": self.shape or None,
            "generation": self.generation,
            "base": self.architecture.base,
            "blocks": self.architecture.blocks,
            "width": self.architecture.width,
            "hint_weight": self.hint_weight if self.ancestors else None,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.shape} generation {self.generation}"


def middle(architecture: Architecture) -> int:
    """Number of the block in the middle of a network."""
    return (architecture.blocks + 1) // 2


def grow(
    make, accuracy, first: FamilyTrial, shape: str, ways: Sequence[str], *, beam: int, max_drop: float
) -> list[list[FamilyTrial]]:
    """Searches for the smallest network that still works; the generations of one family.

    Args:
        make: (parent, ways) → its children, trained.
        accuracy: trial → validation accuracy.
        first: the first parent.
        shape: of the family; one with one child keeps that one.
        ways: to shrink.
        beam: children that go on, the most accurate.
        max_drop: the search ends with the generation whose best is this far below `first`, or with the last possible.
    """
    frontier, generations = [first], []
    keep = beam if shape.endswith("children") else 1
    while frontier:
        generation = [trial for parent in frontier for trial in make(parent, ways)]
        if not generation:
            break
        generations.append(generation)
        ranked = sorted(generation, key=accuracy, reverse=True)
        frontier = [] if accuracy(ranked[0]) < accuracy(first) - max_drop else ranked[:keep]
    return generations
