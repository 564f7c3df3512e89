"""When a claim can be judged at all: how near the data, the epochs and the teacher must be to the paper's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

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
class _OfRows:
    group: Group

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        """What is found and what was needed, or None where the condition is met."""
        try:
            return self._problem(select(self.group, results, experiment, "rows"))
        except NotRun as error:
            return str(error)

    def _problem(self, rows: pd.DataFrame) -> str | None:
        raise TypeError(f"{type(self).__name__} says not what it asks of rows")


@dataclass(frozen=True, kw_only=True)
class Condition(_OfRows):
    """A bound on a column of all rows of a group.

    Attributes:
        column: what is bounded.
        bound: the least, in the unit of the rows.
        group: whose rows; by default all of the claim's experiment.
        mean: bound the mean instead of each row.
    """

    column: str
    bound: float
    group: Group = ALL
    mean: bool = False

    def _problem(self, rows: pd.DataFrame) -> str | None:
        values = measure_of(self.column).of(rows)
        found = values.mean() if self.mean else values.min()
        return None if found >= self.bound else f"{self._named(found)}, at least {self._shown(self.bound)}"

    def _shown(self, value: float) -> str:
        measure = measure_of(self.column)
        return f"{measure.scale * value:.4g}%" if measure.unit == "%" else f"{value:,g}"

    def _named(self, value: float) -> str:
        name = WORDS.get(self.column, self.column.replace("_", " "))
        if self.group is ALL:
            return f"{self._shown(value)} {name}"
        return f"{self.group.describe()}: {self._shown(value)} {name}"


@dataclass(frozen=True, kw_only=True)
class Exactly(_OfRows):
    """All rows of a group have one of some values in a column, such as the temperature that a claim names.

    Attributes:
        column: its name.
        values: what it may hold.
        group: whose rows.
    """

    column: str
    values: tuple

    def _problem(self, rows: pd.DataFrame) -> str | None:
        found = sorted(set(rows[self.column]) - set(self.values))
        if not found:
            return None
        expected = " or ".join(map(_plain, self.values))
        return f"{self.group.describe()}: {self.column.replace('_', ' ')} {_plain(found[0])}, expected {expected}"


@dataclass(frozen=True, kw_only=True)
class Seeds(_OfRows):
    """A group has rows of so many seeds.

    Attributes:
        least: how many.
        group: whose rows.
    """

    least: int

    def _problem(self, rows: pd.DataFrame) -> str | None:
        found = rows.seed.nunique()
        return None if found >= self.least else f"{found} seeds, at least {self.least}"


def _plain(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def exactly(column: str, *values, group: Group) -> Exactly:
    """Each row of the group has one of these values in a column."""
    return Exactly(column=column, values=values, group=group)


def at_least(column: str, bound: float, group: Group = ALL) -> Condition:
    """Each row of the group has at least so much of a column."""
    return Condition(column=column, bound=bound, group=group)


def teacher_at_least(accuracy: float, group: Group = TEACHER) -> Condition:
    """The teachers' mean test accuracy is at least so high, as a fraction."""
    return Condition(column="test_accuracy", bound=accuracy, group=group, mean=True)


@dataclass(frozen=True)
class OnData:
    """All rows of the claim's experiment are of one data set.

    Attributes:
        dataset: its name.
    """

    dataset: str

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        """What is found and what was needed, or None where the condition is met."""
        if experiment not in results:
            return f"{experiment} has not been run"
        found = sorted(set(results[experiment].rows.dataset.astype(str)))
        return None if found == [self.dataset] else f"data {', '.join(found)}, expected {self.dataset}"
