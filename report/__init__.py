"""Rows to tables, figures and verdicts; reads nothing but CSV files."""

from kdsuite.report.catdog import density_figure
from kdsuite.report.claims import as_table
from kdsuite.report.intervals import mean_interval, paired_difference, summarise
from kdsuite.report.pictures import mistakes_figure, soft_targets_figure
from kdsuite.report.publish import publish, save
from kdsuite.report.rows import StudyRows, read

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
