"""What an experiment's report consists of, and writing its figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from kdsuite.report.errors import NotRun
from kdsuite.report.figures import save
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

Figures = dict[str, Figure]


@dataclass(frozen=True)
class ExperimentReport:
    """How an experiment's rows are shown.

    Attributes:
        summary: the table in the terminal.
        figures: rows → figures by name; those that the rows cannot fill are left out.
    """

    summary: Summary
    figures: Callable[[Results], Figures] = lambda results: {}


def drawn(figures: Mapping[str, Callable[[Results], Figure]], results: Results) -> Figures:
    """Draws figures by name; those that raise `NotRun`, as rows cannot fill them, are left out."""
    found = {}
    for name, draw in figures.items():
        try:
            found[name] = draw(results)
        except NotRun:
            continue
    return found


def save_figures(figures: Figures, folder: Path) -> list[Path]:
    """Writes figures as SVG and PNG, and gives the paths."""
    return [path for name, figure in figures.items() for path in save(figure, folder / name)]
