import math

import numpy as np
import pytest
from scipy import stats

from kdsuite.report.claims import Claim, Matters
from kdsuite.report.comparisons import Difference, Level
from kdsuite.report.conditions import at_least
from kdsuite.report.groups import where
from kdsuite.report.precision import precision, seeds_for_width, seeds_needed, wider
from tests.report.made_up import groups, results


def claim(compares, tests="it", **more):
    return Claim(**{"tests": tests, "says": "words", "where": "§1", "experiment": "e", "compares": compares} | more)


BEATS = claim(Difference("test_accuracy", where(method="kd"), where(method="plain")))


def test_half_widths_are_in_points():
    found = groups(plain=[0.9] * 3, kd=[0.91, 0.92, 0.93])
    half = stats.t.ppf(0.975, 2) * 1 / math.sqrt(3)
    assert precision([BEATS], found) == pytest.approx({"it": half})
    errors = {
        "e": results(
            [{"seed": s, "method": m, "test_errors": 100 * s * (m == "kd")} for s in (0, 1, 2) for m in ("kd", "plain")]
        )
    }
    assert precision(
        [claim(Difference("test_errors", where(method="kd"), where(method="plain")))], errors
    ) == pytest.approx({"it": half})


def test_stein_by_hand():
    # t(0.975, 4) = 2.776; (2.776 · 1 / 0.5)² = 30.8.
    assert seeds_for_width(1.0, 5, 0.5) == 31
    assert seeds_for_width(0.01, 5, 0.5) == 5


def test_seeds_needed_is_that_of_the_widest_claim():
    found = groups(plain=[0.9] * 5, kd=0.9 + np.array([-1, 0.5, 0, 0.5, 1]) / 100, even=[0.9] * 5)
    spread = np.std([-1, 0.5, 0, 0.5, 1], ddof=1)
    even = claim(Difference("test_accuracy", where(method="even"), where(method="plain")), "even")
    assert seeds_needed([BEATS, even], found, 0.5, 5) == math.ceil((stats.t.ppf(0.975, 4) * spread / 0.5) ** 2)


def test_what_seeds_cannot_narrow_is_left_out():
    loss = claim(
        Difference("test_loss", where(method="kd"), where(method="plain")), "loss", matters=Matters(0.1, "a reason")
    )
    teacher = claim(Level("test_accuracy", where(method="teacher"), above=0.9), "teacher")
    found = {"e": results([{"seed": 0, "method": "teacher", "test_accuracy": 0.95, "test_loss": 1}])}
    assert precision([loss, teacher, BEATS], found) == {}
    compares = Difference("float32_bytes", where(method="kd"), where(method="plain"), relative=True)
    share = claim(compares, "share", matters=Matters(0.1, "a reason"))
    sizes = {"e": results([{"seed": s, "method": m, "float32_bytes": 9 + s} for s in (0, 1) for m in ("kd", "plain")])}
    assert precision([share], sizes) == {}
    assert seeds_needed([loss, teacher, BEATS], found, 0.5, 1) == 0


def test_one_seed_asks_for_a_second():
    found = groups(plain=[0.9], kd=[0.91])
    assert seeds_needed([BEATS], found, 0.5, 1) == 2
    assert math.isnan(precision([BEATS], found)["it"])


def test_a_claim_that_has_fewer_seeds_than_the_run_asks_for_none_and_is_named():
    """What a change of the recipe costs is asked of three seeds, however many the run has."""
    found = groups(plain=[0.9] * 5, kd=0.9 + np.array([1, 1.1, 0.9, 1, 1]) / 100, changed=[0.8, 0.7, 0.9])
    changed = claim(Difference("test_accuracy", where(method="changed"), where(method="plain")), "a change")
    assert seeds_needed([BEATS, changed], found, 0.5, 5) == 5
    assert wider([BEATS, changed], found, 0.5, 5) == ["a change"]
    assert wider([BEATS, changed], found, 50, 5) == []


def test_a_claim_that_is_not_tested_at_this_size_asks_for_no_seeds():
    found = groups(plain=[0.9] * 3, kd=[0.8, 0.9, 1.0])
    large = claim(BEATS.compares, judged_when=(at_least("train_size", 10**6),))
    assert seeds_needed([large], found, 0.5, 3) == 0 < seeds_needed([BEATS], found, 0.5, 3)
