"""Table and figure of hinton-mnist."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.hinton.claims_shared import ALONE, DISTILLED, TEACHER, figure
from experiments.hinton.drawing import BLUE, ERRORS, ORANGE, PAPERS, as_published, costs, draw_costs, protocol
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, grow_limits, pairs, panels, setting_caption
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

PUBLISHED = {
    "original": (
        "teacher 1200-1200 dropout and jitter",
        "student 800-800 no regularisation",
        "student 800-800 distilled T=20",
    ),
    "reproduction": (
        "teacher 1200-1200",
        "student 800-800 without distillation",
        "student 800-800 distilled T=20 hard weight 0.3",
    ),
}


def table_1_figures(results: Results) -> dict[str, Figure]:
    """Errors of teacher, student alone and distilled student, seeds joined; what changes of its recipe cost."""
    rows, name = results.rows, protocol(results)
    groups = {"teacher": TEACHER, "student alone": ALONE, "student distilled": DISTILLED}
    rows_by_group = {label: group.rows(rows) for label, group in groups.items()}
    if missing := [label for label, own in rows_by_group.items() if own.empty]:
        raise NotRun(f"no rows of {missing[0]}")
    means = {label: own.test_errors.mean() for label, own in rows_by_group.items()}
    title = (
        f"Distilled, the student makes {means['student distilled']:.0f} test errors instead of "
        f"{means['student alone']:.0f}; its teacher makes {means['teacher']:.0f}"
    )
    changes = costs(rows)
    size = (5.2, 3.9) if changes else (8, 3.9)
    figure_, axes = panels(1 + bool(changes), title=title, caption=setting_caption(results, rows), size=size)
    masks = {label: rows.index.isin(own.index) for label, own in rows_by_group.items()}
    pairs(axes[0], rows, masks, ERRORS, colours=(GREY, ORANGE, BLUE))
    mark_published(axes[0], [figure(setting) for setting in PUBLISHED[name]], PAPERS[name])
    axes[0].set_ylabel(f"test errors of {rows.test_size.iloc[0]:,}")
    if changes:
        draw_costs(axes[1], changes, rows, "the distilled student’s recipe")
    return {f"hinton-mnist-{name}": figure_}


def mark_published(axes: Axes, values: list[float], paper: str) -> None:
    """Draw published levels as short lines beside the groups, and say whose they are."""
    grow_limits(axes, np.array(values))
    for place, value in enumerate(values):
        axes.plot([place - 0.3, place - 0.08], [value, value], color="black", linewidth=1.4)
        axes.annotate(f"{value:g}", (place - 0.3, value), (0, 3), textcoords="offset points", fontsize=7)
    axes.annotate(f"black lines: {paper}", (0.99, 0.97), xycoords="axes fraction", fontsize=8, ha="right", va="top")


MNIST = ExperimentReport(
    Summary(
        by=("protocol", "series"),
        measure=ERRORS,
        labels={"series": "network"},
        values={"labels alone": "student alone", "distilled": "student distilled"},
        more=("validation_accuracy",),
        published=as_published(
            {
                (name, series): setting
                for name, settings in PUBLISHED.items()
                for series, setting in zip(("teacher", "labels alone", "distilled"), settings, strict=True)
            },
            "protocol",
            "series",
        ),
    ),
    table_1_figures,
)
