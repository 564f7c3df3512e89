"""Groups of rows, as data: `where("distilled", method="kd", lambda_=between(0.4, 0.7))`."""

from dataclasses import dataclass, replace
from typing import Protocol

import pandas as pd

from kdsuite.report.errors import ReportError

SYMBOLS = {"lambda": "λ", "temperature": "T", "batch_size": "batch size", "units_removed": "layers removed"}


class Selection(Protocol):
    """What a comparison compares; a study may write its own."""

    @property
    def experiment(self) -> str | None: ...

    @property
    def shared(self) -> bool: ...

    def rows(self, table: pd.DataFrame) -> pd.DataFrame: ...

    def describe(self, table: pd.DataFrame) -> str: ...


@dataclass(frozen=True)
class Range:
    """Numbers inside or outside a range whose ends are inside."""

    low: float
    high: float
    inside: bool = True

    def __call__(self, values: pd.Series) -> pd.Series:
        within = values.between(self.low, self.high)
        return within if self.inside else ~within & values.notna()

    def __str__(self) -> str:
        return f"{'in' if self.inside else 'outside'} {self.low:g}–{self.high:g}"


@dataclass(frozen=True)
class Bound:
    """Numbers beyond a bound, which itself does not belong."""

    bound: float
    above: bool

    def __call__(self, values: pd.Series) -> pd.Series:
        return values > self.bound if self.above else values < self.bound

    def __str__(self) -> str:
        return f"{'>' if self.above else '<'} {self.bound:g}"


@dataclass(frozen=True)
class Empty:
    """Empty cells."""

    def __call__(self, values: pd.Series) -> pd.Series:
        return values.isna()

    def __str__(self) -> str:
        return "empty"


def between(low: float, high: float) -> Range:
    """Numbers from `low` to `high`."""
    return Range(low, high)


def outside(low: float, high: float) -> Range:
    """Numbers below `low` or above `high`."""
    return Range(low, high, inside=False)


def above(bound: float) -> Bound:
    """Numbers over `bound`."""
    return Bound(bound, above=True)


EMPTY = Empty()


@dataclass(frozen=True)
class Group:
    """Rows whose cells have given values.

    Attributes:
        label: in words; by default the conditions themselves.
        conditions: column and value; a value is a cell's, a tuple of possible ones, or a predicate of this module.
        experiment: whose rows; None for the claim's own.
        shared: one network (of one seed) may stand against all seeds of the other group, as one teacher does; the
            interval is then given this network.
    """

    label: str
    conditions: tuple[tuple[str, object], ...]
    experiment: str | None = None
    shared: bool = False

    def of(self, experiment: str) -> "Group":
        """The same rows of another experiment."""
        return replace(self, experiment=experiment)

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table that belong.

        Raises:
            ReportError: the table lacks a column.
        """
        for column, value in self.conditions:
            if column not in table:
                raise ReportError(f"rows have no column {column!r} ({self.describe(table)})")
            table = table[_mask(table[column], value)]
        return table

    def describe(self, table: pd.DataFrame | None = None) -> str:
        """The group in words, whatever the table."""
        return self.label or ", ".join(f"{SYMBOLS.get(name, name)} {_text(value)}" for name, value in self.conditions)


@dataclass(frozen=True)
class Best:
    """Of a group, the rows with the value of one column whose mean on the validation split is highest, or lowest.

    Attributes:
        group: what is chosen from.
        by: the column that is chosen.
        on: a validation measure; never one of the test split.
        lowest: whether the value of the lowest mean is taken.
    """

    group: Group
    by: str
    on: str = "validation_accuracy"
    lowest: bool = False

    def __post_init__(self):
        if self.on.startswith("test"):
            raise ReportError(f"best by {self.on}: the test split judges, so choose on validation")

    @property
    def experiment(self) -> str | None:
        return self.group.experiment

    @property
    def shared(self) -> bool:
        return self.group.shared

    def chosen(self, table: pd.DataFrame):
        """The value that is taken, or None where the group has no rows."""
        means = self.group.rows(table).groupby(self.by)[self.on].mean()
        if means.empty:
            return None
        return means.idxmin() if self.lowest else means.idxmax()

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        found = self.group.rows(table)
        return found[found[self.by] == self.chosen(table)]

    def describe(self, table: pd.DataFrame) -> str:
        chosen = self.chosen(table)
        value = f"{chosen:g}" if isinstance(chosen, (int, float)) else chosen
        extreme = "lowest" if self.lowest else "best"
        return f"{SYMBOLS.get(self.by, self.by)} = {value} (validation's {extreme} {self.group.describe(table)})"


def where(label: str = "", /, **conditions) -> Group:
    """Choose rows by their cells.

    A condition is a cell's value, a tuple of possible values, or one of `between`, `outside`, `above` and
    `EMPTY`. A trailing underscore is dropped, so that `lambda_` names the column `lambda`.
    """
    return Group(label, tuple((name.removesuffix("_"), value) for name, value in conditions.items()))


def shared(label: str = "", /, **conditions) -> Group:
    """Like `where`, for the one network that serves all seeds, such as a teacher."""
    return replace(where(label, **conditions), shared=True)


def best_outside(column: str, low: float, high: float, **conditions) -> Best:
    """The value outside a range that is best on validation."""
    return Best(where(f"outside {low:g}–{high:g}", **conditions, **{column: outside(low, high)}), by=column)


def _mask(cells: pd.Series, value: object) -> pd.Series:
    if callable(value):
        return value(cells)
    if isinstance(value, (tuple, frozenset)):
        return cells.isin(list(value))
    return cells == value


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "in " + ", ".join(map(str, value))
    return str(value) if callable(value) else f"= {value}"
