"""Study 5's verdicts on made-up rows, where the right one is known."""

import pandas as pd
import pytest

from experiments.offline.claims import CLAIMS
from experiments.offline.report_calibration import pooled
from kdsuite.report.named import settings_of
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

SEEDS = (0, 1, 2)
STEPS = (-0.001, 0.0, 0.001)
SIZES = {"tiny": 20_000, "small": 400_000, "large": 900_000, "too large": 1_000_001}
QUESTION = "a student of at most 1 M parameters comes within 2 points of its teacher"


def student(series, size, accuracy, **values):
    """A row a seed."""
    return [
        {
            "role": "student",
            "series": series,
            "seed": seed,
            "student": size,
            "params": SIZES[size],
            "params_share": SIZES[size] / 2_000_000,
            "teacher_test_accuracy": 0.92,
            "validation_accuracy": accuracy + step,
            "test_accuracy": accuracy + step,
            "test_loss": 1 - accuracy - step,
            "agreement": accuracy + step,
            "calibration_error": 0.1 + step,
            "calibration_error_scaled": 0.02,
        }
        | values
        for seed, step in zip(SEEDS, STEPS, strict=True)
    ]


def rows(best=0.91, gains=(0.0, 0.005, 0.03), **common):
    """Students on labels and responses; the large student of responses reaches `best`, and has every signal."""
    levels = dict(zip(("tiny", "small", "large"), (best - 0.1, best - 0.015, best), strict=True))
    lines = [
        row
        for (size, level), more in zip(levels.items(), gains, strict=True)
        for row in (
            *student("labels alone", size, level - more, calibration_error=0.05),
            *student("responses", size, level, calibration_error=0.02),
        )
    ]
    lines += student("responses", "too large", 0.999) + student("labels alone", "too large", 0.999)
    lines += student("label smoothing", "large", best - 0.02) + student("ensemble", "large", best + 0.004)
    lines += student("labels alone, fresh views", "large", best - gains[2] + 0.001)
    return [row | {"train_size": 45_000, "dataset": "cifar10"} | common for row in lines]


def views(**common):
    """Students of labels, of stored views and of the live teacher, from the worst to the best."""
    series = ("responses, 1 view", "labels alone", "live", "responses, 8 views", "responses, 16 views")
    lines = [row for name, level in zip(series, (0.8, 0.81, 0.83, 0.83, 0.83), strict=True)
             for row in student(name, "small", level)]  # fmt: skip
    lines += student("live, fresh views", "small", 0.85)
    return [row | {"train_size": 20_000, "dataset": "cifar10"} | common for row in lines]


@pytest.fixture(scope="module")
def of_signals():
    return verdicts([row for row in rows(gains=(0.0, 0.002, 0.01)) if row["student"] != "too large"])


@pytest.fixture(scope="module")
def of_views():
    return verdicts(rows())


@pytest.fixture(scope="module")
def of_views_of_few_images():
    return verdicts(rows(), of_views=views(train_size=5_000))


def verdicts(lines, epochs=(), of_views=()):
    read = {"offline-cifar10": results(lines, epochs=epochs), "offline-views": results(list(of_views) or views())}
    return {one.claim.tests: one for one in judge(CLAIMS, read)}


def test_claims_have_names_of_their_own_and_rows_of_one_experiment():
    assert len({claim.tests for claim in CLAIMS}) == len(CLAIMS)
    assert settings_of(CLAIMS) == ["offline-cifar10", "offline-views"]


@pytest.mark.parametrize(("best", "verdict"), [(0.91, "yes"), (0.88, "no"), (0.90, "undecided")])
def test_the_question_is_answered_by_the_student_best_on_validation_among_those_small_enough(best, verdict):
    found = verdicts(rows(best))
    assert found[QUESTION].verdict == verdict
    if best == 0.91:
        assert found[QUESTION.replace("2 points", "1 point")].verdict == "undecided"
        third = found["a student of at most a third of its parameters comes within 2 points of its teacher"]
        assert third.verdict == "no"
        assert third.sample.values.mean() == pytest.approx(-0.005)


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ("responses beat labels alone, mean of all sizes", "yes"),
        ("the larger the student, the more responses add to labels alone", "yes"),
        ("it is knowledge: responses beat label smoothing of their entropy", "yes"),
        ("the mean of all teachers beats the first", "yes"),
        ("temperature scaling lowers the calibration error of students of responses", "undecided"),
        ("after scaling, too, responses lower the calibration error of labels alone", "no difference"),
        ("fresh views beat drawn ones, on labels alone", "yes"),
        ("responses lower the calibration error of labels alone", "yes"),
        ("responses learn faster: validation accuracy after epoch 1", "not run"),
    ],
)
def test_signals(of_signals, tests, verdict):
    assert of_signals[tests].verdict == verdict


OF_VIEWS = {
    "students of responses answer as the teacher does more often than students of labels": "reproduced",
    "8 views' responses are as good as a live teacher's for the same views": "no difference",
    "8 stored views beat one": "yes",
    "16 stored views beat 8": "no difference",
    "fresh views of a live teacher beat 8 stored ones": "yes",
}


@pytest.mark.parametrize(("tests", "verdict"), OF_VIEWS.items())
def test_stored_views_against_a_live_teacher(of_views, of_views_of_few_images, tests, verdict):
    assert of_views[tests].verdict == verdict
    assert of_views_of_few_images[tests].verdict == "not tested at this size"


def test_learning_faster_is_judged_by_epoch_and_pairs_of_one_size():
    lines = rows()
    table = results(lines).rows
    epochs = [
        row | {"epoch": epoch, "validation_accuracy": 0.5 + row["seed"] / 1000 + gain * (row["series"] == "responses")}
        for epoch, gain in ((1, 0.05), (2, 0.0), (5, -0.02))
        for row in table.to_dict("records")
    ]
    found = verdicts(lines, epochs)
    by_epoch = [found[f"responses learn faster: validation accuracy after epoch {epoch}"] for epoch in (1, 2, 5)]
    assert [one.verdict for one in by_epoch] == ["reproduced", "no difference", "contradicted"]
    assert by_epoch[0].sample.values.to_list() == pytest.approx([0.05] * 3)


@pytest.mark.parametrize("common", [{"train_size": 2000}, {"teacher_test_accuracy": 0.76}])
def test_few_images_and_weak_teachers_test_nothing(common):
    assert verdicts(rows(**common))[QUESTION].verdict == "not tested at this size"


def test_small_students_alone_do_not_answer_the_question():
    lines = [row for row in rows() if row["student"] in ("tiny", "small")]
    found = verdicts(lines)
    assert found[QUESTION].verdict == "not tested at this size"
    assert found["the larger the student, the more responses add to labels alone"].verdict == "not tested at this size"
    assert found["a student of at most a third of its parameters comes within 2 points of its teacher"].verdict == "no"
    slope = verdicts([row for row in lines if row["student"] == "small"])[
        "the larger the student, the more responses add to labels alone"
    ]
    assert "no seed has pairs at two values of log₂ of the parameters" in slope.why


def test_reliability_pools_predictions_not_networks():
    bins = pd.DataFrame(
        {"bin": [0.5, 0.5, 0.9], "share": [0.3, 0.1, 0.6], "confidence": [0.6, 0.52, 0.95], "accuracy": [0.5, 0.9, 0.8]}
    )
    found = pooled(bins)
    assert list(found.index) == [0.5, 0.9]
    assert found.accuracy[0.5] == pytest.approx((0.3 * 0.5 + 0.1 * 0.9) / 0.4)
    assert found.confidence[0.9] == pytest.approx(0.95)
