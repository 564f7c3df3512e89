"""Study 3: families of VGG networks, each generation smaller and taught by the ones before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import keras
import pandas as pd

from experiments.config import CosineConfig, SoftTargetConfig, check_at_least, check_positive
from experiments.errors import UsageError
from experiments.family import BASES, Architecture, FamilyTrial, grow
from experiments.runner import Runner
from kdsuite import models

Shape = Literal["parent-child", "parent-children", "ancestors-child", "ancestors-children"]
FIRST_SEED = 0
COLUMNS = ("family", "shape", "generation", "parents", "base", "blocks", "width", "hint_weight", "float32_bytes")
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
    "results": Path(".cache/smoke"),
}
QUICK = {
    "train_size": 2000,
    "validation_size": 1000,
    "test_size": 2500,
    "first_width": 0.25,
    "first_epochs": 10,
    "epochs": 6,
    "results": Path("results/quick"),
}


@dataclass(frozen=True)
class IterativeConfig(SoftTargetConfig, CosineConfig):
    bases: tuple[Literal["vgg16", "vgg19"], ...] = ("vgg16", "vgg19")
    """First parents; families descend from the first, ancestors include the others."""
    first_width: float = 1.0
    """What the first parents' filters are multiplied by."""
    shapes: tuple[Shape, ...] = ("parent-child", "parent-children", "ancestors-child", "ancestors-children")
    """Shapes of the families."""
    ways: tuple[Literal["blocks", "width"], ...] = ("blocks", "width")
    """Ways to shrink. With one child a parent each way is a family of its own; children are one of each way."""
    siblings: int = 1
    """Children of the same architecture, with seeds of their own, where a parent has several."""
    beam: int = 1
    """Children that teach the next generation, where a parent has several: the best on validation."""
    max_drop: float = 0.05
    """A family ends when its best child's validation accuracy is this far below the first parent's."""
    first_epochs: int = 30
    """Epochs of the first parents."""
    epochs: int = 30
    """Epochs of every child."""
    hint_weight: float = 0.1
    """Weight β of the hint from the parent's middle block; 0 leaves it out."""

    def check(self) -> None:
        super().check()
        check_at_least(1, epochs=self.epochs, first_epochs=self.first_epochs, siblings=self.siblings, beam=self.beam)
        check_positive(first_width=self.first_width)
        if not 0 < self.max_drop < 1:
            raise UsageError(f"max drop {self.max_drop}: expected a share of accuracy between 0 and 1")
        if self.hint_weight < 0:
            raise UsageError(f"hint weight {self.hint_weight}: expected 0 or more")
        for name, values in {"bases": self.bases, "shapes": self.shapes, "ways": self.ways}.items():
            if not values or len(set(values)) < len(values):
                raise UsageError(f"{name} {values}: expected one or more different ones")


def _trial(study: str, config: IterativeConfig, architecture: Architecture, seed: int, **settings) -> FamilyTrial:
    usual = {
        "study": study,
        "network": str(architecture),
        "architecture": architecture,
        "seed": seed,
        "family": seed,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
    }
    return FamilyTrial(**usual | settings)


def first_parents(study: str, config: IterativeConfig) -> list[FamilyTrial]:
    """Trained on labels alone; the same for all families."""
    return [
        _trial(
            study,
            config,
            Architecture(base, len(BASES[base]), config.first_width),
            FIRST_SEED,
            method="teacher",
            epochs=config.first_epochs,
            generation=0,
        )
        for base in config.bases
    ]


def child(
    study: str,
    config: IterativeConfig,
    architecture: Architecture,
    seed: int,
    ancestors: Sequence[FamilyTrial],
    **settings,
) -> FamilyTrial:
    """A network taught by its ancestors, parent first."""
    return _trial(
        study,
        config,
        architecture,
        seed,
        method="kd",
        ancestors=tuple(ancestors),
        teacher=ancestors[0],
        lambda_=config.lambda_,
        temperature=config.temperature,
        hint_weight=config.hint_weight,
        **settings,
    )


def children(
    study: str, config: IterativeConfig, shape: str, parent: FamilyTrial, others: Sequence[FamilyTrial], ways, seed: int
) -> list[FamilyTrial]:
    """The next generation below one parent.

    Args:
        others: further first parents, who are ancestors too.
        ways: to shrink; a child of each, `siblings` times where the shape has several children.
        seed: of the family; siblings have seeds of their own.
    """
    line = [parent, *parent.ancestors, *others] if shape.startswith("ancestors") else [parent]
    copies = config.siblings if shape.endswith("children") else 1
    return [
        child(
            study,
            config,
            architecture,
            seed + 1000 * copy,
            list(dict.fromkeys(line)),
            family=seed,
            shape=shape,
            generation=parent.generation + 1,
        )
        for way in ways
        if (architecture := parent.architecture.smaller(way)) is not None
        for copy in range(copies)
    ]


def run(study: str, config: IterativeConfig, *, image_size: int, channels: int) -> None:
    """Trains the first parents, grows the families, trains the baselines; prints the table and draws the figures."""
    config.check()
    dataset = config.load(image_size=image_size, channels=channels)
    shape = dataset.train.images.shape[1:]

    def build(trial: FamilyTrial, parent) -> keras.Model:
        return models.vgg(
            trial.architecture.filters(), classes=len(dataset.class_names), input_shape=shape, name=trial.network
        )

    def details(trial: FamilyTrial, parent, distiller, history) -> dict:
        return {
            "parents": " ".join(runner.key(ancestor) for ancestor in trial.ancestors) or None,
            "float32_bytes": 4 * distiller.student.count_params(),
        }

    runner = Runner(study, config, dataset, build, details=details, extra_columns=COLUMNS)
    firsts = first_parents(study, config)
    runner.run(firsts)
    if config.dry_run and not all(runner.key(trial) in runner.rows.trials() for trial in firsts):
        print("the families follow once the first parents are trained")
        return

    def accuracy(trial: FamilyTrial) -> float:
        rows = pd.read_csv(runner.rows.path)
        return float(rows[rows.trial == runner.key(trial)].validation_accuracy.iloc[0])

    family: list[FamilyTrial] = []
    for seed in config.seeds:
        for shape_name in config.shapes:
            alone = [(way,) for way in config.ways] if shape_name.endswith("-child") else [config.ways]
            for ways in alone:
                make = partial(_make, study, config, runner, shape_name, firsts[1:], seed)
                grown = grow(make, accuracy, firsts[0], shape_name, ways, beam=config.beam, max_drop=config.max_drop)
                family += [trial for generation in grown for trial in generation]
    runner.run_and_publish(firsts + family + baselines(study, config, firsts[0], family))


def _make(study, config, runner: Runner, shape: str, others, seed: int, parent: FamilyTrial, ways) -> list[FamilyTrial]:
    made = children(study, config, shape, parent, others, ways, seed)
    runner.run(made)
    return made


def baselines(
    study: str, config: IterativeConfig, first: FamilyTrial, family: Sequence[FamilyTrial]
) -> list[FamilyTrial]:
    """For each architecture and seed of the families: without any parent, and taught by the first parent directly."""
    found = dict.fromkeys((trial.architecture, trial.family) for trial in family)
    grid = []
    for architecture, seed in found:
        grid += [
            _trial(study, config, architecture, seed, method="plain", lambda_=0.0),
            child(study, config, architecture, seed, [first]),
        ]
    return grid
