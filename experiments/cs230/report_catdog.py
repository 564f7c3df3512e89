"""Table and figures of study 1's students that lost layers, on Dogs vs. Cats."""

import numpy as np
from matplotlib.figure import Figure

from experiments.cs230.claims_catdog import RANDOM, ZERO_DENSITY, cut
from experiments.cs230.drawing import (
    BLUE,
    GAIN,
    GREEN,
    ORANGE,
    POINT,
    SERIES,
    Line,
    by_series,
    caption_of,
    draw_differences,
    draw_lines,
    gain,
    layers,
    rows_of,
    samples,
    tally,
)
from experiments.cs230.report_sweeps import candidates_figure, epochs_figure, lambda_figure, temperature_figure
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, panels
from kdsuite.report.publish import ExperimentReport, drawn
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

MILLION = 1e6
# A student that costs so much more than its teacher lost a stride, not merely a layer.
DEARER = 1.02


def layer_figures(results: Results) -> dict[str, Figure]:
    """Figures 5 to 8, the λ-sweep, what recalibration is worth, and the zero densities; those that have rows."""
    figures = {
        "catdog-candidates": candidates_figure,
        "catdog-figure-5": parameters_figure,
        "catdog-figure-6": random_figure,
        "catdog-figure-7": epochs_figure,
        "catdog-figure-8": zero_density_figure,
        "catdog-lambda": lambda_figure,
        "catdog-temperature": temperature_figure,
        "catdog-recalibration": recalibration_figure,
        "catdog-zero-density": density_figure,
    }
    suffix = results.experiment.replace("catdog-mobilenet", "").replace("catdog", "")
    return drawn({name + suffix: draw for name, draw in figures.items()}, results)


def parameters_figure(results: Results) -> Figure:
    """Figure 5: accuracy against parameters, plain and distilled student of a cut joined, and their differences."""
    rows = rows_of(results, cut("at random", **RANDOM))
    pairs = rows.pivot(
        index=["seed", "units_removed"], columns="series", values=["test_accuracy", "params", "macs_share"]
    )
    pairs = pairs.dropna()
    if pairs.empty or pairs.columns.get_level_values("series").nunique() < 2:
        raise NotRun("no distilled student at random beside one of labels alone")
    params = pairs["params"]["distilled"] / MILLION
    accuracy = 100 * pairs["test_accuracy"]
    gains = accuracy["distilled"] - accuracy["labels alone"]
    ahead = gain(sweep="layers", **RANDOM).sample({results.experiment: results}, results.experiment)
    title = (
        f"Figure 5: at equal parameters distillation adds {ahead.measure.difference(ahead.interval)} to students that "
        "lost random layers"
    )
    marks = f"dots are students, grey: ± {100 * POINT:g} point"
    figure, (left, right) = panels(2, title=title, caption=caption_of(results, rows, marks))
    for place, (_, own) in zip(params, accuracy.iterrows(), strict=True):
        left.plot([place, place], [own["labels alone"], own["distilled"]], color=GREY, linewidth=0.8, zorder=1)
    dear = (pairs["macs_share"]["distilled"] > DEARER).to_numpy()
    for name, colour in SERIES.items():
        left.plot(params[~dear], accuracy[name][~dear], "o", color=colour, markersize=5, label=name)
        left.plot(params[dear], accuracy[name][dear], "o", color=colour, markersize=5, fillstyle="none")
    left.axhline(100 * _teacher(results), color=GREY, linewidth=0.8, linestyle="--")
    left.annotate("teacher", (params.max(), 100 * _teacher(results)), (0, 3), textcoords="offset points", ha="right",
                  fontsize=8, color=GREY)  # fmt: skip
    left.legend(loc="upper left", bbox_to_anchor=(0, 0.95), edgecolor="none", framealpha=1, fontsize=8,
                title_fontsize=7, title="hollow: dearer than the teacher")  # fmt: skip
    left.set(xlabel="parameters (millions)", ylabel="test accuracy (%)")
    right.axhspan(-100 * POINT, 100 * POINT, color="#E8E8E8", zorder=0)
    right.axhline(0, color=GREY, linewidth=0.8)
    right.plot(params, gains, "o", color=GREEN, markersize=5)
    right.set(xlabel="parameters (millions)", ylabel=f"{GAIN} (points)")
    return figure


def random_figure(results: Results) -> Figure:
    """Figure 6: accuracy against layers removed at random."""
    return _removed_figure(results, "Figure 6, layers removed at random", RANDOM)


