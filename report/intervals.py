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
    """Interval of (first − second), paired by seed.

    Args:
        rows: result rows.
        column: what to compare.
        first, second: boolean masks of `rows`, each with one row a seed.

    Raises:
        ValueError: a seed has no partner, or more than one.
    """
    left, right = (rows[mask].set_index("seed")[column] for mask in (first, second))
    if not left.index.is_unique or not right.index.is_unique or set(left.index) != set(right.index):
        raise ValueError(f"seeds {sorted(left.index)} and {sorted(right.index)} do not pair up one to one")
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
