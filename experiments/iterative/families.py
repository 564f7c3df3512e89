"""Study 3's families: the search for the smallest network that still works, all families a generation at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import keras
import pandas as pd

from experiments.engine.networks import Networks
from experiments.engine.results import Results
from experiments.engine.study import Details, Study
from experiments.iterative.config import IterativeConfig, Shape, Way
from experiments.iterative.networks import ALONE, BASES, ONE_SHOT, Architecture, FamilyTrial, build
from kdsuite import distill
from kdsuite.data import Dataset, Flip
from kdsuite.data.files import whole_file

FIRST_SEED = 0
SEEDS_BETWEEN_SIBLINGS = 1000
FLOAT32_BYTES = 4
FAMILIES = "families"


@dataclass(frozen=True)
class Family:
    """One family as far as it has grown.

    Attributes:
        seed: of all its members but siblings.
        shape: who has how many children, and who teaches them.
        ways: to shrink.
        firsts: first parents; the family descends from the first.
        generations: its members below the first parent.
        frontier: those whose children come next; none once the family has ended.
    """

    seed: int
    shape: Shape
    ways: tuple[Way, ...]
    firsts: tuple[FamilyTrial, ...]
    generations: tuple[tuple[FamilyTrial, ...], ...] = ()
    frontier: tuple[FamilyTrial, ...] = ()

    @property
    def members(self) -> list[FamilyTrial]:
        """All members below the first parent."""
        return [trial for generation in self.generations for trial in generation]

    def grown(
        self, generation: Sequence[FamilyTrial], accuracy: Callable[[FamilyTrial], float], config: IterativeConfig
    ) -> "Family":
        """The family with one generation more.

        It ends with the generation whose best member is `max_drop` below the first parent, or when nothing smaller is
        possible.

        Args:
            generation: the frontier's children, trained; none where nothing smaller is possible.
            accuracy: trial → validation accuracy; NaN of one that failed.
            config: has `beam` and `max_drop`.
        """
        if not generation:
            return replace(self, frontier=())
        ranked = sorted(generation, key=lambda trial: _number(accuracy(trial)), reverse=True)
        goes_on = accuracy(ranked[0]) >= accuracy(self.firsts[0]) - config.max_drop
        best = ranked[: config.beam if self.shape.endswith("children") else 1]
        return replace(
            self, generations=(*self.generations, tuple(generation)), frontier=tuple(best) if goes_on else ()
        )


class FamilyStudy(Study):
    """Families of VGG networks; a subclass gives the images' size.

    A network that is in several families is trained once. Which families each is in stands in families.csv, with the
    networks to compare them with: the same architectures taught by the first parent alone, and by no one.
    """

    IMAGE_SIZE: ClassVar[int]
    CHANNELS: ClassVar[int]
    COLUMNS = ("family", "generation", "parents", "base", "blocks", "width", "hint_weight", "float32_bytes")
    TABLES: ClassVar = {FAMILIES: ("trial", "family", "shape", "ways", "generation", "parents")}

    config: IterativeConfig

    def __init__(self, config: IterativeConfig):
        super().__init__(config)
        self.families: list[Family] = []

    @cached_property
    def dataset(self) -> Dataset:
        loaded = self.config.load(image_size=self.IMAGE_SIZE, channels=self.CHANNELS)
        return replace(loaded, train=loaded.train.with_views(Flip())) if self.config.flips else loaded

    def stages(self, results: Results) -> Iterator[list[FamilyTrial]]:
        """Yields, seed by seed, first parents, generations until each family has ended, and what to compare with."""
        grown: list[Family] = []
        for seed in self.config.seeds:
            families = [self.founded(seed, shape, ways) for shape, ways in self.kinds()]
            yield self._with_firsts(families)
            while any(family.frontier for family in families):
                children = [self.children(family) for family in families]
                if any(children):
                    yield [trial for generation in children for trial in generation]
                families = [
                    family.grown(generation, results.validation_accuracy, self.config) if family.frontier else family
                    for family, generation in zip(families, children, strict=True)
                ]
            yield self._with_baselines(families)
            grown += families
        self.families = grown
        yield self._with_baselines(grown)

    def _with_firsts(self, families: Sequence[Family]) -> list[FamilyTrial]:
        return [trial for family in families for trial in (*family.firsts, *family.members)]

    def _with_baselines(self, families: Sequence[Family]) -> list[FamilyTrial]:
        return [*self._with_firsts(families), *(trial for pair in self.baselines(families) for trial in pair)]

    def kinds(self) -> list[tuple[Shape, tuple[Way, ...]]]:
        """Shape and ways of each family of a seed."""
        one_way: list[tuple[Way, ...]] = [(way,) for way in self.config.ways]
        return [
            (shape, ways)
            for shape in self.config.shapes
            for ways in (one_way if shape.endswith("-child") else [self.config.ways])
        ]

    def founded(self, seed: int, shape: Shape, ways: tuple[Way, ...]) -> Family:
        """A family of nobody but its first parents."""
        firsts = self.first_parents(FIRST_SEED if self.config.one_teacher else seed)
        return Family(seed, shape, ways, firsts, frontier=firsts[:1])

    def first_parents(self, seed: int) -> tuple[FamilyTrial, ...]:
        """Networks trained on labels alone, from which all families descend."""
        config = self.config
        return tuple(
            self._trial(
                Architecture(base, len(BASES[base]), config.first_width),
                family=seed,
                method="teacher",
                epochs=config.first_epochs,
            )
            for base in config.bases
        )

    def children(self, family: Family) -> list[FamilyTrial]:
        """The next generation: of each parent a child a way, several times where there are to be siblings."""
        copies = self.config.siblings if family.shape.endswith("children") else 1
        return [
            self._child(architecture, family.seed, self._teachers(family, parent), copy)
            for parent in family.frontier
            for way in family.ways
            if (architecture := parent.architecture.smaller(way)) is not None
            for copy in range(copies)
        ]

    def baselines(self, families: Sequence[Family]) -> list[tuple[FamilyTrial, FamilyTrial]]:
        """For each architecture and seed of the families: taught by the first parent directly, and by no one."""
        found = dict.fromkeys(
            (trial.architecture, family.seed, family.firsts[0]) for family in families for trial in family.members
        )
        return [
            (
                self._child(architecture, seed, (first,)),
                self._trial(architecture, family=seed, method="plain", lambda_=0.0),
            )
            for architecture, seed, first in found
        ]

    def build(self, trial: FamilyTrial, networks: Networks) -> keras.Model:
        return build(trial.architecture, len(self.dataset.class_names), self.dataset.train.images.shape[1:])

    def hints(self, trial: FamilyTrial) -> list[distill.Hint]:
        block = trial.hint_block
        if block is None:
            return []
        channels = trial.line[0].architecture.filters[block - 1][-1]
        name = f"block_{block}"
        return [distill.Hint(name, name, teacher_channels=channels, weight=trial.hint_weight)]

    def details(self, trial: FamilyTrial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        bytes_ = FLOAT32_BYTES * distiller.student.count_params()
        return Details({"parents": self._keys_of(trial.line), "float32_bytes": bytes_})

    def finish(self, networks: Networks, folder: Path) -> None:
        """Writes families.csv, added to what families of other seeds and shapes have there."""
        write_families(folder / f"{FAMILIES}.csv", self.lines())

    def lines(self) -> list[dict]:
        """One line for each network of each family, its first parent included."""
        lines = []
        for family in self.families:
            described = {"family": family.seed, "shape": family.shape, "ways": " ".join(family.ways)}
            lines += [self._listed(trial, described) for trial in (family.firsts[0], *family.members)]
        firsts = {family.seed: family.firsts[0] for family in self.families}
        for shape, place in ((ONE_SHOT, 0), (ALONE, 1)):
            for seed, first in firsts.items():
                described = {"family": seed, "shape": shape, "ways": ""}
                alike = [pair[place] for pair in self.baselines(self.families) if pair[place].family == seed]
                lines += [self._listed(trial, described) for trial in (first, *alike)]
        return lines

    def _listed(self, trial: FamilyTrial, described: dict) -> dict:
        own = {"generation": trial.generation, "parents": self._keys_of(trial.line)}
        return {"trial": self.key(trial)} | described | own

    def _keys_of(self, line: Sequence[FamilyTrial]) -> str | None:
        return " ".join(self.key(teacher) for teacher in line) or None

    def _teachers(self, family: Family, parent: FamilyTrial) -> tuple[FamilyTrial, ...]:
        if family.shape.startswith("parent"):
            return (parent,)
        return tuple(dict.fromkeys([parent, *parent.line, *family.firsts[1:]]))

    def _child(
        self, architecture: Architecture, family: int, line: tuple[FamilyTrial, ...], copy: int = 0
    ) -> FamilyTrial:
        return self._trial(
            architecture,
            family=family,
            seed=family + SEEDS_BETWEEN_SIBLINGS * copy,
            method="kd",
            line=line,
            lambda_=self.config.lambda_,
            temperature=self.config.temperature,
            hint_weight=self.config.hint_weight,
        )

    def _trial(self, architecture: Architecture, *, family: int, **settings) -> FamilyTrial:
        usual = {
            "network": str(architecture),
            "architecture": architecture,
            "seed": family,
            "family": family,
            "epochs": self.config.epochs,
            "batch_size": self.config.batch_size,
            "learning_rate": self.config.learning_rate,
            "precision": self.config.precision,
        }
        return FamilyTrial(**usual | settings)


def write_families(path: Path, lines: Sequence[dict]) -> None:
    """Writes families.csv whole: the lines, after those it has of other families."""
    table = pd.DataFrame(lines, columns=list(FamilyStudy.TABLES[FAMILIES])).astype({"generation": "Int64"})
    if path.exists():
        known = pd.read_csv(path, dtype={"trial": str, "parents": str, "generation": "Int64"}, keep_default_na=True)
        table = pd.concat([known.fillna({"ways": ""}), table])
    table = table.drop_duplicates(["trial", "family", "shape", "ways"], keep="last")
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _number(accuracy: float) -> float:
    return -math.inf if math.isnan(accuracy) else accuracy
