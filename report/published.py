"""Figures of the papers, from results/reference/published.csv."""

from functools import cache

import pandas as pd

from kdsuite.report.errors import ReportError
from kdsuite.report.rows import REFERENCE


@cache
def _figures() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "published.csv", dtype={"study": str})


def published(study: str, setting: str, metric: str | None = None, table: str | None = None) -> float:
    """Look a published figure up, in the unit of our rows: a percentage is a fraction.

    Raises:
        ReportError: there is not exactly one such figure.
    """
    figures = _figures()
    found = figures[(figures.study == study) & (figures.setting == setting)]
    for column, value in (("metric", metric), ("table", table)):
        if value is not None:
            found = found[found[column] == value]
    if len(found) != 1:
        raise ReportError(f"{len(found)} published figures for {study!r}, {setting!r}, {metric!r}: expected one")
    line = found.iloc[0]
    return float(line.value) / (100 if line.unit == "%" else 1)
