"""What a claim compares, as data; each comparison gives one independent value a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Selection
from kdsuite.report.intervals import Interval, mean_interval, prediction_interval, proportion_interval
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results
from kdsuite.report.samples import (
    HIGHER,
    LEVEL,
    MEASURED,
    PUBLISHED,
    Comparison,
    Sample,
    as_many_pairs,
    left_out,
    means,
    select,
    table,
)

ROUNDING = 1e-12


@dataclass(frozen=True)
class Difference:
    """Measure of one group less that of another, paired by seed; several rows of a seed count as their mean.

    Attributes:
        measure: a column, or a Measure.
        first, second: the claim is that the first is larger, or, with `claimed="alike"`, that neither is, or, with
            `claimed="different"`, that one of them is.
        claimed: "higher", "alike" or "different".
        by: the column that pairs.
        match: columns that must agree within a pair, such as the architecture; what has no partner is passed over, and
            seeds that so have fewer pairs than others are left out.
        uneven: with `match`, whether seeds may have more pairs than others, as families end at different sizes.
        relative: divide by the first, so that the difference is a share of it.
        table: "rows", "epochs" or a further file.
    """

    measure: str | Measure
    first: Selection
    second: Selection
    claimed: str = HIGHER
    by: str = "seed"
    match: tuple[str, ...] = ()
    uneven: bool = False
    relative: bool = False
    table: str = "rows"

    @property
    def rule(self) -> str:
        return self.claimed

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample:
        """One paired difference a seed.

        Raises:
            NotRun: a group has no rows, or no seed is in both.
        """
        measure = measure_of(self.measure)
        groups = (self.first, self.second)
        parts = [select(group, results, experiment, self.table) for group in groups]
        names = [group.describe(table(group, results, experiment, self.table)) for group in groups]
        by_seed = [means(rows, measure, (*self.match, self.by)) for rows in parts]
        remarks, given = [], ""
        if not self.match:
            by_seed, given = _serve_all(by_seed, groups, names)
            valid = [rows[measure.of(rows).notna()] for rows in parts]
            by_seed, remarks = _pairs(by_seed, valid, names, self.by)
        difference = (by_seed[0] - by_seed[1]).dropna()
        if self.match and not self.uneven:
            difference, remarks = as_many_pairs(difference, self.by)
        # Means of equal numbers differ in their last bit, which without any spread would count as a certain difference.
        difference[difference.abs() <= ROUNDING * by_seed[0].loc[difference.index].abs()] = 0.0
        if difference.empty:
            raise NotRun(f"no {self.by} has both {names[0]} and {names[1]}")
        levels = [values.loc[difference.index].groupby(self.by).mean() for values in by_seed]
        shown = ", ".join(
            f"{name} {measure.level(mean_interval(values))}" for name, values in zip(names, levels, strict=True)
        )
        if self.relative:
            difference /= by_seed[0].loc[difference.index]
            measure = replace(measure, unit="%", difference_unit="%", scale=100, digits=2)
        difference = difference.groupby(self.by).mean()
        least_spread, interval = measure.least_spread(parts[0]), measure.difference_interval(difference, parts[0])
        ours = f"{shown}: {measure.difference(interval)}"
        return Sample(difference, interval, measure, ours, given, tuple(remarks), tuple(parts), least_spread)


@dataclass(frozen=True)
class Level:
    """A level against a bound: `Level("test_accuracy", teacher, above=0.99)`.

    With one network the interval is over test images (Clopper and Pearson) and given this network; with several it is
    over seeds.

    Attributes:
        measure: a column, or a Measure.
        group: whose level.
        above, below: the bound; give one.
        by: the column of independent values.
        images: the column that counts the images an accuracy was measured on.
        table: "rows", "epochs" or a further file.
    """

    measure: str | Measure
    group: Selection
    above: float | None = None
    below: float | None = None
    by: str = "seed"
    images: str = "test_size"
    table: str = "rows"

    rule = LEVEL

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample:
        measure = measure_of(self.measure)
        rows = select(self.group, results, experiment, self.table)
        values = means(rows, measure, (self.by,))
        if values.empty:
            raise NotRun(f"{self.group.describe(rows)}: no row has {measure.name}")
        least = measure.least_spread(rows, counts=1)
        interval, given = mean_interval(values, least), ""
        if len(values) == 1 and measure.unit == "%":
            interval, given = proportion_interval(values.iloc[0], int(rows[self.images].iloc[0])), "this network"
        ours = measure.level(interval)
        if given:
            low, high = (measure.scale * end for end in interval[1:])
            images = self.images.replace("_size", "").replace("train", "training")
            ours = f"{measure.scale * interval.mean:.2f}% (one network, [{low:.2f}, {high:.2f}] over {images} images)"
        bound, sign = (self.above, 1) if self.above is not None else (self.below, -1)
        assert bound is not None
        ahead = Interval(*(value - bound for value in interval))
        shifted = ahead if sign > 0 else -ahead
        return Sample(sign * (values - bound), shifted, measure, ours, given, (), (rows,), least)


@dataclass(frozen=True)
class AsPublished:
    """A level beside the published one, which is one draw: does it lie in the prediction interval?

    Attributes:
        measure: a column, or a Measure.
        group: whose level.
        value: the published level, in the unit of the rows.
        contrast: the published difference that this level belongs to; a prediction interval whose half width is more
            than a third of it (and than what matters) cannot tell.
        rounded_to: the last digit of the published value: 0.01 for "92%".
        by: the column of independent values.
        table: "rows", "epochs" or a further file.
    """

    measure: str | Measure
    group: Selection
    value: float
    contrast: float | None = None
    rounded_to: float = 0.0
    by: str = "seed"
    table: str = "rows"

    rule = PUBLISHED

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample:
        measure = measure_of(self.measure)
        rows = select(self.group, results, experiment, self.table)
        values, least = means(rows, measure, (self.by,)), measure.least_spread(rows, counts=1)
        interval = mean_interval(values, least)
        ours = measure.level(interval)
        if len(values) > 1:
            ours += f"; one more would lie within {measure.level(prediction_interval(values, least))}"
        return Sample(values, interval, measure, ours, rows=(rows,), least_spread=least)


@dataclass(frozen=True)
class Measured:
    """A figure that no one claims anything about: another comparison's measurement, without a verdict."""

    comparison: Comparison

    rule = MEASURED

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample:
        return self.comparison.sample(results, experiment)


