"""Table and figures of study 1's students that lost channels, on Dogs vs. Cats."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.cs230.claims_catdog import LAYERS, cut
from experiments.cs230.claims_channels import EFFICIENCY, NAMES, students
from experiments.cs230.drawing import BLUE, GREEN, ORANGE, PINK, draw_differences, samples, tally
from kdsuite.report.comparisons import Difference
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, bar, end_labels, grow_limits, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results, read
from kdsuite.report.tables import Summary

COLOURS = {"l1": BLUE, "apoz": ORANGE, "taylor": PINK, "random": GREEN}
IN_WORDS = {"params": "parameters", "macs": "multiply-adds"}
COSTS = {"params": "parameters (millions)", "macs": "multiply-adds (millions)"}
MILLION = 1e6


def channel_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against cost by criterion, what a criterion and what distillation add, and the speed on this CPU."""
    figures = {
        "catdog-channels": cost_figure(results),
        "catdog-channels-differences": differences_figure(results),
        "catdog-channels-speed": speed_figure(results),
    }
    if (results.folder / "channels.csv").exists():
        figures["catdog-channels-layers"] = layers_figure(results)
    return figures


def layer_students(results: Results) -> pd.DataFrame:
    """Students that lost layers by zero density, if rows of the same images and teacher are beside these."""
    nothing = results.rows.iloc[:0]
    try:
        layers = read(LAYERS, results.folder.parent.parent)
    except NotRun:
        return nothing
    if layers.apart_from(results):
        return nothing
    return cut(prune_method="zero_density").rows(layers.rows)


def cost_figure(results: Results) -> Figure:
    """Test accuracy against parameters and against multiply-adds: a line a criterion, and layers removed.

    Each panel shows the students that were kept to a share of what it measures; where none were kept to a share of
    multiply-adds, those kept to a share of parameters stand for them. Plain and distilled students of a seed are one
    dot, their mean: what distillation adds has a figure of its own.
    """
    rows, layers = students(scope="global").rows(results.rows), layer_students(results)
    target = _first_target(rows)
    least = rows[rows.target == target]
    least = least[least.keep == least.keep.min()]
    fewest = least.groupby("prune_method")[["test_accuracy", "macs_share"]].mean()
    best = fewest.test_accuracy.idxmax()
    title = (
        f"At {least.keep.min():.0%} of the {IN_WORDS[target]} {NAMES[best]} leaves the most accurate students, with "
        f"{fewest.macs_share[best]:.0%} of the multiply-adds"
    )
    figure, axes = panels(2, title=title, caption=setting_caption(results, rows), size=(5.6, 4.2))
    teacher = results.rows[results.rows.role == "teacher"]
    for panel, (cost, label) in zip(axes, COSTS.items(), strict=True):
        kept = rows[rows.target == cost] if (rows.target == cost).any() else rows
        groups = {NAMES[name]: (own, "keep", COLOURS[name]) for name, own in kept.groupby("prune_method", sort=False)}
        if len(layers):
            groups["layers removed"] = (layers, "units_removed", GREY)
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
        cheapest, dearest = min(x for x, _, _ in ends.values()), teacher[cost].iloc[0] / MILLION
        panel.set_xlim(left=cheapest - 0.4 * (dearest - cheapest))
        panel.set_xticks([tick for tick in panel.get_xticks() if max(0, cheapest * 0.9) <= tick <= panel.get_xlim()[1]])
        panel.set_xlabel(label)
        end_labels(panel, ends, size=8, before=True)
    axes[0].set_ylabel("test accuracy (%)")
    return figure


def _first_target(rows: pd.DataFrame) -> str:
    """What students were kept to a share of: "params", or "macs" where there are no such students.

    Raises:
        NotRun: there are none at all.
    """
    if rows.empty:
        raise NotRun("no students that lost the least important channels wherever they are")
    return "params" if (rows.target == "params").any() else "macs"


def _line(axes: Axes, dots: pd.DataFrame, cost: str, colour: str) -> tuple[float, float, str]:
    """Draws seeds as dots and their means as a line; gives the place of the cheapest point, and the colour."""
    axes.plot(dots[cost] / MILLION, 100 * dots.test_accuracy, ".", color=colour, alpha=0.5, markersize=4)
    points = dots.groupby(level=0).mean().sort_values(cost)
    axes.plot(points[cost] / MILLION, 100 * points.test_accuracy, color=colour, linewidth=1.4)
    for value, point in points.iterrows():
        bar(axes, point[cost] / MILLION, mean_interval(100 * dots.test_accuracy[value]), colour)
    return points[cost].iloc[0] / MILLION, 100 * points.test_accuracy.iloc[0], colour


