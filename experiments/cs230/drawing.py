"""What study 1's figures have in common: a curve beside the differences that it is about."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from kdsuite.report.comparisons import Difference
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import COLOURS, SEEDS_AND_INTERVALS, differences, end_labels, levels, setting_caption
from kdsuite.report.groups import Group, where
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results
from kdsuite.report.samples import Sample

BLUE, ORANGE, GREEN, PINK = COLOURS[:4]
POINT = 0.01
GAIN = "distilled − labels alone"
SERIES = {"labels alone": ORANGE, "distilled": BLUE}


@dataclass(frozen=True)
class Line:
    """Rows that make a line of a figure.

    Attributes:
        name: beside its end.
        rows: its rows.
        colour: of all that is drawn of it.
        measure: what is drawn.
    """

    name: str
    rows: pd.DataFrame
    colour: str
    measure: str | Measure = "test_accuracy"


def by_series(rows: pd.DataFrame, measure: str = "test_accuracy") -> list[Line]:
    """A line for students that saw labels alone, and one for distilled ones."""
    return [Line(name, rows[rows.series == name], colour, measure) for name, colour in SERIES.items()]


def draw_lines(axes: Axes, lines: list[Line], x: str, *, xlabel: str, ylabel: str = "", log: bool = False) -> None:
    """Draws lines with their names beside their ends, which never cover each other.

    Raises:
        NotRun: no line has rows.
    """
    drawn = [line for line in lines if len(line.rows)]
    if not drawn:
        raise NotRun(f"no rows to draw against {xlabel}")
    for line in drawn:
        levels(axes, line.rows, x, line.measure, colour=line.colour, log=log)
    axes.set(xlabel=xlabel, ylabel=ylabel or f"{measure_of(drawn[0].measure).name} (%)")
    axes.margins(x=0.22)
    if not log:
        places = pd.concat([line.rows[x] for line in drawn])
        axes.set_xticks([tick for tick in axes.get_xticks() if places.min() <= tick <= places.max()])
    ends = {}
    for line in drawn:
        measure = measure_of(line.measure)
        means = (measure.scale * measure.of(line.rows)).groupby(line.rows[x]).mean()
        ends[line.name] = (means.index[-1], means.iloc[-1], line.colour)
    end_labels(axes, ends)


def samples(results: Results, comparisons: Mapping[str, Difference]) -> dict[str, Sample]:
    """What was measured for each comparison, by name; those without rows are left out."""
    found = {}
    for name, comparison in comparisons.items():
        try:
            found[name] = comparison.sample({results.experiment: results}, results.experiment)
        except NotRun:
            continue
    return found


def draw_differences(
    axes: Axes, found: Mapping[str, Sample], *, what: str, matters: float | None = POINT, colour: str = GREEN
) -> None:
    """Draws differences by name, from top to bottom, against ± what would matter; seeds are dots.

    Args:
        axes: to draw on.
        found: from `samples`.
        what: the difference in words: "distilled − labels alone".
        matters: δ in the unit of the rows.
        colour: of all bars.
    """
    if not found:
        axes.set_axis_off()
        return
    measure = next(iter(found.values())).measure
    differences(
        axes,
        {name: sample.interval for name, sample in found.items()},
        measure,
        matters=matters,
        values={name: sample.values for name, sample in found.items()},
        colours=dict.fromkeys(found, colour),
    )
    axes.set_xlabel(f"{what} ({measure.difference_unit})")


def in_words(sample: Sample, matters: float = POINT) -> str:
    """What an interval says of a difference: "higher", "lower", "no different" (within ± δ), or "undecided"."""
    _, low, high = sample.interval
    if low > 0:
        return "higher"
    if high < 0:
        return "lower"
    return "no different" if -matters < low and high < matters else "undecided"


def tally(found: Mapping[str, Sample], matters: float = POINT) -> str:
    """How many differences are what, for a title: "is higher in 1 of 4 comparisons, undecided in 3"."""
    words = [in_words(sample, matters) for sample in found.values()]
    if not words:
        return "has nothing to be held against in these rows"
    counted = {word: words.count(word) for word in ("higher", "lower", "no different", "undecided") if word in words}
    if len(counted) == 1:
        return f"is {words[0]}" + (" throughout" if len(words) > 1 else "")
    (first, count), *others = counted.items()
    return ", ".join([f"is {first} in {count} of {len(words)} comparisons", *(f"{w} in {n}" for w, n in others)])


def rows_of(results: Results, group: Group) -> pd.DataFrame:
    """The rows of a group.

    Raises:
        NotRun: there are none.
    """
    rows = group.rows(results.rows)
    if rows.empty:
        raise NotRun(f"no rows of {group.describe()}")
    return rows


def gain(measure: str = "test_accuracy", table: str = "rows", **conditions) -> Difference:
    """What distillation adds to students of the same kind."""
    first, second = (
        where(name, role="student", method=method, **conditions)
        for name, method in (("distilled", "kd"), ("labels alone", "plain"))
    )
    return Difference(measure, first, second, table=table)


def caption_of(results: Results, rows: pd.DataFrame, marks: str = SEEDS_AND_INTERVALS) -> str:
    """The setting behind a figure, with the width of its MobileNets; `marks` as in `setting_caption`."""
    width = results.setting.get("configuration", {}).get("alpha")
    return setting_caption(results, rows, marks) + (f"; MobileNet of width {width:g}" if width else "")


def layers(count: float) -> str:
    """A number of layers in words."""
    return f"{count:g} layer{'s' if count > 1 else ''}"
