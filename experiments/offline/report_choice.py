"""Which T and λ study 5's validation chose."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kdsuite.report.csvs import read_whole
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import COLOURS, panels, setting_caption
from kdsuite.report.rows import Results


def choice_figure(results: Results) -> Figure:
    """Validation accuracy of the candidates by T and λ, a panel a student; the best one framed."""
    if not (results.folder / "candidates.csv").exists():
        raise NotRun("no candidates")
    rows = read_whole(results.folder / "candidates.csv", key=["trial"])
    # Where a run was stopped, the choice of the next student is not finished.
    trained = rows.student.isin(results.rows.student)
    rows = rows[trained] if trained.any() else rows
    students = sorted(rows.student.unique(), key=lambda name: rows.params[rows.student == name].iloc[0])
    tables = {
        name: 100
        * rows[rows.student == name].pivot_table(index="temperature", columns="lambda", values="validation_accuracy")
        for name in students
    }
    tried = rows.groupby(["student", "temperature", "lambda"], sort=False).validation_accuracy.mean()
    # Of equal ones the first that was tried, as in the choice itself.
    best = {name: tried[name].idxmax() for name in students}
    at_end = [name for name in students if _at_end(tables[name], *best[name])]
    where_ = "inside the grid" if not at_end else f"at the end of the grid for {len(at_end)} of {len(students)}"
    title = f"T and λ of best validation accuracy lie {where_}"
    caption = setting_caption(results, rows, marks="a cell: validation accuracy (%)")
    size = (7, 3.4) if len(students) == 1 else (4.2, 3.4)
    figure, axes = panels(len(students), title=title, caption=caption, size=size, columns=3)
    for own, name in zip(axes, students, strict=True):
        table = tables[name].sort_index(ascending=False)
        own.grid(visible=False)
        own.imshow(table, cmap="Blues", aspect="auto")
        for line, temperature in enumerate(table.index):
            for column, lambda_ in enumerate(table.columns):
                value = table.loc[temperature, lambda_]
                if not np.isnan(value):
                    chosen = (temperature, lambda_) == best[name]
                    dark = value > table.stack().median()
                    own.text(column, line, f"{value:.1f}", ha="center", va="center", fontsize=8,
                             color="white" if dark else "black", fontweight="bold" if chosen else "normal",
                             bbox={"boxstyle": "square,pad=0.35", "fill": False, "edgecolor": COLOURS[1],
                                   "linewidth": 2} if chosen else None)  # fmt: skip
        own.set_xticks(range(len(table.columns)), [f"{value:g}" for value in table.columns])
        own.set_yticks(range(len(table.index)), [f"{value:g}" for value in table.index])
        size = rows.params[rows.student == name].iloc[0]
        own.set(xlabel="λ", ylabel="T")
        own.set_title(f"{size:,.0f} parameters", fontsize=9, loc="left")
    return figure


def _at_end(table: pd.DataFrame, temperature: float, lambda_: float) -> bool:
    """Whether the best point lies at an end of those tried; λ = 1 is none, as there is nothing beyond."""
    temperatures = table[lambda_].dropna().index
    lambdas = table.loc[temperature].dropna().index
    return temperature in (min(temperatures), max(temperatures)) or (
        lambda_ in (min(lambdas), max(lambdas)) and lambda_ != 1
    )
