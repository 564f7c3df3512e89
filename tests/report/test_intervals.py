import math

import numpy as np
import pandas as pd
import pytest

from kdsuite.report import intervals


def test_mean_interval_by_hand():
    # mean 3, standard deviation 1, t(0.975, 2) = 4.302653.
    interval = intervals.mean_interval([2, 3, 4])
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_a_negated_difference_swaps_its_ends():
    assert -intervals.paired_difference(ROWS, "accuracy", ROWS.method == "kd", ROWS.method == "plain") == pytest.approx(
        intervals.paired_difference(ROWS, "accuracy", ROWS.method == "plain", ROWS.method == "kd")
    )


def test_one_value_has_no_interval():
    interval = intervals.mean_interval([2.5])
    assert interval.mean == 2.5
    assert math.isnan(interval.low)


def test_equal_values_have_no_spread_but_the_least():
    values = [0.88037327] * 3
    assert np.std(values, ddof=1) > 0
    assert intervals.mean_interval(values).half_width == 0
    assert intervals.mean_interval(values, 1).half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_interval_covers_the_mean_19_times_in_20():
    random = np.random.default_rng(0)
    found = [intervals.mean_interval(random.normal(5, 2, 3)) for _ in range(4000)]
    assert np.mean([low <= 5 <= high for _, low, high in found]) == pytest.approx(0.95, abs=0.015)


ROWS = pd.DataFrame(
    {
        "seed": [0, 1, 2, 2, 0, 1],
        "method": ["plain"] * 3 + ["kd"] * 3,
        "accuracy": [0.1, 0.5, 0.9, 0.93, 0.11, 0.52],
    }
)


def test_paired_difference_pairs_by_seed():
    difference = intervals.paired_difference(ROWS, "accuracy", ROWS.method == "kd", ROWS.method == "plain")
    assert difference == pytest.approx(intervals.mean_interval([0.01, 0.02, 0.03]))


def test_several_rows_of_a_seed_count_as_their_mean():
    rows = pd.concat([ROWS, ROWS.assign(accuracy=ROWS.accuracy + 0.2)[ROWS.method == "kd"]])
    difference = intervals.paired_difference(rows, "accuracy", rows.method == "kd", rows.method == "plain")
    assert difference == pytest.approx(intervals.mean_interval([0.11, 0.12, 0.13]))


def test_a_seed_without_partner_is_refused():
    rows = ROWS.iloc[:5]
    with pytest.raises(ValueError, match="do not pair up"):
        intervals.paired_difference(rows, "accuracy", rows.method == "kd", rows.method == "plain")
