"""What stored views of each image cost and give, against a live teacher."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.offline.claims import stored
from experiments.offline.drawing import COLOUR
from kdsuite.report.figures import COLOURS, GREY, bar, grow_limits, log_ticks, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.measures import signed
from kdsuite.report.rows import Results

LIVE = COLOURS[4]
FRESH = "live, fresh views"


def views_figures(results: Results) -> dict[str, Figure]:
    """Accuracy by views, and the seconds of a student's training and of the teacher's passes."""
    rows = results.rows[results.rows.role == "student"]
    stored = rows[rows.series.str.startswith("responses")]
    if stored.views.nunique() < 2 or FRESH not in set(rows.series):
        return {}
    accuracy = 100 * stored.groupby("views").test_accuracy.mean()
    few, many = accuracy.index.min(), accuracy.index.max()
    seconds = rows.groupby("series").train_seconds.mean()
    fresh = 100 * rows[rows.series == FRESH].test_accuracy.mean() - accuracy[many]
    slower = seconds[FRESH] / stored[stored.views == many].train_seconds.mean()
    title = (
        f"From {few:g} to {many:g} stored views an image, students rise by {signed(accuracy[many] - accuracy[few], 1)} "
        f"points; fresh ones of a live teacher give {signed(fresh, 1)} more and take {slower:.1f} times as long"
    )
    caption = (
        f"{setting_caption(results, rows)}; {rows.params.iloc[0]:,} parameters, teacher "
        f"{rows.teacher_params.max():,.0f}; {rows.views.max():g} views: fresh ones"
    )
    figure, (left, right) = panels(2, title=title, caption=caption, size=(5.6, 3.9))
    draw_accuracy(left, rows)
    draw_seconds(right, seconds, results.table("passes").set_index("views_drawn").pass_seconds)
    return {"offline-views": figure}


def draw_accuracy(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw test accuracy by number of views: stored ones as a line, labels and the live teacher as points."""
    lines = {
        "responses": (rows.series.str.startswith("responses"), COLOUR["responses"], "-"),
        "live teacher": (rows.series.str.startswith("live"), LIVE, "--"),
        "labels alone": (rows.series == "labels alone", COLOUR["labels alone"], ""),
    }
    for label, (mask, colour, style) in lines.items():
        by_views = 100 * rows[mask].pivot_table(index="views", columns="seed", values="test_accuracy")
        axes.plot(by_views.index, by_views, ".", color=colour, alpha=0.4, markersize=4)
        axes.plot(by_views.index, by_views.mean(axis=1), style, color=colour, linewidth=1.4)
        axes.plot([], [], "o", linestyle=style, color=colour, label=label)
        found = {views: mean_interval(values.dropna()) for views, values in by_views.iterrows()}
        grow_limits(axes, by_views.to_numpy().ravel(), list(found.values()))
        for views, interval in found.items():
            bar(axes, views, interval, colour)
    log_ticks(axes, rows.views.unique())
    axes.legend(frameon=False, fontsize=8)
    axes.set(xlabel="views an image", ylabel="test accuracy (%)")


def draw_seconds(axes: Axes, training: pd.Series, passes: pd.Series) -> None:
    """Draw a bar a signal: seconds of training, and of the teacher's pass that comes before it once.

    Args:
        axes: to draw on.
        training: seconds by series, mean over seeds.
        passes: seconds of the teacher's pass by number of views.
    """
    by_series = {stored(views).label: value for views, value in passes.items()}
    names = [name for name in ("labels alone", *by_series, "live", FRESH) if name in training]
    places = range(len(names))
    axes.barh(places, [training[name] for name in names], color=GREY, label="training of one student")
    axes.barh(places, [by_series.get(name, 0) for name in names], left=[training[name] for name in names],
              color=COLOURS[5], label="the teacher’s pass, once for all students")  # fmt: skip
    for place, name in zip(places, names, strict=True):
        own = by_series.get(name, 0)
        text = f"{training[name]:.0f}" + (f" + {own:.0f}" if own else "")
        axes.annotate(text, (training[name] + own, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.grid(axis="y", visible=False)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.4, 1.14), ncols=2)
    axes.set_xlabel("seconds")
