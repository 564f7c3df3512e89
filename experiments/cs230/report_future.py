"""Tables and figures of study 1's orders, hints and numbers of images, on Dogs vs. Cats."""

import pandas as pd
from matplotlib.figure import Figure

from experiments.cs230.claims_future import DEPTHS, ORDER_NAMES, by_order, hinted
from experiments.cs230.drawing import (
    BLUE,
    GAIN,
    ORANGE,
    Line,
    by_series,
    caption_of,
    draw_differences,
    draw_lines,
    gain,
    layers,
    samples,
    tally,
)
from kdsuite.report.comparisons import Difference
from kdsuite.report.figures import COLOURS, GREY, bar, end_labels, grow_limits, panels
from kdsuite.report.groups import EMPTY
from kdsuite.report.intervals import mean_interval
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

ORDER_COLOURS = dict(zip(ORDER_NAMES, (COLOURS[0], GREY, COLOURS[4], COLOURS[1], COLOURS[2]), strict=True))


def order_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against multiply-adds, a line an order, and each order's difference to zero density."""
    rows = results.rows[results.rows.role == "student"]
    orders = [order for order in ORDER_NAMES if (rows.prune_method == order).any()]
    shares = sorted(rows.keep.unique(), reverse=True)
    found = samples(
        results,
        {
            f"{ORDER_NAMES[order]}, {share:.0%}": Difference(
                "test_accuracy", by_order(order, keep=share), by_order("zero_density", keep=share)
            )
            for order in orders
            if order != "zero_density"
            for share in shares
        },
    )
    title = f"At equal multiply-adds, against layers by zero density: accuracy {tally(found)}" if found else "Orders"
    figure, (left, right) = panels(2, title=title, caption=caption_of(results, rows), size=(6, 4.2))
    grow_limits(left, 100 * rows.test_accuracy.to_numpy())
    ends = {}
    for order in orders:
        own, colour = rows[rows.prune_method == order], ORDER_COLOURS[order]
        left.plot(own.macs_share, 100 * own.test_accuracy, ".", color=colour, alpha=0.5, markersize=4)
        means = own.groupby("keep")[["macs_share", "test_accuracy"]].mean()
        left.plot(means.macs_share, 100 * means.test_accuracy, color=colour, linewidth=1.4)
        for share, point in means.iterrows():
            bar(left, point.macs_share, mean_interval(100 * own[own.keep == share].test_accuracy), colour)
        ends[ORDER_NAMES[order]] = (means.macs_share.max(), 100 * means.test_accuracy.iloc[-1], colour)
    left.margins(x=0.3)
    left.set(xlabel="multiply-adds, the teacher's = 1", ylabel="test accuracy (%)")
    end_labels(left, ends, size=8)
    draw_differences(right, found, what="test accuracy − that by zero density", colour=BLUE)
    right.tick_params(axis="y", labelsize=8)
    return {"catdog-orders": figure}


def hint_figures(results: Results) -> dict[str, Figure]:
    """Accuracy by the depth of a hint, and its difference to no hint; a pair of panels a start."""
    rows = results.rows[results.rows.role == "student"].fillna({"hint": "none"})
    depths = [layer for layer in DEPTHS if (rows.hint == layer).any()]
    places = {"none": 0} | {layer: place for place, layer in enumerate(depths, start=1)}
    rows = rows.assign(depth=rows.hint.map(places))
    starts = [start for start in ("random", "piped") if (rows.weights == start).any()]
    by_start = {
        start: samples(
            results,
            {
                DEPTHS[layer]: Difference(
                    "test_accuracy",
                    hinted("", weights=start, hint=layer),
                    hinted("", weights=start, hint=EMPTY),
                )
                for layer in depths
            },
        )
        for start in starts
    }
    title = "With a hint, accuracy " + "; ".join(
        f"{tally(found)} ({start} weights)" for start, found in by_start.items()
    )
    weights = rows.get("hint_weight", pd.Series(dtype=float)).dropna().unique()
    weight = ", ".join(f"{value:g}" for value in sorted(weights))
    caption = caption_of(results, rows) + (f"; β = {weight}" if weight else "")
    figure, axes = panels(2 * len(starts), title=title, caption=caption)
    for start, left, right in zip(starts, axes[::2], axes[1::2], strict=True):
        own = rows[rows.weights == start]
        colour = ORANGE if start == "random" else BLUE
        draw_lines(left, [Line("", own, colour)], "depth", xlabel=f"hint at; student starts from {start} weights")
        names = [DEPTHS[layer].removeprefix("the ").replace(" ", "\n") for layer in depths]
        left.set_xticks(list(places.values()), ["no hint", *names], fontsize=8)
        draw_differences(right, by_start[start], what="hint − no hint", colour=colour)
    return {"catdog-hints": figure}


def image_figures(results: Results) -> dict[str, Figure]:
    """Accuracy against the number of training images, and what distillation adds; a pair of panels a cut."""
    rows = results.rows[results.rows.role == "student"]
    counts, sizes = sorted(rows.units_removed.unique()), sorted(rows.train_size.unique())
    by_count = {
        count: samples(
            results,
            {f"{size:,} images": gain(sweep="images", units_removed=count, train_size=size) for size in sizes},
        )
        for count in counts
    }
    title = "Distilled students' accuracy " + "; ".join(
        f"{tally(found)} ({layers(count)} less)" for count, found in by_count.items()
    )
    figure, axes = panels(2 * len(counts), title=title, caption=caption_of(results, rows))
    for count, left, right in zip(counts, axes[::2], axes[1::2], strict=True):
        own = rows[rows.units_removed == count]
        draw_lines(left, by_series(own), "train_size", xlabel="training images", log=True)
        left.set_title(f"{layers(count)} less, by zero density", fontsize=9, loc="left")
        draw_differences(right, by_count[count], what=GAIN)
    return {"catdog-images": figure}


ORDERS = ExperimentReport(
    Summary(
        by=("keep", "prune_method"),
        labels={
            "keep": "share",
            "prune_method": "order",
            "macs share": "MACs",
            "test accuracy stale batch norm": "stale",
        },
        values=ORDER_NAMES,
        more=("macs_share", "params"),
    ),
    order_figures,
)
HINTS = ExperimentReport(
    Summary(by=("weights", "hint"), values=DEPTHS, labels={"hint": "hint at"}, more=("validation_accuracy",)),
    hint_figures,
)
IMAGES = ExperimentReport(
    Summary(
        by=("units_removed", "train_size", "series"),
        labels={"units_removed": "layers", "train_size": "images", "series": "network"},
        more=("validation_accuracy",),
    ),
    image_figures,
)
