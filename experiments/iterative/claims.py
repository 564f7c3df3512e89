"""What the paper of study 3 claims, and what it takes for granted.

Its results are blank, so few statements can be judged. "Comparable/better to/than the state-of-the-art model
compression methods" (abstract) names no method and no figure, and is not listed. All comparisons are of families.csv: a
line for each network of each family, its first parent included as generation 0, and of "families" of one-shot students
and of networks on labels alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from kdsuite.report.claims import OURS, Claim, Matters, on_data
from kdsuite.report.comparisons import Difference, Measured
from kdsuite.report.conditions import at_least
from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Best, Group, above, where
from kdsuite.report.rows import Results

MNIST, CIFAR10 = "iterative-mnist", "iterative-cifar10"
NAMES = {MNIST: "MNIST", CIFAR10: "CIFAR-10"}
FAMILIES = "families"
SHAPES = ("parent-child", "parent-children", "ancestors-child", "ancestors-children")
ONE_SHOT, ALONE = "one-shot", "labels alone"
ARCHITECTURE = ("base", "blocks", "width")
DROP = 0.02
MATTERS = {MNIST: 0.002, CIFAR10: 0.01}
BYTES_MATTER = Matters(0.1, why="a tenth of the network's memory")

CHILDREN = where("a network of a family", shape=SHAPES, generation=above(0))
FIRST_PARENT = where("the first parent", shape=SHAPES, generation=0)


def lowest_accuracy(members: pd.DataFrame, drop: float = DROP) -> pd.Series:
    """By family, the least validation accuracy that is `drop` below its first parent's, which all its shapes share."""
    first = members[members.generation == 0].groupby("family").validation_accuracy.first()
    # Less than an image, more than what subtraction rounds: exactly `drop` below is still within.
    return first - drop - 1e-9


@dataclass(frozen=True)
class SmallestWithin:
    """For each seed the smallest network of its families that is good enough on validation; else their first parent.

    Of networks of the same size it is the one of best validation accuracy.

    Attributes:
        label: in words.
        shapes: of the families.
        drop: how far below the first parent's the validation accuracy may be, as a fraction.
    """

    label: str
    shapes: tuple[str, ...]
    drop: float = DROP
    experiment: str | None = None
    shared: bool = False

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        members = table[table["shape"].isin(self.shapes)]
        good = members[members.validation_accuracy >= members.family.map(lowest_accuracy(members, self.drop))]
        ranked = good.sort_values(["float32_bytes", "validation_accuracy"], ascending=[True, False], kind="stable")
        return ranked.groupby("family").head(1)

    def describe(self, table: pd.DataFrame) -> str:
        return self.label


@dataclass(frozen=True)
class FirstParentIsBest:
    """No network on labels alone is more accurate on validation than the first parent, by more than what matters.

    Where one is, the search for the smallest network that still works cannot fail, and shows nothing of distillation.
    """

    matters: float

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        if experiment not in results:
            raise NotRun(f"{experiment} was not run")
        table = results[experiment].table(FAMILIES)
        first = FIRST_PARENT.rows(table).validation_accuracy.mean()
        alone = table[(table["shape"] == ALONE) & (table.generation != 0)]
        best = alone.groupby(list(ARCHITECTURE)).validation_accuracy.mean().max()
        if not best > first + self.matters:
            return None
        return f"first parent: {100 * first:.1f}% on validation, a smaller network on labels alone: {100 * best:.1f}%"


def of_shape(shape: str, **more) -> Group:
    """The networks of families of a shape, without their first parents."""
    return where(shape, **{"shape": shape, "generation": above(0)} | more)


def difference(first, second, measure="test_accuracy", **more) -> Difference:
    """A difference by family; families end at different sizes."""
    return Difference(measure, first, second, by="family", table=FAMILIES, uneven=True, **more)


def claims_on(experiment: str) -> tuple[Claim, ...]:
    """The paper's claims and our questions on one data set."""
    name, matters = NAMES[experiment], MATTERS[experiment]
    shared = {
        "experiment": experiment,
        "judged_when": (at_least("train_size", 5_000), FirstParentIsBest(matters)),
    }
    smallest = SmallestWithin("the smallest network of a family", SHAPES)
    smallest_alone = SmallestWithin("the smallest on labels alone", (ALONE,))
    alone = where("labels alone", shape=ALONE)
    one_shot = where("taught by the first parent", shape=ONE_SHOT, generation=1)
    within = f"within {100 * DROP:g} points of the first parent on validation"

    paper = (
        Claim(
            tests=f"{name}: memory saved by the smallest network {within}",
            says="our proposed approach can compress original Deep-CNN model with x% reduction in memory footprint",
            where="Abstract; x is left blank",
            compares=Measured(difference(FIRST_PARENT, smallest, "float32_bytes", relative=True)),
            paper="x%",
            **shared,
        ),
        Claim(
            tests=f"{name}: test accuracy lost by the smallest network {within}",
            says="with y% drop in performance as compared with the original model",
            where="Abstract; y is left blank",
            compares=Measured(difference(FIRST_PARENT, smallest)),
            paper="y%",
            **shared,
        ),
        Claim(
            tests=f"{name}: the smallest network {within} is as accurate on test",
            says="compress these deep models … without significantly degrading the original model performance",
            where="Abstract",
            compares=difference(FIRST_PARENT, smallest, claimed="alike"),
            matters=Matters(DROP, why="the drop that the choice on validation allows"),
            paper="not significant",
            **shared,
        ),
        Claim(
            tests=f"{name}: the best children beat their first parent",
            says="We have seen that this at times increases the performance with child model(s).",
            where="§3.2",
            compares=difference(Best(CHILDREN, by="student"), FIRST_PARENT),
            paper="at times higher",
            note="The best architecture is chosen on validation.",
            **shared,
        ),
    )
    ours = (
        Claim(
            tests=f"{name}: memory saved by the smallest network on labels alone {within}",
            compares=Measured(difference(FIRST_PARENT, smallest_alone, "float32_bytes", relative=True)),
            kind=OURS,
            note="This saving needs no distillation.",
            **shared,
        ),
        Claim(
            tests=f"{name}: families reach a smaller network than labels alone, {within}",
            compares=difference(smallest_alone, smallest, "float32_bytes", relative=True),
            matters=BYTES_MATTER,
            kind=OURS,
            note="Families choose among several networks of an architecture, labels alone has one of each.",
            **shared,
        ),
        Claim(
            tests=f"{name}: one-shot distillation beats labels alone",
            compares=difference(one_shot, alone, match=ARCHITECTURE),
            kind=OURS,
            **shared,
        ),
        Claim(
            tests=f"{name}: all ancestors teach better than the parent alone",
            compares=difference(of_shape("ancestors-child"), of_shape("parent-child"), match=ARCHITECTURE),
            kind=OURS,
            **shared,
        ),
    )
    by_shape = tuple(
        claim
        for shape in SHAPES
        for claim in (
            Claim(
                tests=f"{name}: {shape} beats one-shot from generation 2 on",
                compares=difference(of_shape(shape, generation=above(1)), one_shot, match=ARCHITECTURE),
                kind=OURS,
                note="A child of the first parent is the one-shot network itself, so generation 1 is no evidence.",
                **shared,
            ),
            Claim(
                tests=f"{name}: {shape} beats labels alone",
                compares=difference(of_shape(shape), alone, match=ARCHITECTURE),
                kind=OURS,
                **shared,
            ),
        )
    )
    return paper + ours + by_shape


CLAIMS = (*on_data("mnist", claims_on(MNIST)), *on_data("cifar10", claims_on(CIFAR10)))
