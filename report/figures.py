"""Figures with 95% intervals, drawn from result rows."""

from collections.abc import Sequence

import matplotlib.figure
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kdsuite.report.intervals import summarise

COLOURS = sns.color_palette("colorblind")
LABELS = {
    "lambda": "weight λ of the soft targets",
    "batch_size": "batch size",
    "units_removed": "layers removed",
    "epoch": "epoch",
    "test_accuracy": "test accuracy",
    "test_accuracy_uncalibrated": "test accuracy, not recalibrated",
    "validation_accuracy": "validation accuracy",
}


def panel(figsize: tuple[float, float] = (7, 4.2), **labels) -> tuple[matplotlib.figure.Figure, Axes]:
    """A figure of one panel with a grid; `labels` are its title and the names of its axes."""
    figure = matplotlib.figure.Figure(figsize=figsize, layout="constrained")
    axes = figure.add_subplot()
    axes.set(**labels)
    axes.grid(alpha=0.3)
    return figure, axes


def two_columns(count: int) -> tuple[matplotlib.figure.Figure, list[Axes]]:
    """A figure of `count` panels, at most two beside each other."""
    columns, rows = min(count, 2), -(-count // 2)
    figure = matplotlib.figure.Figure(figsize=(6 * columns, 4 * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]


def log_axis(axes: Axes, values: Sequence[float], *, base: float = 10, rotation: float = 0) -> None:
    """Makes the horizontal axis logarithmic, with the values themselves as its ticks."""
    axes.set_xscale("log", base=base)
    ticks = sorted(set(values))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], rotation=rotation)
    axes.minorticks_off()


def intervals(
    axes: Axes, rows: pd.DataFrame, by: Sequence[str], x: str, y: str = "test_accuracy", unit: float = 1, **style
) -> None:
    """Draws a point a group: mean accuracy in percent with its 95% interval, against `x` in units of `unit`.

    Args:
        axes: to draw on.
        rows: result rows.
        by: columns whose values make a group.
        x: one of `by`, or a column whose mean over the group is drawn.
        y: accuracy column, as a fraction.
        unit: what `x` is divided by.
        style: of `Axes.errorbar`.
    """
    line = summarise(rows, by, [y] if x in by else [y, x]).sort_values(x)
    style = {"marker": "o", "capsize": 3} | style
    axes.errorbar(line[x] / unit, 100 * line[y], 100 * line[f"{y} ±"], **style)


def accuracy_against(
    rows: pd.DataFrame,
    x: str,
    *,
    y: Sequence[str] = ("test_accuracy",),
    by_method: bool = False,
    teacher: float | None = None,
    log: bool = False,
    title: str = "",
) -> matplotlib.figure.Figure:
    """Accuracy in percent against a column, a line a method or a y, each point a mean with its 95% interval.

    Args:
        rows: result rows; those of method "teacher" are left out.
        x: column on the horizontal axis.
        y: accuracy columns, as fractions.
        by_method: draw a line for each value of `method`.
        teacher: the teacher's test accuracy as a fraction, drawn as a dashed line.
        log: logarithmic horizontal axis with the values of `x` as ticks.
        title: above the axes.
    """
    ylabel = (LABELS[y[0]] if len(y) == 1 else "accuracy") + " (%)"
    figure, axes = panel(xlabel=LABELS[x], ylabel=ylabel, title=title)
    students = rows[rows.method != "teacher"]
    groups = students.groupby("method", sort=False) if by_method else [("", students)]
    lines = [(method, column, members) for method, members in groups for column in y]
    for colour, (method, column, members) in zip(COLOURS, lines, strict=False):
        label = " ".join(filter(None, [method, LABELS[column] if len(y) > 1 else ""]))
        intervals(axes, members, [x], x, column, color=colour, label=label or None)
    if teacher is not None:
        axes.axhline(100 * teacher, linestyle="--", color="grey", label="teacher, test accuracy")
    if log:
        log_axis(axes, students[x], base=2, rotation=45)
    elif (students[x] % 1 == 0).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    return figure
