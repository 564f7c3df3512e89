"""When a claim can be judged at all: how near the data, the epochs and the teacher must be to the paper's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Group, where
from kdsuite.report.measures import measure_of
from kdsuite.report.rows import Results
from kdsuite.report.samples import select

WORDS = {"train_size": "training images", "test_size": "test images", "epochs": "epochs"}
ALL = where("rows")
TEACHER = where("teacher", role="teacher")


class Requirement(Protocol):
    """What rows must fulfil before a claim is judged: a `Condition`, or a study's own."""

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        """What is found and what was needed, or None where it is met."""
        ...


@dataclass(frozen=True)
class Condition:
    """A bound on a column of all rows of a group.

    Attributes:
        column: what is bounded.
        bound: in the unit of the rows.
        least: whether it is a lower bound.
        group: whose rows; by default all of the claim's experiment.
        mean: bound the mean instead of each row.
    """

    column: str
    bound: float
    least: bool = True
    group: Group = ALL
    mean: bool = False

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        """What is found and what was needed, or None where the condition is met."""
        try:
            rows = select(self.group, results, experiment, "rows")
        except NotRun as error:
            return str(error)
        values = measure_of(self.column).of(rows)
        found = values.mean() if self.mean else values.min() if self.least else values.max()
        met = found >= self.bound if self.least else found <= self.bound
        return None if met else f"{self._named(found)}, {self._bound_word} {self._shown(self.bound)}"

    @property
    def _bound_word(self) -> str:
        return "at least" if self.least else "at most"

    def _shown(self, value: float) -> str:
        measure = measure_of(self.column)
        return f"{measure.scale * value:.4g}%" if measure.unit == "%" else f"{value:,g}"

    def _named(self, value: float) -> str:
        name = WORDS.get(self.column, self.column.replace("_", " "))
        if self.group is ALL:
            return f"{self._shown(value)} {name}"
        return f"{self.group.describe()}: {self._shown(value)} {name}"


def at_least(column: str, bound: float, group: Group = ALL) -> Condition:
    """Each row of the group has at least so much of a column."""
    return Condition(column, bound, least=True, group=group)


def at_most(column: str, bound: float, group: Group = ALL) -> Condition:
    """Each row of the group has at most so much of a column."""
    return Condition(column, bound, least=False, group=group)


def teacher_at_least(accuracy: float, group: Group = TEACHER) -> Condition:
    """The teachers' mean test accuracy is at least so high, as a fraction."""
    return Condition("test_accuracy", accuracy, least=True, group=group, mean=True)
