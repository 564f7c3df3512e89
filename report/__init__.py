"""Rows to tables, figures and verdicts; reads nothing but CSV files."""

from report.intervals import mean_interval, paired_difference, summarise
from report.publish import publish

__all__ = ["mean_interval", "paired_difference", "publish", "summarise"]
