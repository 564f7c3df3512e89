from pathlib import Path

import pandas as pd
import pytest

from kdsuite.report import offline
from kdsuite.report.rows import StudyRows


def student(signal, seed, test_accuracy, dense=0, **values):
    return {
        "signal": signal,
        "seed": seed,
        "teacher": None if signal == "labels" else "vgg",
        "depth": 3,
        "first_filters": 8,
        "dense": dense,
        "params": 1000 * (dense + 1),
        "train_size": 50,
        "validation_accuracy": 0.5 + dense / 10,
        "test_accuracy": test_accuracy,
        "test_loss": 1 - test_accuracy,
        "calibration_error": 0.1,
    } | values


def claims(*students):
    teachers = pd.DataFrame([{"teacher": "vgg", "test_accuracy": 0.80, "params": 2e6, "train_size": 500}])
    smoothing = [student("label smoothing", seed, 0.7) for seed in {own["seed"] for own in students}]
    rows = pd.DataFrame([*students, *smoothing])
    found = offline.claims(*(StudyRows(own, pd.DataFrame(), Path()) for own in (rows, teachers)))
    return {claim.claim: claim for claim in found}


QUESTION = "a network of at most 1 M parameters comes within 2 points of its teacher"


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((0.790, 0.791), "yes"),
        ((0.70, 0.71), "no"),
        ((0.70, 0.81), "undecided: the interval holds 2 points"),
        ((0.70,), "undecided: one seed gives no interval"),
    ],
)
def test_the_question_is_answered_by_the_interval_of_the_student_best_on_validation(accuracies, verdict):
    students = [student("responses", seed, accuracy, dense=1) for seed, accuracy in enumerate(accuracies)]
    other = [student("responses", seed, 0.99) for seed in range(len(accuracies))]
    too_large = [student("responses", seed, 0.8, dense=2, params=1_000_001) for seed in range(len(accuracies))]
    labels = [student("labels", seed, 0.5, dense) for seed in range(len(accuracies)) for dense in (0, 1, 2)]
    labels = [own | {"params": 1_000_001} if own["dense"] == 2 else own for own in labels]
    assert claims(*students, *other, *too_large, *labels)[QUESTION].verdict == verdict


def test_gains_by_size_are_paired_by_seed():
    students = [
        *(student("labels", seed, 0.5 + seed / 10, dense) for seed in (0, 1) for dense in (0, 1)),
        *(student("responses", seed, 0.52 + seed / 10, 0) for seed in (0, 1)),
        *(student("responses", seed, 0.46 + seed / 10, 1) for seed in (0, 1)),
    ]
    found = claims(*students)
    assert found["responses beat labels alone, 1,000 parameters"].verdict == "yes"
    assert found["responses beat labels alone, 1,000 parameters"].ours == "+2.00 points [+2.00, +2.00]"
    assert found["responses beat labels alone, 2,000 parameters"].verdict == "no"
    assert found["responses beat labels alone, mean of all sizes"].ours.startswith("-1.00 points")


@pytest.mark.parametrize(("live", "verdict"), [(0.6, "yes: equal to the last digit"), (0.61, "contradicted")])
def test_live_and_stored_teachers_are_compared_seed_by_seed(live, verdict):
    students = [student(signal, seed, 0.6 + seed / 10) for seed in (0, 1) for signal in ("labels", "responses")]
    found = claims(*students, *(student("live", seed, live + seed / 10) for seed in (0, 1)))
    claim = found["a live teacher gives what its stored responses give"]
    assert claim.verdict == verdict
    assert f"differ by {'0' if live == 0.6 else '0.01'} at most" in claim.ours


def test_reliability_pools_predictions_not_networks():
    bins = pd.DataFrame(
        {"bin": [0.5, 0.5, 0.9], "share": [0.3, 0.1, 0.6], "confidence": [0.6, 0.52, 0.95], "accuracy": [0.5, 0.9, 0.8]}
    )
    found = offline.pooled(bins)
    assert list(found.index) == [0.5, 0.9]
    assert found.accuracy[0.5] == pytest.approx((0.3 * 0.5 + 0.1 * 0.9) / 0.4)
    assert found.confidence[0.9] == pytest.approx(0.95)
