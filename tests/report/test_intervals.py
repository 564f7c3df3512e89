import math

import numpy as np
import pandas as pd
import pytest

from kdsuite import report
from kdsuite.report import claims


def test_mean_interval_by_hand():
    # mean 3, standard deviation 1, t(0.975, 2) = 4.302653.
    interval = report.mean_interval([2, 3, 4])
    assert interval.mean == 3
    assert interval.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_a_negated_difference_swaps_its_ends():
    assert -report.paired_difference(ROWS, "accuracy", ROWS.method == "kd", ROWS.method == "plain") == pytest.approx(
        report.paired_difference(ROWS, "accuracy", ROWS.method == "plain", ROWS.method == "kd")
    )


def test_one_value_has_no_interval():
    interval = report.mean_interval([2.5])
    assert interval.mean == 2.5
    assert math.isnan(interval.low)


def test_interval_covers_the_mean_19_times_in_20():
    random = np.random.default_rng(0)
    intervals = [report.mean_interval(random.normal(5, 2, 3)) for _ in range(4000)]
    assert np.mean([low <= 5 <= high for _, low, high in intervals]) == pytest.approx(0.95, abs=0.015)


ROWS = pd.DataFrame(
    {
        "seed": [0, 1, 2, 2, 0, 1],
        "method": ["plain"] * 3 + ["kd"] * 3,
        "accuracy": [0.1, 0.5, 0.9, 0.93, 0.11, 0.52],
    }
)


def test_paired_difference_pairs_by_seed():
    difference = report.paired_difference(ROWS, "accuracy", ROWS.method == "kd", ROWS.method == "plain")
    assert difference == pytest.approx(report.mean_interval([0.01, 0.02, 0.03]))


def test_several_rows_of_a_seed_count_as_their_mean():
    rows = pd.concat([ROWS, ROWS.assign(accuracy=ROWS.accuracy + 0.2)[ROWS.method == "kd"]])
    difference = report.paired_difference(rows, "accuracy", rows.method == "kd", rows.method == "plain")
    assert difference == pytest.approx(report.mean_interval([0.11, 0.12, 0.13]))


def test_a_seed_without_partner_is_refused():
    rows = ROWS.iloc[:5]
    with pytest.raises(ValueError, match="do not pair up"):
        report.paired_difference(rows, "accuracy", rows.method == "kd", rows.method == "plain")


def test_summarise_gives_a_line_a_group_with_its_seeds():
    table = report.summarise(ROWS, ["method"], ["accuracy"]).set_index("method")
    assert table.loc["plain", "seeds"] == 3
    assert table.loc["plain", "accuracy"] == pytest.approx(0.5)
    assert table.loc["kd", "accuracy ±"] == pytest.approx(report.mean_interval([0.93, 0.11, 0.52]).half_width)


@pytest.mark.parametrize(
    ("values", "word"),
    [([1, 2, 3], "undecided: the interval holds 0"), ([1], "undecided: one seed"), ([2, 2.1, 2.2], "reproduced")],
)
def test_verdict_of_a_claimed_difference(values, word):
    assert claims.verdict(report.mean_interval(values)).startswith(word)
    if word == "reproduced":
        assert claims.verdict(-report.mean_interval(values)) == "contradicted"


def test_answer_to_what_no_paper_claims():
    assert claims.answer(report.mean_interval([2, 2.1, 2.2])) == "yes"
    assert claims.answer(report.mean_interval([-2, -2.1, -2.2])) == "no"
    assert claims.answer(report.mean_interval([1, 2, 3])) == "undecided: the interval holds 0"
