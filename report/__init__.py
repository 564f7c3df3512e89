"""Rows to tables, figures and verdicts; reads nothing but CSV files."""

from report.catdog import density_figure
from report.claims import as_table
from report.intervals import mean_interval, paired_difference, summarise
from report.pictures import mistakes_figure, soft_targets_figure
from report.publish import publish, save
from report.rows import StudyRows, read

__all__ = [
    "StudyRows",
    "as_table",
    "density_figure",
    "mean_interval",
    "mistakes_figure",
    "paired_difference",
    "publish",
    "read",
    "save",
    "soft_targets_figure",
    "summarise",
]
