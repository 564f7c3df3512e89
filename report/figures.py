"""Figures that say what the verdicts say: seeds as dots joined in pairs, differences against ± δ, labels at line ends.

A study draws on the axes of `panels`, whose title states the finding and whose caption the setting:

    figure, (left, right) = panels(2, title=…, caption=setting_caption(results))
    levels(left, rows, "lambda", "test_accuracy", log=False)
    differences(right, {"λ = 0.1": interval, …}, measure_of("test_accuracy"), matters=0.002)
    save(figure, folder / "mnist-lambda-sweep")
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdsuite.report.errors import NotRun
from kdsuite.report.intervals import Interval, mean_interval
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results

# Okabe and Ito's palette, which colour-blind readers tell apart; yellow is left out, as it is pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY, BAND = "#767676", "#E8E8E8"
MARGIN = 0.08
LABEL_GAP = 1.15
# Share of an axis within which two labels of ticks would touch.
NEAR_TICKS = 0.08
CHARACTERS_PER_INCH, CAPTION_CHARACTERS_PER_INCH = 9, 14
# Matplotlib axes carry what was drawn on them under this attribute.
DRAWN_VALUES = "_kdsuite_values"
# The interval of two seeds may be twenty times as wide as the differences: axes grow by so much for it, not more.
INTERVALS_REACH = 3


def panels(
    count: int = 1,
    *,
    title: str,
    caption: str = "",
    size: tuple[float, float] = (5.2, 3.9),
    share: bool = False,
    columns: int = 2,
) -> tuple[Figure, list[Axes]]:
    """A figure of panels, with the finding above and the setting below.

    Args:
        count: number of panels.
        title: the finding, as a sentence.
        caption: images, epochs and seeds; see `setting_caption`.
        size: of one panel, in inches.
        share: whether all panels have the same scales.
        columns: panels beside each other at most.

    Raises:
        NotRun: there are no panels.
    """
    if not count:
        raise NotRun("no rows to draw")
    columns = min(count, columns)
    lines = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * lines + 0.5), layout="constrained")
    grid = figure.subplots(lines, columns, sharex=share, sharey=share, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.remove()
    for axes in grid[:count]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    wrapped = textwrap.fill(title, int(CHARACTERS_PER_INCH * size[0] * columns))
    figure.suptitle(wrapped, x=0.01, ha="left", fontsize=12, fontweight="bold")
    if caption:
        wrapped = textwrap.fill(caption, int(CAPTION_CHARACTERS_PER_INCH * size[0] * columns))
        figure.supxlabel(wrapped, x=0.01, ha="left", fontsize=8, color=GREY)
    return figure, list(grid[:count])


SEEDS_AND_INTERVALS = "dots are seeds, bars 95% intervals"


def setting_caption(results: Results, rows: pd.DataFrame | None = None, marks: str = SEEDS_AND_INTERVALS) -> str:
    """Data set, training images, epochs and seeds behind a figure: "MNIST, 55,000 training images, 5 epochs, 3 seeds".

    "Up to 3 seeds" where some points have fewer than others; "5 epochs (teacher 12)" where a teacher that is drawn has
    others than its students.

    Args:
        results: whose setting it is.
        rows: those that are drawn; by default all but teachers.
        marks: what dots, bars and lines are, said last; empty to say nothing.

    Raises:
        NotRun: there are no rows.
    """
    drawn = results.rows if rows is None else rows
    teachers = drawn.role == "teacher" if "role" in drawn else pd.Series(False, index=drawn.index)
    teacher_epochs = set() if rows is None else set(rows.epochs[teachers].dropna().astype(int))
    drawn = drawn if teachers.all() else drawn[~teachers]
    if drawn.empty:
        raise NotRun("no rows to draw")
    names = {"mnist": "MNIST", "cifar10": "CIFAR-10", "cats_vs_dogs": "Dogs vs. Cats"}
    dataset: str = drawn.dataset.iloc[0]
    parts = [names.get(dataset, dataset)]
    for column, unit in (("train_size", "training images"), ("epochs", "epochs")):
        parts.append(f"{span(drawn[column])} {unit[:-1] if drawn[column].max() == 1 else unit}")
    if others := sorted(teacher_epochs - set(drawn.epochs)):
        parts[-1] += f" (teacher {' or '.join(f'{number:,}' for number in others)})"
    rows_of_seeds = drawn.seed.value_counts()
    seeds = len(rows_of_seeds)
    parts.append(f"{'up to ' * (rows_of_seeds.nunique() > 1)}{seeds} seed{'s' * (seeds > 1)}")
    return "; ".join(filter(None, (", ".join(parts), marks)))


def span(numbers: pd.Series) -> str:
    """The least and the most of whole numbers, or what both are: "11,139 to 49,380"; "" of none."""
    return " to ".join(f"{number:,.0f}" for number in sorted({numbers.min(), numbers.max()})) if len(numbers) else ""


def of_whole_seeds(rows: pd.DataFrame, x: str, by: str = "seed") -> pd.DataFrame:
    """Rows of the seeds that have every value of column `x`: means over different seeds do not compare.

    All rows where no seed has every value.
    """
    whole = rows.groupby(by)[x].nunique() == rows[x].nunique()
    return rows[rows[by].map(whole)] if whole.any() else rows


def levels(
    axes: Axes,
    rows: pd.DataFrame,
    x: str,
    measure: str | Measure = "test_accuracy",
    *,
    colour: str = COLOURS[0],
    label: str = "",
    by: str = "seed",
    log: bool = False,
) -> None:
    """Draw a measure against a column: a thin line a seed, the mean with its 95% interval, a label at the line's end.

    Args:
        axes: to draw on; its vertical limits grow to hold all seeds, and intervals beyond them are cut with an arrow.
        rows: of one line.
        x: column of the horizontal axis.
        measure: what is drawn.
        colour: of the line.
        label: at its right end.
        by: column of seeds.
        log: logarithmic horizontal axis whose ticks are the values of `x`.
    """
    measure = measure_of(measure)
    values = (measure.scale * measure.of(rows)).groupby([rows[by], rows[x]]).mean().unstack(by).sort_index()
    axes.plot(values.index, values, color=colour, alpha=0.35, linewidth=0.7, marker=".", markersize=4)
    means = values.mean(axis=1)
    axes.plot(means.index, means, color=colour, linewidth=1.6)
    found = {place: mean_interval(line.dropna()) for place, line in values.iterrows()}
    grow_limits(axes, values.to_numpy(), list(found.values()), measure.limits)
    for place, interval in found.items():
        bar(axes, place, interval, colour)
    if log:
        log_ticks(axes, values.index)
    if label:
        axes.annotate(label, (means.index[-1], means.iloc[-1]), (5, 0), textcoords="offset points", color=colour,
                      va="center", fontsize=9)  # fmt: skip
        axes.margins(x=0.12)


def pairs(
    axes: Axes,
    rows: pd.DataFrame,
    groups: Mapping[str, pd.Series],
    measure: str | Measure = "test_accuracy",
    *,
    by: str = "seed",
    colours: Sequence[str] = COLOURS,
) -> None:
    """Draw groups beside each other: a dot a seed, dots of a seed joined, the mean with its 95% interval beside them.

    Args:
        axes: to draw on.
        rows: of all groups.
        groups: name → mask of `rows`.
        measure: what is drawn; several rows of a seed count as their mean.
        by: column of seeds.
        colours: one a group.
    """
    measure = measure_of(measure)
    values = measure.scale * measure.of(rows)
    table = pd.DataFrame({name: values[mask].groupby(rows[by]).mean() for name, mask in groups.items()})
    places = np.arange(len(groups))
    axes.plot(places, table.to_numpy().T, color=GREY, alpha=0.5, linewidth=0.7)
    by_group = [table[name].dropna() for name in groups]
    for name, own in zip(groups, by_group, strict=True):
        if own.empty:
            raise NotRun(f"no row of {name}")
    found = [mean_interval(own) for own in by_group]
    grow_limits(axes, table.to_numpy(), found, measure.limits)
    for place, (own, interval) in enumerate(zip(by_group, found, strict=True)):
        colour = colours[place % len(colours)]
        axes.plot([place] * len(own), own, ".", color=colour, markersize=7)
        bar(axes, place + 0.12, interval, colour, marker="D")
        axes.annotate(f"{own.mean():.{measure.digits}f}", (place + 0.12, own.mean()), (6, 0),
                      textcoords="offset points", color=colour, va="center", fontsize=8)  # fmt: skip
    axes.set_xticks(places, list(groups))
    axes.set_xlim(-0.4, len(groups) - 0.4)
    axes.grid(axis="x", visible=False)


def differences(
    axes: Axes,
    found: Mapping[str, Interval],
    measure: str | Measure = "test_accuracy",
    *,
    matters: float | None = None,
    values: Mapping[str, Sequence[float]] | None = None,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw differences with their 95% intervals as horizontal bars against 0 and a band of ± δ.

    Args:
        axes: to draw on.
        found: name → difference in the unit of the rows, from top to bottom.
        measure: its unit and scale.
        matters: δ in the unit of the rows.
        values: name → differences of each seed, drawn as dots.
        colours: name → colour.
    """
    measure = measure_of(measure)
    if matters is not None:
        band = measure.scale * matters
        axes.axvspan(-band, band, color=BAND, zorder=0)
        axes.annotate(f"± {measure.difference_text(matters)}", (0, 1), (0, 2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="center", fontsize=8, color=GREY)  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=0.8)
    names = list(found)
    seeds = {name: measure.scale * np.asarray((values or {}).get(name, [])) for name in names}
    inner = np.concatenate([[measure.scale * found[name].mean for name in names], *seeds.values(), [0]])
    nearest = max(np.abs(inner).max(), measure.scale * (matters or 0), 1e-12)
    ends = [abs(measure.scale * end) for name in names for end in found[name][1:] if np.isfinite(end)]
    reach = 1.1 * min(max([nearest, *ends]), INTERVALS_REACH * nearest)
    axes.set_xlim(-reach, reach)
    for place, name in enumerate(names):
        colour = (colours or {}).get(name, COLOURS[0])
        axes.plot(seeds[name], [place + 0.18] * len(seeds[name]), ".", color=colour, alpha=0.6, markersize=4)
        bar(axes, place, found[name].scaled(measure.scale), colour, horizontal=True)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.set_xlabel(f"difference ({measure.difference_unit or measure.unit})")
    axes.grid(axis="y", visible=False)


