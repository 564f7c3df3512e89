"""Rows to tables, figures and verdicts; reads nothing but CSV files, and knows no study."""

from kdsuite.report.claims import OURS, Claim, Matters
from kdsuite.report.errors import NotRun, ReportError
from kdsuite.report.named import read_named
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results, read, read_folder
from kdsuite.report.tables import Summary, claims_table, show
from kdsuite.report.verdicts import judge

__all__ = [
    "OURS",
    "Claim",
    "ExperimentReport",
    "Matters",
    "NotRun",
    "ReportError",
    "Results",
    "Summary",
    "claims_table",
    "judge",
    "read",
    "read_folder",
    "read_named",
    "show",
]
