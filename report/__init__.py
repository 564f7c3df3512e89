"""Rows to tables, figures and verdicts; reads nothing but CSV files."""

from report.claims import as_table, read
from report.intervals import mean_interval, paired_difference, summarise
from report.publish import publish

__all__ = ["as_table", "mean_interval", "paired_difference", "publish", "read", "summarise"]
