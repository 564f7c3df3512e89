"""`plan`: what could go from a model, what could not and why, before anything is trained."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kdsuite import data, distill, prune
from kdsuite.compress.candidates import Recipe, cut, ranked_units
from kdsuite.compress.costs import ModelCosts, costs_of
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import check_accuracy, problem_of
from kdsuite.compress.result import columns
from kdsuite.compress.scoring import Scores
from kdsuite.compress.search import SEED, calibration_images, ranking_batches
from kdsuite.prune.channels import Channels
from kdsuite.prune.groups import ChannelGroup, groups_of
from kdsuite.prune.removal import obstacle

CURVE = (0.85, 0.7, 0.5, 0.35, 0.25)
SECONDS = 45.0
"""After so many seconds no further point of the curve is begun."""
FEW_IMAGES, CALIBRATION_IMAGES = 200, 128
NAMES_SHOWN = 4
RANKING_IMAGES = 64
PASSES_A_STEP = 3
"""A training step takes about three forward passes: one forward, two back."""


@dataclass(frozen=True)
class Plan:
    """What a model offers.

    Attributes:
        name, dataset: of the model and its data.
        accuracy: of the teacher on validation.
        costs: of the model.
        groups: of channels that go together.
        units: unit → 1 − cosine of its input and output, those that can go, the least important first.
        stay: unit → what hinders its removal.
        refused: layer → why its channels stay.
        curve: (share of the MACs, accuracy on some validation images without any training).
        seconds_an_epoch: of training the model itself; smaller ones take less.
    """

    name: str
    dataset: data.Dataset
    accuracy: float
    costs: ModelCosts
    groups: tuple[ChannelGroup, ...]
    units: dict[str, float]
    stay: dict[str, str]
    refused: dict[str, str]
    curve: list[tuple[float, float]]
    seconds_an_epoch: float

    def __str__(self) -> str:
        sizes = [f"{len(getattr(self.dataset, part)):,} {part}" for part in ("train", "validation", "test")]
        lines = [
            f"{self.name}: {self.costs.params:,} parameters, {self.costs.macs / 1e6:,.1f} M MACs, "
            f"{self.accuracy:.2%} on validation",
            f"{self.dataset.name} from {self.dataset.source}: {', '.join(sizes)} images, "
            f"{len(self.dataset.class_names)} classes",
            "",
            f"{len(self.groups)} groups of channels that go together",
            *(f"  {_short(group.layers)}: {len(group.channels)} channels" for group in self.groups),
            "",
            f"{len(self.units)} units can go, the least important first (1 − cosine of input and output)",
            *(f"  {name}: {influence:.3f}" for name, influence in self.units.items()),
        ]
        if self.stay or self.refused:
            lines += ["", "What stays, and why"]
            lines += [f"  unit {name}: removing it {reason}" for name, reason in self.stay.items()]
            lines += [f"  channels of {name}: {reason}" for name, reason in self.refused.items()]
        rows = [["MACs left", "accuracy"], *([f"{share:.2f}", f"{accuracy:.1%}"] for share, accuracy in self.curve)]
        count = min(FEW_IMAGES, len(self.dataset.validation))
        lines += ["", f"Accuracy on {count:,} validation images after channels are deleted, without any training"]
        lines += [columns(rows)]
        lines += [
            "",
            f"An epoch of training takes about {self.seconds_an_epoch:,.0f} s for the model itself, less for "
            "smaller ones; 20 epochs or 20 minutes are a good start, whatever is less",
        ]
        return "\n".join(lines)


def plan(model: keras.Model | Path | str, source: data.Dataset | Path | str, *, cache: Path | str = ".cache") -> Plan:
    """Looks at a model and its data for about a minute; trains nothing.

    Args, Raises:
        As `compress`.
    """
    begin = time.monotonic()
    problem = problem_of(model, source, cache=cache)
    accuracy = check_accuracy(problem, cache)
    teacher, train = problem.teacher, problem.dataset.train
    batches = ranking_batches(train, RANKING_IMAGES)
    followed = Channels(teacher)
    groups = groups_of(followed)
    able, stay = _units(teacher, batches)
    sample, _ = next(iter(batches))
    seconds_an_epoch = PASSES_A_STEP * prune.latency([teacher], len(sample), turns=3)[0] * len(train) / len(sample)
    return Plan(
        name=problem.name,
        dataset=problem.dataset,
        accuracy=accuracy,
        costs=costs_of(teacher),
        groups=groups,
        units=able,
        stay=stay,
        refused=_refused(followed),
        curve=_curve(teacher, problem.dataset, Scores(batches), begin + SECONDS),
        seconds_an_epoch=seconds_an_epoch,
    )


def _units(teacher: keras.Model, batches) -> tuple[dict[str, float], dict[str, str]]:
    try:
        size, influence = ranked_units(teacher, batches)
    except prune.PruneError as error:
        return {}, {teacher.name: str(error)}
    stay = {}
    for unit in prune.units(teacher, size):
        reason = obstacle(teacher, [unit])
        if reason is None and unit.name not in influence:
            reason = "leaves other layers with inputs of another shape"
        if reason is not None:
            stay[unit.name] = reason
    able = {name: value for name, value in sorted(influence.items(), key=lambda pair: pair[1]) if name not in stay}
    return able, stay


def _refused(followed: Channels) -> dict[str, str]:
    """By layer that gives channels of which none can go, why."""
    reasons = dict(followed.refused)
    for number, members in followed.members.items():
        if number in followed.kept_because:
            for name, _ in members:
                reasons.setdefault(name, followed.kept_because[number])
    return reasons


def _curve(teacher, dataset: data.Dataset, scores: Scores, until: float) -> list[tuple[float, float]]:
    """(share of MACs left, accuracy on the same few validation images), the whole network first."""
    goal, whole = Goal("macs", 0.5), costs_of(teacher)
    # Shuffled: a folder's rows are ordered by class.
    count = min(FEW_IMAGES, len(dataset.validation))
    images, labels = next(iter(dataset.validation.batches(count, seed=SEED, epoch=0)))

    def accuracy(model) -> float:
        answers = np.asarray(model(images, training=False)).argmax(-1)
        return float(np.mean(answers == labels))

    points = [(1.0, accuracy(teacher))]
    calibration = calibration_images(dataset.train)[:CALIBRATION_IMAGES]
    for share in CURVE:
        if time.monotonic() > until:
            break
        try:
            made = cut(teacher, Recipe(share, "taylor", weighed=True), goal, whole, scores)
        except prune.PruneError:
            continue
        distill.recalibrate(made.model, calibration)
        points.append((made.costs.macs / whole.macs, accuracy(made.model)))
    return points


def _short(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN} more"
