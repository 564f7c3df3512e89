"""Verdicts on claims: what the interval over seeds says, and what is left of it after Holm's correction.

| verdict | when |
| --- | --- |
| not run | there are no rows |
| not tested at this size | a condition of the claim is not met, whatever the interval says |
| reproduced / contradicted | the 95% interval of the claimed difference lies above / below 0 |
| no difference | it lies within ± δ (two one-sided tests at 2.5% each) |
| undecided | else; about how many seeds would decide it |

Questions of ours are answered yes or no instead of reproduced or contradicted. A published level is "as published"
where the prediction interval holds it and is narrow enough to tell, else better or worse than published, or undecided.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from statsmodels.stats.multitest import multipletests

from kdsuite.report.claims import PAPER, Claim
from kdsuite.report.comparisons import AsPublished
from kdsuite.report.errors import NotRun
from kdsuite.report.images import OverImages, over_images
from kdsuite.report.intervals import (
    CONFIDENCE,
    MANY_SEEDS,
    difference_p,
    equivalence_p,
    prediction_interval,
    seeds_for_half_width,
)
from kdsuite.report.rows import Results
from kdsuite.report.samples import ALIKE, DIFFERENT, LEVEL, MEASURED, PUBLISHED, Sample

ERROR = 1 - CONFIDENCE
REPRODUCED, CONTRADICTED, SAME, UNDECIDED = "reproduced", "contradicted", "no difference", "undecided"
NOT_TESTED, NOT_RUN, YES, NO, FOUND = "not tested at this size", "not run", "yes", "no", "measured"
AS_PUBLISHED, BETTER, WORSE = "as published", "better than published", "worse than published"
ORDER = (
    *(REPRODUCED, AS_PUBLISHED, YES, CONTRADICTED, BETTER, WORSE, NO, SAME, UNDECIDED, FOUND, NOT_TESTED, NOT_RUN),
)
FEWEST_FOR_AS_PUBLISHED = 3


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict.

    Attributes:
        claim: what was judged.
        verdict: what the interval says.
        after_holm: the same after Holm's correction within the study; each kind of false verdict, a difference where
            there is none and none where there is one that matters, has a familywise rate of 5%.
        why: what stands behind the verdict: a condition that is not met, the seeds that would decide.
        sample: what was measured; None where nothing was.
        matters: δ in the unit of the rows, where the claim has one.
        p_difference, p_equivalence: uncorrected; at most 5% where the interval leaves 0 out, or lies within ± δ.
        images: the same difference over test images instead of seeds, where predictions were kept.
    """

    claim: Claim
    verdict: str
    after_holm: str
    why: str = ""
    sample: Sample | None = None
    matters: float | None = None
    p_difference: float = math.nan
    p_equivalence: float = math.nan
    images: OverImages | None = None

    @property
    def n(self) -> int:
        return self.sample.n if self.sample else 0

    @property
    def given(self) -> str:
        """What the interval takes as fixed."""
        return self.claim.given or (self.sample.given if self.sample else "")


@dataclass(frozen=True)
class _Tested:
    claim: Claim
    sample: Sample
    matters: float | None
    p_difference: float
    p_equivalence: float


