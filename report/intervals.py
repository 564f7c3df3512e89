"""Means with 95% intervals over seeds, and the tests that agree with them."""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import special
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
MANY_SEEDS = 1000


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


@cache
def t_quantile(n: int) -> float:
    """Student's t for a 95% interval of the mean of n values."""
    return float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2))


def mean_interval(values: Sequence[float] | np.ndarray, least_spread: float = 0.0) -> Interval:
    """Mean and 95% Student t interval.

    Args:
        values: independent values, one a seed.
        least_spread: what their standard deviation is at least: few counts of images can agree by chance.
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    half = t_quantile(len(values)) * spread(values, least_spread) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def spread(values: np.ndarray, least: float = 0.0) -> float:
    """Standard deviation of values, one a seed, `least` at least; NaN of a single one."""
    if len(values) < 2:
        return math.nan
    # The mean of equal numbers can differ from them in its last bit.
    return max(float(values.std(ddof=1)) if np.ptp(values) else 0.0, least)


def prediction_interval(values: Sequence[float] | np.ndarray, least_spread: float = 0.0) -> Interval:
    """95% interval for one further draw, mean ± t · s · √(1 + 1/n): where another training's figure would lie.

    `least_spread` is as of `mean_interval`.
    """
    mean, low, high = mean_interval(values, least_spread)
    factor = math.sqrt(len(values) + 1)
    return Interval(mean, mean - factor * (mean - low), mean + factor * (high - mean))


def proportion_interval(share: float, count: int) -> Interval:
    """95% interval (Clopper and Pearson, exact) of one network's accuracy over test images.

    Args:
        share: the accuracy, as a fraction.
        count: number of test images.
    """
    low, high = proportion_confint(round(share * count), count, alpha=1 - CONFIDENCE, method="beta")
    return Interval(share, float(low), float(high))


def difference_p(
    values: Sequence[float] | np.ndarray, expected: float = 0.0, *, predicted: bool = False, least_spread: float = 0.0
) -> float:
    """Two-sided p of Student's t test; at most 5% exactly where the 95% interval leaves `expected` out.

    Args:
        values: independent values, one a seed.
        expected: the mean under test.
        predicted: test `expected` as one further draw (prediction interval) instead of as the mean.
        least_spread: as of `mean_interval`.
    """
    values = np.asarray(values, float) - expected
    if len(values) < 2:
        return math.nan
    error = spread(values, least_spread) * math.sqrt(1 / len(values) + predicted)
    if error == 0:
        return float(values[0] == 0)
    return float(2 * special.stdtr(len(values) - 1, -abs(values.mean()) / error))


def equivalence_p(values: Sequence[float] | np.ndarray, matters: float, least_spread: float = 0.0) -> float:
    """Twice the p of two one-sided tests (TOST) against ± `matters`.

    It is at most 5% exactly where the 95% interval lies within ± `matters`, which is TOST at 2.5%: stricter than the
    customary 5%, so that one interval shows both answers. `least_spread` is as of `mean_interval`.
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        return math.nan
    room = matters - abs(float(values.mean()))
    error = spread(values, least_spread) / math.sqrt(len(values))
    if error == 0:
        return float(room <= 0)
    return min(1.0, 2 * float(special.stdtr(len(values) - 1, -room / error)))


def seeds_for_half_width(spread: float, half_width: float) -> int:
    """How many seeds make an interval at most so wide, if the spread stays: a rough figure from few seeds.

    Args:
        spread: standard deviation of the values, one a seed.
        half_width: of the 95% interval, in the same unit.
    """
    return next((n for n in range(2, MANY_SEEDS) if t_quantile(n) * spread / math.sqrt(n) <= half_width), MANY_SEEDS)
