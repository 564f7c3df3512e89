import math

import numpy as np
import pytest

from kdsuite.report import intervals


def test_mean_interval_by_hand():
    # mean 3, standard deviation 1, t(0.975, 2) = 4.302653.
    interval = intervals.mean_interval([2, 3, 4])
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_a_negated_interval_swaps_its_ends():
    assert -intervals.mean_interval([2, 3, 4]) == pytest.approx(intervals.mean_interval([-2, -3, -4]))


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
