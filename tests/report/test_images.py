from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kdsuite.report import images
from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.errors import ReportError
from kdsuite.report.groups import shared, where
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

LABELS = np.arange(400) % 10


def classes(accuracy, random):
    """Predictions right with a given probability."""
    return np.where(random.random(len(LABELS)) < accuracy, LABELS, (LABELS + 1) % 10).astype("uint8")


@pytest.fixture
def found(tmp_path):
    random = np.random.default_rng(0)
    networks = {(seed, method): classes(a, random) for seed in (0, 1) for method, a in (("kd", 0.9), ("plain", 0.8))}
    rows = [
        {"seed": seed, "method": method, "trial": f"{method}{seed}", "test_accuracy": (own == LABELS).mean()}
        for (seed, method), own in networks.items()
    ]
    made = results(rows)
    object.__setattr__(made, "folder", tmp_path)
    np.savez_compressed(
        tmp_path / "predictions.npz",
        trial=np.array([row["trial"] for row in rows]),
        classes=np.stack(list(networks.values())),
        labels=LABELS,
    )
    return {"e": made}


def claim(first, second):
    compares = Difference("test_accuracy", first, second)
    return Claim(tests="it", says="words", where="§1", experiment="e", compares=compares)


def test_mcnemar_and_bootstrap_stand_beside_the_interval_over_seeds(found, tmp_path):
    (verdict,) = judge([claim(where(method="kd"), where(method="plain"))], found)
    kept = images.read_predictions(tmp_path)
    only_first = only_second = 0
    gains = 0
    for seed in (0, 1):
        kd, plain = (kept.classes[kept.trials.index(f"{method}{seed}")] == LABELS for method in ("kd", "plain"))
        b, c = (kd & ~plain).sum(), (plain & ~kd).sum()
        assert verdict.images.p_by_seed[seed] == pytest.approx(stats.binomtest(b, b + c).pvalue)
        only_first, only_second, gains = only_first + b, only_second + c, gains + (kd.astype(int) - plain) / 2
    assert (verdict.images.only_first, verdict.images.only_second) == (only_first, only_second)
    assert verdict.images.p_summed == pytest.approx(stats.binomtest(only_first, only_first + only_second).pvalue)
    mean, low, high = verdict.images.interval
    assert mean == pytest.approx(verdict.sample.interval.mean)
    half = 1.96 * gains.std() / np.sqrt(len(LABELS))
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.1 * half)


def test_one_shared_network_stands_for_all_seeds(found):
    first = where(method="kd")
    (verdict,) = judge([claim(first, shared("the one", trial="plain0"))], found)
    assert verdict.images.interval.mean == pytest.approx(verdict.sample.interval.mean)


def test_images_are_of_the_seeds_that_the_claim_judges(found):
    """A seed that lacks a row of its group is left out of both readings."""
    rows = found["e"].rows
    twice = {"e": replace(found["e"], rows=pd.concat([rows, rows[rows.trial == "kd0"].assign(role="again")]))}
    (verdict,) = judge([claim(where(method="kd"), where(method="plain"))], twice)
    assert verdict.sample.remarks == ("seed 1 left out: method = kd is incomplete",)
    assert set(verdict.images.p_by_seed) == {0}
    assert verdict.images.interval.mean == pytest.approx(verdict.sample.interval.mean)


def test_without_predictions_there_is_no_reading_over_images(found, tmp_path):
    (tmp_path / "predictions.npz").unlink()
    (verdict,) = judge([claim(where(method="kd"), where(method="plain"))], found)
    assert verdict.images is None


def test_damaged_predictions_are_refused(tmp_path):
    path = tmp_path / "predictions.npz"
    np.savez(path, trial=np.array(["a"]), classes=np.zeros((2, 3), "uint8"), labels=np.zeros(3, int))
    with pytest.raises(ReportError, match=r"classes are \(2, 3\), expected \(1, 3\)"):
        images.read_predictions(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ReportError, match="cannot be read"):
        images.read_predictions(tmp_path)
