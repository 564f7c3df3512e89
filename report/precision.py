"""How many seeds make every interval narrow enough.

`--precision-of 0.5` goes on adding seeds until each claim's 95% interval is at most ± 0.5 points wide. It looks at
widths only. Adding seeds until a difference is significant would find one where there is none: with a look after every
seed, 5% become 15% and more. The spread of normal values tells nothing about their mean, so stopping by width keeps the
interval's 95% (Stein 1945, in two stages: the spread of the first seeds gives the number of all, n ≥ (t · s / w)², with
t of the first stage's n − 1 degrees of freedom). Looking again after each further seed, as Chow and Robbins (1965) do,
keeps it in the limit of small w; with few seeds it covers a little less: let the first stage have 5 seeds or more.
"""

import math
from collections.abc import Mapping, Sequence

from kdsuite.report.claims import Claim
from kdsuite.report.errors import NotRun
from kdsuite.report.intervals import t_quantile
from kdsuite.report.rows import Results
from kdsuite.report.samples import MEASURED


def precision(claims: Sequence[Claim], results: Mapping[str, Results]) -> dict[str, float]:
    """Half width, in percentage points of the test images, of each claim's interval over seeds.

    Claims that have no such interval are left out: those in other units, those without rows or not tested at this size,
    and levels of one network that serves all seeds. One seed gives NaN.

    Returns:
        what the claim tests → points.
    """
    return {
        claim.tests: spread * t_quantile(n) / math.sqrt(n) if n > 1 else math.nan
        for claim, spread, n in _spreads(claims, results)
    }


def seeds_for_width(spread: float, n: int, half_width: float) -> int:
    """Number of seeds in all, by Stein's rule, for a 95% interval of at most ± `half_width`.

    Args:
        spread: standard deviation of the first stage's values, one a seed.
        n: how many those were, 2 or more.
        half_width: in the unit of the spread.
    """
    return max(n, math.ceil((t_quantile(n) * spread / half_width) ** 2))


def seeds_needed(claims: Sequence[Claim], results: Mapping[str, Results], points: float, seeds: int) -> int:
    """Number of seeds in all that makes every claim's interval at most ± `points` wide; 2 where there is one so far.

    0 where no claim has an interval over seeds. Claims on fewer seeds than the run has are left out: an option of their
    own says how many they have.

    Args:
        claims, results: as of `precision`.
        points: half width.
        seeds: how many the run has.
    """
    found = [(spread, n) for _, spread, n in _spreads(claims, results) if n >= seeds]
    return max((2 if n < 2 else seeds_for_width(spread, n, points) for spread, n in found), default=0)


def wider(claims: Sequence[Claim], results: Mapping[str, Results], points: float, seeds: int) -> list[str]:
    """What the claims test that are on fewer seeds than the run has, and wider than ± `points`."""
    widths = precision(claims, results)
    fewer = [claim.tests for claim, _, n in _spreads(claims, results) if n < seeds]
    return [tests for tests in fewer if not widths[tests] <= points]


def _spreads(claims, results):
    """Claim, standard deviation in points and number of seeds, of each claim whose interval further seeds narrow."""
    for claim in claims:
        if claim.compares.rule == MEASURED:
            continue
        try:
            sample = claim.compares.sample(results, claim.experiment)
        except NotRun:
            continue
        scale = sample.measure.points_scale
        unmet = any(one.unmet(results, claim.experiment) for one in claim.judged_when)
        if unmet or scale is None or " per " in sample.measure.difference_unit or sample.given == "this network":
            continue
        yield claim, sample.spread * scale(sample.rows[0]), sample.n
