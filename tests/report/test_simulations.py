"""Error rates of intervals and verdicts on simulated studies; seeded."""

import numpy as np
import pytest
from scipy import stats

from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.groups import where
from kdsuite.report.intervals import (
    difference_p,
    equivalence_p,
    mean_interval,
    prediction_interval,
    proportion_interval,
)
from kdsuite.report.precision import seeds_for_width
from kdsuite.report.slopes import slope_interval
from kdsuite.report.verdicts import CONTRADICTED, REPRODUCED, holm, judge
from tests.report.made_up import groups

RUNS = 2500


def at_most_5_percent(errors: int, runs: int) -> bool:
    """Whether a rate of at most 5% is not rejected at 0.1%."""
    return stats.binomtest(errors, runs, 0.05, alternative="greater").pvalue > 0.001


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_coverage_of_intervals_over_seeds(random, n):
    samples = random.normal(0.01, 0.004, (RUNS, n))
    intervals = np.array([mean_interval(values) for values in samples])
    assert 0.93 < np.mean((intervals[:, 1] <= 0.01) & (intervals[:, 2] >= 0.01)) < 0.96
    further = random.normal(0.01, 0.004, RUNS)
    predicted = np.array([prediction_interval(values) for values in samples])
    assert 0.93 < np.mean((predicted[:, 1] <= further) & (further <= predicted[:, 2])) < 0.97


def test_coverage_of_one_networks_accuracy(random):
    counts = random.binomial(2000, 0.98, RUNS)
    intervals = {count: proportion_interval(count / 2000, 2000) for count in set(counts)}
    covered = np.mean([intervals[count].low <= 0.98 <= intervals[count].high for count in counts])
    assert 0.95 <= covered < 0.98


def test_skewed_spreads_are_covered_nearly(random):
    """Accuracies near 100% are skewed; five seeds still cover in nine of ten."""
    samples = -random.gamma(4, 0.001, (RUNS, 5))
    covered = [low <= -0.004 <= high for _, low, high in map(mean_interval, samples)]
    assert np.mean(covered) > 0.91


@pytest.mark.parametrize("n", [2, 3, 5])
def test_false_difference_under_no_effect_and_false_equality_under_an_effect_that_matters(random, n):
    noise = random.normal(0, 0.003, (RUNS, n))
    assert at_most_5_percent(sum(difference_p(values) <= 0.05 for values in noise), RUNS)
    for spread in (0.0003, 0.003):
        shifted = random.normal(0.002, spread, (RUNS, n))
        assert at_most_5_percent(sum(equivalence_p(values, 0.002) <= 0.05 for values in shifted), RUNS)


def test_equality_is_found_where_the_spread_is_small(random):
    same = random.normal(0, 0.0005, (300, 5))
    assert np.mean([equivalence_p(values, 0.002) <= 0.05 for values in same]) > 0.95


def test_familywise_rate_after_holm(random):
    studies = random.normal(0, 1, (800, 8, 4))
    p = [[difference_p(values) for values in study] for study in studies]
    uncorrected = sum(min(own) <= 0.05 for own in p)
    assert uncorrected / 800 > 0.25
    assert at_most_5_percent(sum(min(holm(own)) <= 0.05 for own in p), 800)


def test_verdicts_of_whole_studies_without_effect(random):
    """Through the verdicts themselves: 5 claims that are all void, of accuracies with 3 seeds."""
    methods = [f"m{place}" for place in range(5)]
    claims = [
        Claim(
            tests=name,
            says="words",
            where="§1",
            experiment="e",
            compares=Difference("test_accuracy", where(method=name), where(method="plain")),
        )
        for name in methods
    ]
    raw = family = 0
    runs = 60
    for _ in range(runs):
        seeds = random.normal(0.9, 0.01, 3)
        found = groups(plain=seeds, **{name: seeds + random.normal(0, 0.004, 3) for name in methods})
        verdicts = judge(claims, found)
        raw += sum(one.verdict in (REPRODUCED, CONTRADICTED) for one in verdicts)
        family += any(one.after_holm in (REPRODUCED, CONTRADICTED) for one in verdicts)
    assert at_most_5_percent(raw, 5 * runs)
    assert at_most_5_percent(family, runs)


def test_steins_two_stages_cover_and_keep_the_width(random):
    covered, widths = [], []
    for _ in range(1200):
        first = random.normal(0, 0.5, 5)
        total = seeds_for_width(first.std(ddof=1), 5, 0.4)
        values = np.concatenate([first, random.normal(0, 0.5, total - 5)])
        # Stein's interval has the width that was asked for; its level comes from the first stage.
        covered.append(abs(values.mean()) <= 0.4)
        widths.append(mean_interval(values).half_width)
    assert np.mean(covered) > 0.94
    assert np.median(widths) < 0.4


def test_stopping_at_significance_would_find_what_is_not_there(random):
    """Why a run stops by width: looking for p ≤ 5% after every seed."""
    false = 0
    for values in random.normal(0, 1, (400, 30)):
        false += any(difference_p(values[:n]) <= 0.05 for n in range(3, 31))
    assert false / 400 > 0.15


def test_mixed_models_slope_is_near_the_truth(random):
    seeds, x = np.repeat(np.arange(8), 6), np.tile(np.arange(6.0), 8)
    covered = 0
    for _ in range(40):
        values = random.normal(0, 0.5, 8)[seeds] + 0.3 * x + random.normal(0, 0.4, 48)
        interval = slope_interval(values, x, seeds)
        covered += interval.low <= 0.3 <= interval.high
    assert covered >= 33


def test_where_seeds_do_not_differ_the_mixed_models_slope_is_that_of_least_squares(random):
    x = np.tile([1.0, 2.5, 4.0, 8.0, 20.0], 5)
    values = np.tile(2 * x[:5] + random.normal(0, 1, 5), 5)
    assert slope_interval(values, x, np.repeat(range(5), 5)).mean == pytest.approx(np.polyfit(x, values, 1)[0])