def _serve_all(by_seed: list[pd.Series], groups, names: list[str]) -> tuple[list[pd.Series], str]:
    """Repeats the value of a shared network for each seed of the other group."""
    for own, other in ((0, 1), (1, 0)):
        if groups[own].shared and len(by_seed[own]) == 1 and len(by_seed[other]):
            repeated = pd.Series(by_seed[own].iloc[0], index=by_seed[other].index)
            return ([repeated, by_seed[1]] if own == 0 else [by_seed[0], repeated]), f"this {names[own]}"
    return by_seed, ""


def _pairs(by_seed, parts, names, by: str) -> tuple[list[pd.Series], list[str]]:
    """Leaves out seeds without partner and seeds that lack some of their group's rows, and names them."""
    remarks = []
    for place, (rows, name) in enumerate(zip(parts, names, strict=True)):
        counts = rows.groupby(by).size()
        lacking = [seed for seed in counts[counts < counts.max()].index if seed in by_seed[place]]
        if lacking:
            remarks.append(left_out(by, lacking, f"{name} is incomplete"))
            by_seed[place] = by_seed[place].drop(lacking)
    alone = by_seed[0].index.symmetric_difference(by_seed[1].index)
    if len(alone) and not remarks:
        remarks.append(left_out(by, alone, "without partner"))
    return by_seed, remarks
