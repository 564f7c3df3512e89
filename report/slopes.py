"""How much faster one group rises than another: slopes of paired differences."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning, SingularMatrixWarning

from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Selection
from kdsuite.report.intervals import Interval, mean_interval
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results
from kdsuite.report.samples import HIGHER, Sample, as_many_pairs, means, select


@dataclass(frozen=True)
class SlopeDifference:
    """How much faster one group's measure rises with a column than another's, paired by seed.

    Pairs of networks at the same place (same seed, same `match`) are subtracted first; of these differences the slope
    over `x` is one value a seed. Seeds with fewer pairs than others are left out. A mixed model over all pairs (a
    random intercept a seed) stands beside it.

    Attributes:
        measure: a column, or a Measure.
        x: the column along which it rises.
        first, second: the claim is that the first is steeper.
        match: columns that name a pair within a seed; by default `x`.
        per: slopes are for so much of `x`.
        per_text: the same in words: "million parameters".
        claimed, by, table: as for a Difference.
    """

    measure: str | Measure
    x: str | Measure
    first: Selection
    second: Selection
    match: tuple[str, ...] = ()
    per: float = 1.0
    per_text: str = ""
    claimed: str = HIGHER
    by: str = "seed"
    table: str = "rows"

    @property
    def rule(self) -> str:
        return self.claimed

    def sample(self, results: Mapping[str, Results], experiment: str) -> Sample:
        """One slope of paired differences a seed.

        Raises:
            NotRun: a group has no rows, or no seed has pairs at two values of `x`.
        """
        measure = measure_of(self.measure)
        parts = [select(group, results, experiment, self.table) for group in (self.first, self.second)]
        keys = (self.by, *(self.match or (str(self.x),)))
        left, right = (means(rows, measure, keys) for rows in parts)
        where = means(parts[0], measure_of(self.x), keys) / self.per
        difference, remarks = as_many_pairs((left - right).dropna(), self.by)
        pairs = pd.DataFrame({"difference": difference, "x": where}).dropna()
        groups = {seed: own for seed, own in pairs.groupby(self.by) if own.x.nunique() > 1}
        if not groups:
            raise NotRun(f"no {self.by} has pairs at two values of {measure_of(self.x).name}")
        slopes = pd.Series({seed: stats.linregress(own.x, own.difference).slope for seed, own in groups.items()})
        measure = replace(measure, difference_unit=f"{measure.difference_unit} per {self.per_text or self.x}")
        interval = mean_interval(slopes)
        if len(slopes) > 2:
            mixed = slope_interval(pairs.difference, pairs.x, pairs.index.get_level_values(self.by))
            remarks = [f"mixed model: {measure.difference(mixed)}", *remarks]
        return Sample(slopes, interval, measure, measure.difference(interval), "", tuple(remarks), tuple(parts))


def slope_interval(values: pd.Series, x: pd.Series, seeds) -> Interval:
    """Slope of values over `x` in a linear mixed model with a random intercept a seed, with its 95% Wald interval.

    The Wald interval is too narrow for few seeds: it stands beside the interval over per-seed slopes, never instead.
    """
    design = sm.add_constant(np.asarray(x, float))
    with warnings.catch_warnings():
        # A variance between seeds of 0 lies on the boundary, where statsmodels warns although the slope is right.
        for kind in (ConvergenceWarning, SingularMatrixWarning, RuntimeWarning):
            warnings.simplefilter("ignore", kind)
        fit = sm.MixedLM(np.asarray(values, float), design, groups=np.asarray(seeds)).fit()
    low, high = fit.conf_int()[1]
    return Interval(float(fit.params[1]), float(low), float(high))
