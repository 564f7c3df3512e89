"""A paper's claims beside our measurements, with a verdict that an interval decides."""

import math
from dataclasses import asdict, dataclass

import pandas as pd

from kdsuite.report.intervals import Interval
from kdsuite.report.rows import RESULTS

UNDECIDED = "undecided: the interval holds 0"


@dataclass(frozen=True)
class Claim:
    """One line of a paper-vs-ours table; `ours` says what was measured, with its interval."""

    study: str
    claim: str
    paper: str
    ours: str
    verdict: str


def as_table(claims: list[Claim]) -> pd.DataFrame:
    return pd.DataFrame([asdict(claim) for claim in claims])


def published(study: str, setting: str, metric: str | None = None, table: str | None = None) -> float:
    """A figure of results/published/published.csv.

    Raises:
        KeyError: there is not exactly one such figure.
    """
    figures = pd.read_csv(RESULTS / "published" / "published.csv", dtype={"study": str})
    found = figures[(figures.study == study) & (figures.setting == setting)]
    if metric is not None:
        found = found[found.metric == metric]
    if table is not None:
        found = found[found.table == table]
    if len(found) != 1:
        raise KeyError(f"{len(found)} published figures for {study!r}, {setting!r}, {metric!r}: expected one")
    return float(found.value.iloc[0])


def answer(difference: Interval) -> str:
    """Whether a difference is positive: "yes", "no", or why that is undecided; for what no paper claims."""
    if math.isnan(difference.low):
        return "undecided: one seed gives no interval"
    if difference.low > 0:
        return "yes"
    if difference.high < 0:
        return "no"
    return UNDECIDED


def verdict(claimed_positive: Interval) -> str:
    """Whether a difference that the paper claims to be positive is."""
    return {"yes": "reproduced", "no": "contradicted"}.get(found := answer(claimed_positive), found)


def alike(difference: Interval) -> str:
    """Whether a difference that the paper claims to be none may be none."""
    if (found := answer(difference)) == UNDECIDED:
        return "consistent: the interval holds 0"
    return found if math.isnan(difference.low) else "contradicted"


def points(interval: Interval) -> str:
    """A difference of accuracies (fractions) in percentage points."""
    return difference(interval.scaled(100), "points", 2)


def difference(interval: Interval, unit: str, decimals: int) -> str:
    """A difference with its sign, unit and 95% interval."""
    mean, low, high = (f"{value:+.{decimals}f}" for value in interval)
    return f"{mean} {unit} " + ("(one seed)" if math.isnan(interval.low) else f"[{low}, {high}]")


def percent(interval: Interval) -> str:
    """An accuracy (fraction) in percent."""
    return estimate(interval.scaled(100), "%", 2)


def estimate(interval: Interval, unit: str, decimals: int) -> str:
    """A mean with half the width of its 95% interval, and its unit: "%", or what stands behind a space."""
    unit = unit if unit == "%" else f" {unit}"
    if math.isnan(interval.low):
        return f"{interval.mean:.{decimals}f}{unit} (one seed)"
    return f"{interval.mean:.{decimals}f} ± {interval.half_width:.{decimals}f}{unit}"
