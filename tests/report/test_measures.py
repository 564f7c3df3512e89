"""Intervals of differences in the unit of a measure."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from kdsuite.report.intervals import mean_interval
from kdsuite.report.measures import measure_of

ROWS = pd.DataFrame({"test_size": [1000] * 3})


@pytest.mark.parametrize(("column", "image"), [("test_accuracy", 0.001), ("test_errors", 1), ("test_loss", 0)])
def test_equal_differences_spread_as_counts_of_images_that_are_rounded_do(column, image):
    # A rounded count is off by up to half an image, evenly: 1/12 of variance; two counts differ.
    rounding = math.sqrt(2 / 12) * image
    interval = measure_of(column).difference_interval([2 * image] * 3, ROWS)
    assert interval.mean == pytest.approx(2 * image)
    assert interval.half_width == pytest.approx(4.302653 * rounding / math.sqrt(3), rel=1e-6)


def test_differences_that_spread_further_have_the_interval_of_their_mean():
    values = [0.01, 0.02, 0.03]
    assert measure_of("test_accuracy").difference_interval(pd.Series(values), ROWS) == mean_interval(values)


def test_one_point_is_one():
    texts = {0.002: "0.2 points", 0.01: "1 point", 0.02: "2 points"}
    assert {value: measure_of("test_accuracy").difference_text(value) for value in texts} == texts
    assert [measure_of("train_seconds").difference_text(value) for value in (1, 2)] == ["1 s", "2 s"]
    assert measure_of("test_errors").difference_text(1) == "1 error"
    slope = replace(measure_of("test_accuracy"), difference_unit="points per layer")
    assert [slope.difference_text(value) for value in (0.01, 0.02)] == ["1 point per layer", "2 points per layer"]
