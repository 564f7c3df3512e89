"""Means with 95% intervals over seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean and its 95% interval; the ends are NaN for a single value."""

    mean: float
    low: float
    high: float

    def __neg__(self) -> "Interval":
        return Interval(-self.mean, -self.high, -self.low)

    def scaled(self, factor: float) -> "Interval":
        """In another unit; `factor` is positive."""
        return Interval(*(factor * value for value in self))

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean and 95% Student t interval of independent values, one a seed."""
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def paired_difference(rows: pd.DataFrame, column: str, first: pd.Series, second: pd.Series) -> Interval:
    """Interval of (first − second), paired by seed; several rows of one seed count as their mean.

    Args:
        rows: result rows.
        column: what to compare.
        first, second: boolean masks of `rows`.

    Raises:
        ValueError: the two sides do not have the same seeds.
    """
    left, right = (rows[mask].groupby("seed")[column].mean() for mask in (first, second))
    if set(left.index) != set(right.index):
        raise ValueError(f"seeds {sorted(left.index)} and {sorted(right.index)} do not pair up")
    return mean_interval(left - right)


def summarise(rows: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """One line a group: number of seeds, and mean ± half the 95% interval of each column."""
    lines = []
    for group, members in rows.groupby(list(by), dropna=False, sort=False):
        line = dict(zip(by, group, strict=True)) | {"seeds": len(members)}
        for column in columns:
            interval = mean_interval(members[column])
            line[column], line[f"{column} ±"] = interval.mean, interval.half_width
        lines.append(line)
    return pd.DataFrame(lines)


def in_percent(table: pd.DataFrame) -> pd.DataFrame:
    """A summary with accuracies in percent, for reading."""
    table = table.copy()
    for column in [name for name in table if "accuracy" in name]:
        table[column] *= 100
    return table.rename(columns=lambda name: name.replace("_accuracy", " accuracy %").replace("_", " "))
