"""Table and figures of study 1's students that lost channels, on Dogs vs. Cats."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.cs230.claims_catdog import LAYERS, cut
from experiments.cs230.claims_channels import NAMES, students
from experiments.cs230.drawing import BLUE, GREEN, ORANGE, PINK, draw_differences, samples, tally
from kdsuite.report.comparisons import Difference
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, bar, end_labels, grow_limits, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results, read
from kdsuite.report.tables import Summary

COLOURS = {"l1": BLUE, "apoz": ORANGE, "taylor": PINK, "random": GREEN}
COSTS = {"params": "parameters (millions)", "macs": "multiply-adds (millions)"}
MILLION = 1e6


def channel_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against cost by criterion, what a criterion and what distillation add, and the speed on this CPU."""
    return {
        "catdog-channels": cost_figure(results),
        "catdog-channels-differences": differences_figure(results),
        "catdog-channels-speed": speed_figure(results),
    }


def layer_students(results: Results) -> pd.DataFrame:
    """Students that lost layers by zero density, if their rows are beside these."""
    try:
        return cut(prune_method="zero_density").rows(read(LAYERS, results.folder.parent.parent).rows)
    except NotRun:
        return results.rows.iloc[:0]


def cost_figure(results: Results) -> Figure:
    """Test accuracy against parameters and against multiply-adds: a line a criterion, layers removed beside them.

    Plain and distilled students of a seed are one dot, their mean: what distillation adds has a figure of its own.
    """
    rows, layers = students().rows(results.rows), layer_students(results)
    fewest = rows[rows.keep == rows.keep.min()].groupby("prune_method")[["test_accuracy", "macs_share"]].mean()
    best = fewest.test_accuracy.idxmax()
    title = (
        f"At {rows.keep.min():.0%} of the parameters {NAMES[best]} leaves the most accurate students, with "
        f"{fewest.macs_share[best]:.0%} of the multiply-adds"
    )
    figure, axes = panels(2, title=title, caption=setting_caption(results, rows), size=(5.6, 4.2))
    teacher = results.rows[results.rows.role == "teacher"]
    groups = {NAMES[name]: (own, "keep", COLOURS[name]) for name, own in rows.groupby("prune_method", sort=False)}
    if len(layers):
        groups["layers removed"] = (layers, "units_removed", GREY)
    for panel, (cost, label) in zip(axes, COSTS.items(), strict=True):
        tables = {
            name: own.groupby([by, "seed"])[[cost, "test_accuracy"]].mean() for name, (own, by, _) in groups.items()
        }
        accuracies = pd.concat([100 * table.test_accuracy for table in tables.values()])
        found = [mean_interval(own) for _, own in accuracies.groupby(accuracies.index.get_level_values(0))]
        grow_limits(panel, np.append(accuracies, 100 * teacher.test_accuracy), found)
        ends = {name: _line(panel, table, cost, groups[name][2]) for name, table in tables.items()}
        panel.plot(teacher[cost] / MILLION, 100 * teacher.test_accuracy, "*", color="black", markersize=11)
        panel.annotate("teacher", (teacher[cost].iloc[0] / MILLION, 100 * teacher.test_accuracy.iloc[0]), (-6, -12),
                       textcoords="offset points", fontsize=8, ha="right")  # fmt: skip
        left = -0.25 * teacher[cost].iloc[0] / MILLION
        panel.set_xlim(left=left)
        panel.set_xticks([tick for tick in panel.get_xticks() if tick >= 0 and tick <= panel.get_xlim()[1]])
        panel.set_xlabel(label)
        end_labels(panel, {name: (left, *end) for name, end in ends.items()}, size=8)
    axes[0].set_ylabel("test accuracy (%)")
    return figure


def _line(axes: Axes, dots: pd.DataFrame, cost: str, colour: str) -> tuple[float, str]:
    """Draws seeds as dots and their means as a line; gives the height of the cheapest point, and the colour."""
    axes.plot(dots[cost] / MILLION, 100 * dots.test_accuracy, ".", color=colour, alpha=0.5, markersize=4)
    points = dots.groupby(level=0).mean().sort_values(cost)
    axes.plot(points[cost] / MILLION, 100 * points.test_accuracy, color=colour, linewidth=1.4)
    for value, point in points.iterrows():
        bar(axes, point[cost] / MILLION, mean_interval(100 * dots.test_accuracy[value]), colour)
    return 100 * points.test_accuracy.iloc[0], colour


def differences_figure(results: Results) -> Figure:
    """What each criterion adds to chance, and what distillation adds to labels alone, by share of parameters kept."""
    rows = students().rows(results.rows)
    shares = sorted(rows.keep.unique(), reverse=True)
    criteria = [name for name in NAMES if name != "random" and (rows.prune_method == name).any()]
    over_chance = samples(
        results,
        {
            f"{NAMES[criterion]}, {share:.0%}": Difference(
                "test_accuracy",
                students(prune_method=criterion, keep=share),
                students(prune_method="random", keep=share),
            )
            for criterion in criteria
            for share in shares
        },
    )
    distilled = samples(
        results,
        {
            f"{share:.0%} kept": Difference(
                "test_accuracy", students(keep=share, method="kd"), students(keep=share, method="plain")
            )
            for share in shares
        },
    )
    title = f"Channels by a criterion instead of chance: accuracy {tally(over_chance)}"
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results, rows), size=(5.6, 4.2))
    right.set_title(f"distilled: accuracy {tally(distilled)}", fontsize=9, loc="left", pad=14)
    draw_differences(left, over_chance, what="criterion − chance", colour=BLUE)
    draw_differences(right, distilled, what="distilled − labels alone")
    return figure


def speed_figure(results: Results) -> Figure:
    """Measured speed-up of each pruned network against the saving in multiply-adds."""
    rows = students().rows(results.rows)
    efficiency = mean_interval((rows.speed_up * rows.macs_share).groupby(rows.seed).mean())
    title = f"A forward pass gains {100 * efficiency.mean:.0f}% of what the saved multiply-adds promise"
    caption = f"{setting_caption(results, rows).split(';')[0]}; 32 images, both networks timed in turns on the CPU"
    figure, (axes,) = panels(1, title=title, caption=caption, size=(6.4, 4.2))
    ends = {}
    for criterion, own in rows.groupby("prune_method", sort=False):
        axes.plot(1 / own.macs_share, own.speed_up, ".", color=COLOURS[criterion], alpha=0.7)
        dearest = own.loc[own.macs_share.idxmin()]
        ends[NAMES[criterion]] = (1 / dearest.macs_share, dearest.speed_up, COLOURS[criterion])
    most = (1 / rows.macs_share).max()
    axes.plot([1, most], [1, most], color=GREY, linewidth=0.8, linestyle="--")
    axes.annotate("in proportion", (most, most), (-4, -2), textcoords="offset points", fontsize=8, color=GREY,
                  ha="right")  # fmt: skip
    axes.margins(x=0.15)
    axes.set(xlabel="multiply-adds of the teacher / of the student", ylabel="measured speed-up")
    end_labels(axes, ends)
    return figure


CHANNELS = ExperimentReport(
    Summary(
        by=("keep", "prune_method", "series"),
        labels={
            "keep": "kept",
            "prune_method": "channels by",
            "series": "network",
            "macs share": "MACs",
            "speed up": "speed-up",
        },
        values=NAMES,
        more=("macs_share", "speed_up"),
    ),
    channel_figures,
)
