"""Rows to tables, figures and verdicts; reads nothing but CSV files."""

from report.claims import as_table
from report.intervals import mean_interval, paired_difference, summarise
from report.publish import publish
from report.rows import StudyRows, read

__all__ = ["StudyRows", "as_table", "mean_interval", "paired_difference", "publish", "read", "summarise"]