def judge(claims: Sequence[Claim], results: Mapping[str, Results]) -> list[Judged]:
    """Judge all claims of one study.

    Args:
        claims: all of them: Holm's correction counts those that are tested.
        results: by experiment; those that were not run are missing.
    """
    outcomes = [_test(claim, results) for claim in claims]
    tested = [outcome for outcome in outcomes if isinstance(outcome, _Tested)]
    differences = iter(holm([one.p_difference for one in tested]))
    equivalences = iter(holm([one.p_equivalence for one in tested]))
    return [
        outcome
        if isinstance(outcome, Judged)
        else _verdict(outcome, next(differences), next(equivalences), over_images(outcome.claim, results))
        for outcome in outcomes
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values; those that are NaN stay so and do not count."""
    known = [p for p in p_values if not math.isnan(p)]
    adjusted = iter(multipletests(known, alpha=ERROR, method="holm")[1] if known else ())
    return [p if math.isnan(p) else float(next(adjusted)) for p in p_values]


def _test(claim: Claim, results: Mapping[str, Results]) -> _Tested | Judged:
    try:
        sample = claim.compares.sample(results, claim.experiment)
    except NotRun as error:
        return Judged(claim, NOT_RUN, NOT_RUN, str(error))
    unmet = [text for one in claim.judged_when if (text := one.unmet(results, claim.experiment))]
    matters = claim.smallest_that_matters(sample.rows[0]) if claim.needs_matters else None
    if unmet:
        return Judged(claim, NOT_TESTED, NOT_TESTED, "; ".join(unmet), sample, matters)
    return _Tested(claim, sample, matters, *_p_values(claim, sample, matters))


def _p_values(claim: Claim, sample: Sample, matters: float | None) -> tuple[float, float]:
    """Of a difference and of equivalence; NaN where the claim's rule does not ask."""
    rule, values, least = claim.compares.rule, sample.values.to_numpy(), sample.least_spread
    if rule == MEASURED:
        return math.nan, math.nan
    if rule == LEVEL:
        if sample.n > 1:
            return difference_p(values, least_spread=least), math.nan
        # The exact interval over images of one network is no t interval: it decides by itself, at 5%.
        return math.nan, math.nan
    if rule == PUBLISHED:
        nearest = _nearest_published(claim, sample)
        return difference_p(values, nearest, predicted=True, least_spread=least), math.nan
    assert matters is not None
    return difference_p(values, least_spread=least), equivalence_p(values, matters, least)


def _nearest_published(claim: Claim, sample: Sample) -> float:
    """The published value, as near to ours as its rounding allows."""
    compares, mean = claim.compares, sample.interval.mean
    assert isinstance(compares, AsPublished)
    low, high = (compares.value + sign * compares.rounded_to / 2 for sign in (-1, 1))
    return min(max(mean, low), high)


def _verdict(one: _Tested, p_difference: float, p_equivalence: float, images: OverImages | None) -> Judged:
    word, why = _decide(one, one.p_difference, one.p_equivalence)
    after, _ = _decide(one, p_difference, p_equivalence)
    if word == SAME and one.matters:
        why = f"within ± {_shown_matters(one)}"
    elif word in (REPRODUCED, YES, CONTRADICTED, NO) and one.matters and one.p_equivalence <= ERROR:
        why = why or f"but smaller than what matters, {_shown_matters(one)}"
    return Judged(one.claim, word, after, why, one.sample, one.matters, one.p_difference, one.p_equivalence, images)


def _decide(one: _Tested, p_difference: float, p_equivalence: float) -> tuple[str, str]:
    """Verdict and reason by p values, corrected or not."""
    rule, sample = one.claim.compares.rule, one.sample
    positive, negative = (REPRODUCED, CONTRADICTED) if one.claim.kind == PAPER else (YES, NO)
    if rule == MEASURED:
        return FOUND, ""
    if rule == LEVEL and sample.n == 1:
        return _one_network(sample, positive, negative)
    if sample.n < 2:
        return UNDECIDED, "one seed gives no interval"
    differs, same = p_difference <= ERROR, p_equivalence <= ERROR
    if rule == PUBLISHED:
        return _published(one, differs)
    if rule == ALIKE:
        if same:
            return positive, f"within ± {_shown_matters(one)}"
        return (negative, "") if differs else (UNDECIDED, _seeds_that_decide(one))
    if rule == DIFFERENT and differs:
        return positive, ""
    if differs:
        return (positive if sample.interval.mean > 0 else negative), ""
    if same:
        return SAME, ""
    return UNDECIDED, _seeds_that_decide(one)


def _one_network(sample: Sample, positive: str, negative: str) -> tuple[str, str]:
    if math.isnan(sample.interval.low):
        return UNDECIDED, "one seed gives no interval"
    if sample.interval.low > 0:
        return positive, ""
    return (negative, "") if sample.interval.high < 0 else (UNDECIDED, "the interval over test images holds the bound")


def _published(one: _Tested, differs: bool) -> tuple[str, str]:
    compares, sample = one.claim.compares, one.sample
    assert isinstance(compares, AsPublished) and one.matters is not None
    if differs:
        above = sample.interval.mean > compares.value
        return (BETTER if above == sample.measure.higher_is_better else WORSE), ""
    if one.p_difference <= ERROR:
        return UNDECIDED, "the corrected prediction interval holds the published value"
    enough = max(one.matters, abs(compares.contrast or 0) / 3)
    half = prediction_interval(sample.values, sample.least_spread).half_width
    if sample.n >= FEWEST_FOR_AS_PUBLISHED and half <= enough:
        return AS_PUBLISHED, ""
    if sample.n < FEWEST_FOR_AS_PUBLISHED:
        return UNDECIDED, f"{sample.n} seeds cannot tell"
    return UNDECIDED, f"the prediction interval is wider than ± {sample.measure.difference_text(enough)}"


def _seeds_that_decide(one: _Tested) -> str:
    """How many seeds leave 0 out or fit between ± δ, if mean and spread stay as they are."""
    mean = abs(one.sample.interval.mean)
    half_width = max(mean, (one.matters or 0) - mean)
    count = seeds_for_half_width(one.sample.spread, half_width)
    about = f"more than {MANY_SEEDS:,}" if count >= MANY_SEEDS else f"about {count}"
    return f"{about} seeds would decide it (rough: from the spread of {one.sample.n})"


def _shown_matters(one: _Tested) -> str:
    assert one.matters is not None
    return one.sample.measure.difference_text(one.matters)