def differences_figure(results: Results) -> Figure:
    """What each criterion adds to chance at equal cost, and what distillation adds to labels alone, by share kept."""
    rows = students().rows(results.rows)
    columns = ["scope", "target", "keep"]
    kinds = rows[columns].drop_duplicates().sort_values(columns, ascending=[True, False, False])
    criteria = [name for name in NAMES if name != "random" and (rows.prune_method == name).any()]
    over_chance = samples(
        results,
        {
            f"{NAMES[criterion]}, {_kind(kind)}": Difference(
                "test_accuracy",
                students(prune_method=criterion, **kind),
                students(prune_method="random", **kind),
            )
            for kind in kinds.to_dict("records")
            for criterion in criteria
        },
    )
    distilled = samples(
        results,
        {
            _kind(kind): Difference("test_accuracy", students(method="kd", **kind), students(method="plain", **kind))
            for kind in kinds.to_dict("records")
        },
    )
    title = f"Channels by a criterion instead of chance: accuracy {tally(over_chance)}"
    size = (5.6, max(4.2, 0.28 * len(over_chance)))
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results, rows), size=size)
    right.set_title(f"distilled: accuracy {tally(distilled)}", fontsize=9, loc="left", pad=14)
    draw_differences(left, over_chance, what="criterion − chance", colour=BLUE)
    left.tick_params(axis="y", labelsize=8)
    draw_differences(right, distilled, what="distilled − labels alone")
    return figure


def _kind(kind: dict) -> str:
    """What is kept to which share, in a few words."""
    cost = {"params": "parameters", "macs": "MACs"}[kind["target"]]
    return f"{kind['keep']:.0%} of {cost}" + (", each layer" if kind["scope"] == "layer" else "")


def layers_figure(results: Results) -> Figure:
    """Which share of its channels each layer has left, by criterion: a criterion that empties early layers fails."""
    table = results.table("channels")
    table = table[table.scope == "global"]
    target = _first_target(table)
    table = table[table.target == target]
    table = table[table.keep == table.keep.max()]
    shares = (table.left / table.had).groupby([table.prune_method, table.place]).mean().unstack("place")
    names = table.drop_duplicates("place").set_index("place").layer[shares.columns]
    emptiest = shares.min(axis=1).idxmin()
    title = (
        f"At {table.keep.max():.0%} of the {IN_WORDS[target]} {NAMES[emptiest]} leaves "
        f"{names[shares.loc[emptiest].idxmin()]} only {shares.loc[emptiest].min():.0%} of its channels"
    )
    figure, (axes,) = panels(1, title=title, caption="share of a layer's channels that is left", size=(9, 2.6))
    image = axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    for line, (_, own) in enumerate(shares.iterrows()):
        for column, share in enumerate(own):
            axes.text(column, line, f"{share:.0%}", ha="center", va="center", fontsize=8,
                      color="white" if share > 0.6 else "black")  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(shares)), [NAMES[name] for name in shares.index])
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, pad=0.01)
    return figure


def speed_figure(results: Results) -> Figure:
    """Measured speed-up of each pruned network against the saving in multiply-adds."""
    rows = students().rows(results.rows)
    efficiency = EFFICIENCY.of(rows).groupby(rows.seed).mean().mean()
    title = f"A forward pass saves {100 * efficiency:.0f}% of the time that the saved multiply-adds promise"
    caption = f"{setting_caption(results, rows, marks='')}; 32 images, both networks timed in turns on the CPU"
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
        by=("target", "keep", "scope", "prune_method", "series"),
        labels={
            "target": "kept",
            "keep": "share",
            "scope": "from",
            "prune_method": "channels by",
            "series": "network",
            "macs share": "MACs",
            "speed up": "speed-up",
        },
        values=NAMES | {"params": "parameters", "macs": "MACs", "global": "all", "layer": "each layer"},
        more=("macs_share", "speed_up"),
    ),
    channel_figures,
)