def zero_density_figure(results: Results) -> Figure:
    """Figure 8: accuracy against layers removed by zero density."""
    return _removed_figure(results, "Figure 8, layers removed by zero density", ZERO_DENSITY)


def _removed_figure(results: Results, what: str, way: dict) -> Figure:
    """Accuracy against layers removed, with the multiply-adds that are left below each number, and differences."""
    rows = rows_of(results, cut(**way))
    counts = sorted(rows.units_removed.unique())
    found = samples(results, {layers(count): gain(sweep="layers", units_removed=count, **way) for count in counts})
    title = f"{what}: distilled students' accuracy {tally(found)}"
    figure, (left, right) = panels(2, title=title, caption=caption_of(results, rows))
    draw_lines(left, by_series(rows), "units_removed", xlabel="layers removed; below: multiply-adds, the teacher's = 1")
    shares = rows.groupby("units_removed").macs_share
    labels = [_share(shares.min()[count], shares.max()[count]) for count in counts]
    left.set_xticks(counts, [f"{count:g}\n{label}" for count, label in zip(counts, labels, strict=True)], fontsize=8)
    draw_differences(right, found, what=GAIN)
    return figure


def recalibration_figure(results: Results) -> Figure:
    """Accuracy with batch-norm statistics as training left them and recalibrated, by layers removed."""
    students = rows_of(results, cut("students"))
    gained = 100 * (students.test_accuracy - students.test_accuracy_stale_batch_norm).mean()
    ways = {"by zero density": ZERO_DENSITY, "at random": RANDOM}
    title = f"Recalibrated batch-norm statistics add {gained:.0f} points"
    figure, axes = panels(2, title=title, caption=caption_of(results, students))
    for panel, (way, conditions) in zip(axes, ways.items(), strict=True):
        rows = cut(**conditions).rows(students)
        if rows.empty:
            panel.set_axis_off()
            continue
        lines = [
            Line("recalibrated", rows, BLUE),
            Line("as left", rows, ORANGE, "test_accuracy_stale_batch_norm"),
        ]
        draw_lines(panel, lines, "units_removed", xlabel=f"layers removed {way}", ylabel="test accuracy (%)")
        panel.set_xticks(sorted(rows.units_removed.unique()))
    low, high = (pick(axis.get_ylim()[end] for axis in axes if axis.axison) for end, pick in ((0, min), (1, max)))
    for panel in axes:
        panel.set_ylim(low, high)
    return figure


def density_figure(results: Results) -> Figure:
    """Zero density of each unit by threshold; numbers say in which order units go."""
    table = results.table("zero_density")
    densities = table.pivot(index="threshold", columns="place", values="zero_density")
    names = table.drop_duplicates("place").sort_values("place").unit
    firsts = [names.iloc[densities.loc[threshold].to_numpy().argmax()] for threshold in densities.index]
    changes = len(set(firsts))
    title = (
        f"Which layer is densest in zeros depends on what counts as zero: {changes} lead at {len(firsts)} thresholds"
    )
    caption = "share of a layer's weights with |w| below the threshold; 1 goes first"
    figure, (axes,) = panels(1, title=title, caption=caption, size=(11, 3.2))
    image = axes.imshow(densities, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    for line, (_, own) in enumerate(densities.iterrows()):
        order = np.argsort(-own.to_numpy(), kind="stable")[:8]
        for rank, place in enumerate(order, start=1):
            colour = "white" if own.iloc[place] > 0.5 else "black"
            axes.text(place, line, str(rank), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(densities)), [f"{threshold:g}" for threshold in densities.index])
    axes.set_ylabel("threshold")
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="zero density", pad=0.01)
    return figure


def _teacher(results: Results) -> float:
    return results.rows[results.rows.role == "teacher"].test_accuracy.mean()


def _share(low: float, high: float) -> str:
    return f"{low:.2f}" if high - low < 0.01 else f"{low:.2f}–\n{high:.2f}"


LAYERS = ExperimentReport(
    Summary(
        by=("sweep", "prune_method", "units_removed", "lambda"),
        labels={
            "sweep": "varied",
            "prune_method": "removed by",
            "units_removed": "layers",
            "lambda": "λ",
            "test accuracy stale batch norm": "stale",
            "macs share": "MACs",
        },
        values={
            "zero_density": "zero density",
            "weights": "random weights",
            "epochs": "more epochs",
            "lambda": "λ",
            "temperature": "T",
        },
        more=("test_accuracy_stale_batch_norm", "macs_share"),
        order=("sweep", "prune_method", "units_removed", "lambda"),
    ),
    layer_figures,
)
NARROW = ExperimentReport(LAYERS.summary, layer_figures)
