"""Study 3's tables and figures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.iterative.claims import (
    ALONE,
    ARCHITECTURE,
    DROP,
    FAMILIES,
    MATTERS,
    ONE_SHOT,
    SHAPES,
    difference,
    lowest_accuracy,
    of_shape,
)
from kdsuite.report import ExperimentReport, Summary
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import COLOURS, GREY, differences, end_labels, levels, panels, setting_caption
from kdsuite.report.groups import above, where
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results
from kdsuite.report.samples import Sample

MIB = 2**20
MEMORY = Measure(lambda rows: rows.float32_bytes / MIB, "weights", "MiB", digits=2, higher_is_better=False)
LINES = {ALONE: COLOURS[1], ONE_SHOT: COLOURS[2], "parent-child": COLOURS[0], "ancestors-child": COLOURS[3]}
WAYS = {"blocks": "fewer blocks", "width": "narrower blocks"}


def figures(results: Results) -> dict[str, Figure]:
    """Recursion and distillation in differences; accuracy by size; the families of the first seed."""
    name, table = results.experiment, results.table(FAMILIES)
    found = {f"{name}-sizes": sizes_figure(results, table), f"{name}-families": families_figure(results, table)}
    gains = {baseline: gains_over(baseline, results) for baseline in (ONE_SHOT, ALONE)}
    return {f"{name}-gains": gains_figure(results, gains)} | found if all(gains.values()) else found


def gains_over(baseline: str, results: Results) -> dict[str, Sample]:
    """Shape → test accuracy of its networks less the baseline's, architecture by architecture.

    Against one-shot networks from generation 2 on: a child of the first parent is the one-shot network itself.
    """
    found = {}
    for shape in SHAPES:
        own = of_shape(shape, generation=above(1)) if baseline == ONE_SHOT else of_shape(shape)
        compared = difference(own, where(baseline, shape=baseline), match=ARCHITECTURE)
        try:
            found[shape] = compared.sample({results.experiment: results}, results.experiment)
        except NotRun:
            continue
    return found


def gains_figure(results: Results, gains: Mapping[str, Mapping[str, Sample]]) -> Figure:
    """Differences of each shape to one-shot networks and to networks on labels alone."""
    title = f"{verdict('Recursion', gains[ONE_SHOT])} over one-shot; {verdict('a family', gains[ALONE])} over labels"
    figure, axes = panels(2, title=title, caption=setting_caption(results), size=(5.2, 3.2))
    labels = {ONE_SHOT: "against one-shot, from generation 2 on", ALONE: "against labels alone"}
    for own, (baseline, samples) in zip(axes, gains.items(), strict=True):
        differences(
            own,
            {shape: sample.interval for shape, sample in samples.items()},
            measure_of("test_accuracy"),
            matters=MATTERS.get(results.experiment),
            values={shape: sample.values.to_numpy() for shape, sample in samples.items()},
        )
        own.set_title(labels[baseline], fontsize=10, loc="left", pad=16)
    reach = max(abs(end) for own in axes for end in own.get_xlim())
    for own in axes:
        own.set_xlim(-reach, reach)
    return figure


def verdict(subject: str, samples: Mapping[str, Sample]) -> str:
    """What the intervals of all shapes say together, for a title."""
    intervals = [sample.interval for sample in samples.values()]
    low, high = (100 * end([interval.mean for interval in intervals]) for end in (min, max))
    if all(interval.low > 0 for interval in intervals):
        return f"{subject} gains {low:.1f} to {high:.1f} points"
    above_zero = sum(interval.low > 0 for interval in intervals)
    if above_zero:
        return f"{subject} gains in {above_zero} of {len(intervals)} shapes"
    return f"{subject} shows no gain"


def sizes_figure(results: Results, table: pd.DataFrame) -> Figure:
    """Test accuracy against memory along the two ways to shrink, smaller networks to the right."""
    first = table[table.generation == 0].iloc[0]
    paths = {"blocks": table.width == first.width, "width": table.blocks == first.blocks}
    paths = {way: table[on & (table.base == first.base)] for way, on in paths.items()}
    paths = {way: on for way, on in paths.items() if on.student.nunique() > 0}
    figure, axes = panels(len(paths), title=sizes_title(table), caption=setting_caption(results))
    for own, (way, on) in zip(axes, paths.items(), strict=True):
        lines = {shape: on[on["shape"] == shape] for shape in LINES}
        lines = {shape: rows for shape, rows in lines.items() if (rows.generation != 0).any()}
        for shape, rows in lines.items():
            rows = rows.assign(mib=rows.float32_bytes / MIB)
            levels(own, rows, "mib", colour=LINES[shape], by="family")
        decades(own, on.float32_bytes / MIB)
        end_labels(own, {shape: end_of(rows) for shape, rows in lines.items()})
        own.set(xlabel="weights in float32 (MiB)", ylabel="test accuracy (%)")
        own.set_title(WAYS[way], fontsize=10, loc="left")
    return figure


def sizes_title(table: pd.DataFrame) -> str:
    """How much memory goes within `DROP` of the first parent on validation, with families and without."""
    whole = table[table.generation == 0].groupby("family").float32_bytes.first()

    def saved(shapes: Sequence[str]) -> str:
        members = table[table["shape"].isin(shapes)]
        limit = members.family.map(lowest_accuracy(members))
        works = members[members.validation_accuracy >= limit].sort_values("float32_bytes")
        smallest = works.groupby("family").first()
        share = 100 * (1 - smallest.float32_bytes / whole).mean()
        sizes = {f"{row.blocks} blocks × {row.width:g}" for row in smallest.itertuples()}
        return f"{share:.0f}%" + (f" ({sizes.pop()})" if len(sizes) == 1 else "")

    return (
        f"Within {100 * DROP:g} points of the first parent families save {saved(SHAPES)} of the memory, "
        f"labels alone {saved((ALONE,))}"
    )


def decades(axes: Axes, values: pd.Series) -> None:
    """Makes the horizontal axis logarithmic, with smaller values to the right and round ticks."""
    axes.set_xscale("log")
    low, high = values.min(), values.max()
    ticks = [step * 10.0**power for power in range(-4, 4) for step in (1, 2, 5)]
    ticks = [tick for tick in ticks if low * 0.8 <= tick <= high * 1.25]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(high * 1.25, low / 5)


def end_of(rows: pd.DataFrame) -> tuple[float, float, str]:
    """Where the line of a shape ends: memory and mean accuracy of its smallest network, and its colour."""
    smallest = rows[rows.float32_bytes == rows.float32_bytes.min()]
    return smallest.float32_bytes.iloc[0] / MIB, 100 * smallest.test_accuracy.mean(), LINES[rows["shape"].iloc[0]]


def families_figure(results: Results, table: pd.DataFrame) -> Figure:
    """Who taught whom in the families of the first seed, on the grid of blocks and widths."""
    own = table[table["shape"].isin(SHAPES) & (table.family == table.family.min())]
    shapes = list(own["shape"].unique())
    networks, places = own.trial.nunique(), len(own.drop_duplicates(["trial", "shape"]))
    title = f"{networks} networks fill {places} places in the families of the first seed: lineages are shared"
    filled = f"filled: within {100 * DROP:g} points of the first parent on validation"
    figure, axes = panels(len(shapes), title=title, caption=setting_caption(results, own, marks=filled))
    widths = sorted(own.width.unique(), reverse=True)
    for panel, shape, colour in zip(axes, shapes, COLOURS, strict=False):
        members = own[own["shape"] == shape].drop_duplicates("trial").set_index("trial")
        x, y = members.width.map(widths.index), members.blocks
        limit = lowest_accuracy(members).iloc[0]
        for row in members[members.generation > 0].itertuples():
            parent = row.parents.split()[0]
            panel.annotate("", (x[row.Index], y[row.Index]), (x[parent], y[parent]),
                           arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 8, "shrinkB": 8})  # fmt: skip
        works = members.validation_accuracy >= limit
        panel.scatter(x, y, s=70, color=np.where(works, colour, "white"), edgecolors=colour, zorder=3)
        for row in members.itertuples():
            panel.annotate(f"{100 * row.test_accuracy:.1f}%", (x[row.Index], y[row.Index]), (8, 7),
                           textcoords="offset points", fontsize=8, color=GREY)  # fmt: skip
        panel.set_xticks(range(len(widths)), [f"× {width:g}" for width in widths])
        panel.set_yticks(sorted(own.blocks.unique()))
        panel.set(xlabel="width", ylabel="blocks", xlim=(-0.4, len(widths) - 0.4), ylim=(own.blocks.min() - 0.4, 5.5))
        panel.set_title(shape, fontsize=10, loc="left")
    return figure


SUMMARY = Summary(
    by=("base", "blocks", "width", "series"),
    labels={"base": ""},
    values={"vgg16": "VGG-16", "vgg19": "VGG-19"},
    more=(MEMORY,),
    order=("base", "blocks", "width", "series"),
)
MNIST = CIFAR10 = ExperimentReport(SUMMARY, figures)
