"""What is measured for a claim: one independent value a seed, taken from the rows of groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Selection
from kdsuite.report.intervals import Interval, spread
from kdsuite.report.measures import Measure
from kdsuite.report.rows import Results

HIGHER, ALIKE, DIFFERENT = "higher", "alike", "different"
LEVEL, PUBLISHED, MEASURED = "level", "published", "measured"


@dataclass(frozen=True)
class Sample:
    """What was measured for a claim.

    Attributes:
        values: one independent value a seed, in the unit of the rows; signed so that the claim says "positive".
        interval: their mean with its 95% interval.
        measure: with the unit in which they are shown.
        ours: the measurement in words.
        given: what the interval takes as fixed, such as "this teacher".
        remarks: what a reader must know, such as seeds that were left out.
        rows: of the groups compared.
        least_spread: what the standard deviation of the values is taken to be at least, in the unit of the rows.
    """

    values: pd.Series
    interval: Interval
    measure: Measure
    ours: str
    given: str = ""
    remarks: tuple[str, ...] = ()
    rows: tuple[pd.DataFrame, ...] = ()
    least_spread: float = 0.0

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def spread(self) -> float:
        """Standard deviation of the values, `least_spread` at least; NaN of a single one."""
        return spread(self.values.to_numpy(), self.least_spread)


class Comparison(Protocol):
    """One independent value a seed, and the rule by which it is judged."""

    @property
    def rule(self) -> str: ...

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample: ...


def table(group: Selection, results: Mapping[str, Results], experiment: str, name: str) -> pd.DataFrame:
    """The table a group is taken from.

    Raises:
        NotRun: its experiment has no results, or none on the images, or of the teachers, of the claim's own experiment.
    """
    source = group.experiment or experiment
    if source not in results:
        raise NotRun(f"{source} has not been run")
    if experiment in results and (why := results[source].apart_from(results[experiment])):
        raise NotRun(f"{source} and {experiment} have {why}")
    return results[source].table(name)


def select(group: Selection, results: Mapping[str, Results], experiment: str, name: str) -> pd.DataFrame:
    """The rows of a group.

    Raises:
        NotRun: there are none.
    """
    whole = table(group, results, experiment, name)
    if whole.empty:
        raise NotRun(f"{group.experiment or experiment} has no {name}")
    rows = group.rows(whole)
    if rows.empty:
        raise NotRun(f"{group.experiment or experiment} has no {name} of {group.describe(whole)}")
    return rows


def means(rows: pd.DataFrame, measure: Measure, keys: tuple[str, ...]) -> pd.Series:
    """Mean of a measure by the values of the keys; empty cells are left out."""
    columns = [rows[key] for key in keys]
    return measure.of(rows).groupby(columns if len(columns) > 1 else columns[0]).mean().dropna()


def as_many_pairs(difference: pd.Series, by: str) -> tuple[pd.Series, list[str]]:
    """Leaves out seeds with fewer pairs than others, whose mean is of something else, and names them."""
    counts = difference.groupby(by).size()
    lacking = list(counts[counts < counts.max()].index)
    if not lacking:
        return difference, []
    kept = difference[~difference.index.get_level_values(by).isin(lacking)]
    return kept, [left_out(by, lacking, "fewer pairs than others")]


def left_out(by: str, which: Iterable, why: str) -> str:
    """A remark on what is not in a mean."""
    return f"{', '.join(f'{by} {one}' for one in which)} left out: {why}"