def bar(
    axes: Axes, place: float, interval: Interval, colour: str, *, marker: str = "o", horizontal: bool = False
) -> None:
    """Draw a mean with its interval, cut at the axes' present limits; an arrow head shows where it goes on."""
    mean, low, high = interval
    limits = axes.get_xlim() if horizontal else axes.get_ylim()
    order = (lambda along, across: (along, across)) if horizontal else (lambda along, across: (across, along))
    axes.plot(*order([mean], [place]), marker=marker, color=colour, markersize=5, linestyle="", zorder=4)
    if np.isnan(low):
        return
    bottom, top = min(limits), max(limits)
    ends = (max(low, bottom), min(high, top))
    axes.plot(*order(list(ends), [place, place]), color=colour, linewidth=1.4, solid_capstyle="butt", zorder=3)
    heads = ("<", ">") if horizontal else ("v", "^")
    for end, true, head in zip(ends, (low, high), heads, strict=True):
        cap = "|" if horizontal else "_"
        axes.plot(*order([end], [place]), marker=head if end != true else cap, color=colour, markersize=5,
                  clip_on=False, linestyle="", zorder=3)  # fmt: skip


def grow_limits(
    axes: Axes,
    values: np.ndarray,
    intervals: Sequence[Interval] = (),
    most: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """Make the vertical limits hold the given values, those drawn earlier, and interval ends that are not far off.

    Args:
        axes: to change.
        values: drawn, in the unit that is shown.
        intervals: drawn around them.
        most: limits that are not passed, such as 0 and 100%.
    """
    values = values[np.isfinite(values)]
    if not values.size:
        raise NotRun("no row has what is drawn")
    earlier = getattr(axes, DRAWN_VALUES, (values.min(), values.max()))
    low, high = min(earlier[0], values.min()), max(earlier[1], values.max())
    spread = high - low or abs(high) / 100 or 1
    ends = np.array([end for interval in intervals for end in interval[1:]] or [np.nan])
    ends = ends[np.isfinite(ends)].clip(low - spread, high + spread)
    low, high = min([low, *ends]), max([high, *ends])
    setattr(axes, DRAWN_VALUES, (low, high))
    room = MARGIN * (high - low or spread)
    axes.set_ylim(max(low - room, most[0]), min(high + room, most[1]))


def end_labels(
    axes: Axes, ends: Mapping[str, tuple[float, float, str]], size: float = 9, *, before: bool = False
) -> None:
    """Write names beside line ends, moved apart vertically where they would cover each other.

    Args:
        axes: with its final limits.
        ends: name → (x, y, colour), in data coordinates.
        size: of the font, in points.
        before: write them to the left of the ends.
    """
    height = axes.get_window_extent().height * 72 / axes.figure.dpi
    low, high = axes.get_ylim()
    per_point = (high - low) / height
    gap, lowest = LABEL_GAP * size * per_point, -np.inf
    for name, (x, y, colour) in sorted(ends.items(), key=lambda item: item[1][1]):
        lowest = max(y, lowest + gap)
        axes.annotate(name, (x, y), (-6 if before else 6, (lowest - y) / per_point), textcoords="offset points",
                      color=colour, ha="right" if before else "left", va="center", fontsize=size)  # fmt: skip


def log_ticks(axes: Axes, values: Sequence[float], base: float = 2) -> None:
    """Make the horizontal axis logarithmic, with the values themselves as ticks; near ones stand on two lines."""
    axes.set_xscale("log", base=base)
    ticks = sorted(set(values))
    labels: list[str] = []
    for place, tick in enumerate(ticks):
        is_near = place > 0 and np.log(tick / ticks[place - 1]) < NEAR_TICKS * np.log(ticks[-1] / ticks[0])
        labels.append(f"{tick:g}" if not is_near or labels[-1].startswith("\n") else f"\n{tick:g}")
    axes.set_xticks(ticks, labels)
    axes.minorticks_off()


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as SVG (for pages) and PNG (for the README); the same figure gives the same bytes.

    Args:
        figure: what is written.
        path: without suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = [path.with_name(f"{path.name}{suffix}") for suffix in (".svg", ".png")]
    with matplotlib.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(paths[0], metadata={"Date": None})
        figure.savefig(paths[1], dpi=150, metadata={"Software": None})
    return paths
