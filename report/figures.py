"""Figures with 95% intervals, drawn from result rows."""

from collections.abc import Sequence

import matplotlib.figure
import pandas as pd
import seaborn as sns

from report.intervals import summarise

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
    figure = matplotlib.figure.Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    students = rows[rows.method != "teacher"]
    groups = students.groupby("method", sort=False) if by_method else [("", students)]
    lines = [(method, column, members) for method, members in groups for column in y]
    for colour, (method, column, members) in zip(COLOURS, lines, strict=False):
        line = summarise(members, [x], [column]).sort_values(x)
        label = " ".join(filter(None, [method, LABELS[column] if len(y) > 1 else ""]))
        axes.errorbar(
            line[x],
            100 * line[column],
            100 * line[f"{column} ±"],
            marker="o",
            capsize=3,
            color=colour,
            label=label or None,
        )
    if teacher is not None:
        axes.axhline(100 * teacher, linestyle="--", color="grey", label="teacher, test accuracy")
    if log:
        axes.set_xscale("log", base=2)
        ticks = sorted(students[x].unique())
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], rotation=45)
        axes.minorticks_off()
    axes.set(xlabel=LABELS[x], ylabel=(LABELS[y[0]] if len(y) == 1 else "accuracy") + " (%)", title=title)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    return figure
