"""Study 5: responses that are written once, students that need nothing else, calibration by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from experiments import offline_cifar10
from experiments.__main__ import main
from experiments.calibration import calibration_error, reliability
from experiments.offline_cifar10 import chosen, likeness, soft_targets, student
from experiments.rows import COLUMNS
from kdsuite.data import Split
from kdsuite.distill import TeacherOutputs, softened_names

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--data", "synthetic", "--results", "results", "--responses", "responses"]


def test_reliability_against_hand_computed_values():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    labels = np.array([0, 1, 0, 1])
    diagram = reliability(np.log(probabilities), labels, bins=2)
    assert len(diagram) == 1
    assert diagram[0] == pytest.approx({"bin": 0.5, "share": 1.0, "confidence": 0.75, "accuracy": 0.75})
    diagram = reliability(np.log(probabilities), labels, bins=4)
    assert [line["bin"] for line in diagram] == [0.5, 0.75]
    assert diagram[0] == pytest.approx({"bin": 0.5, "share": 0.5, "confidence": 0.65, "accuracy": 1.0})
    assert diagram[1] == pytest.approx({"bin": 0.75, "share": 0.5, "confidence": 0.85, "accuracy": 0.5})
    assert calibration_error(diagram) == pytest.approx(0.5 * 0.35 + 0.5 * 0.35)


def test_temperature_and_lambda_are_those_of_best_mean_validation_accuracy():
    rows = pd.DataFrame(
        {
            "temperature": [1, 1, 4, 4, 4, 4],
            "lambda": [0.5, 0.5, 0.5, 0.5, 0.9, 0.9],
            "validation_accuracy": [0.9, 0.2, 0.6, 0.62, 0.5, 0.5],
            "test_accuracy": [0, 0, 0, 0, 1, 1],
        }
    )
    assert chosen(rows) == {"temperature": 4.0, "lambda_": 0.5}


def test_likeness_against_scipy():
    student = np.log(np.array([[0.6, 0.4], [0.5, 0.5001], [0.1, 0.9]], "float32"))
    teacher = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], "float32"))
    measured = likeness(student, teacher)
    assert measured["agreement"] == pytest.approx(2 / 3)
    divergences = entropy(np.exp(teacher), np.exp(student), axis=1)
    assert measured["divergence"] == pytest.approx(divergences.mean(), rel=1e-4)
    assert likeness(student) == {}


def test_smoothed_labels_are_as_soft_as_the_teacher_and_know_only_the_labels():
    config = offline_cifar10.Config(data="synthetic")
    generator = np.random.default_rng(0)
    split = Split.from_arrays(np.zeros((6, 4, 4, 1), "uint8"), np.arange(6) % 3)
    responses = [TeacherOutputs({"logits": 3 * generator.normal(size=(6, 3)).astype("float32")}, split.fingerprint)]
    sizes = {"temperature": 2.0, "lambda_": 0.5}
    taught, smoothed = (
        soft_targets(student(config, "study", 0, (2, 4, 0), signal, **sizes), responses, split)
        for signal in ("responses", "label smoothing")
    )
    target, entropies = softened_names(2.0)
    np.testing.assert_allclose(taught.arrays[target], softmax(responses[0].arrays["logits"] / 2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(smoothed.arrays[entropies], taught.arrays[entropies].mean(), rtol=1e-3)
    np.testing.assert_array_equal(smoothed.arrays[target][:3], smoothed.arrays[target][3:])
    np.testing.assert_array_equal(smoothed.arrays[target].argmax(1), split.labels)


def test_students_without_responses_say_what_to_run(capsys):
    assert main(["offline-cifar10", *SMOKE]) == 2
    assert "write them with make offline-responses" in capsys.readouterr().err
    assert not Path("results").exists()


def test_teachers_alone_have_no_best_student(capsys):
    assert main(["offline-responses", *SMOKE, "--save-best", "best.keras"]) == 2
    assert "offline-responses has no student to save" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()


def test_responses_then_students_smoke(capsys):
    assert main(["offline-responses", *SMOKE]) == 0
    (file,) = Path("responses").glob("resnet_20-synthetic-*.npz")
    assert f"responses: {file}" in capsys.readouterr().out
    assert list(pd.read_csv("results/offline-responses.csv").train_size) == [120]
    assert main(["offline-cifar10", *SMOKE]) == 0
    rows = pd.read_csv("results/offline-cifar10.csv")
    assert tuple(rows.columns) == (*COLUMNS, *offline_cifar10.COLUMNS)
    assert list(rows.signal) == ["labels", "responses", "label smoothing", "live"]
    assert set(rows.train_size) == {60}
    by_signal = rows.set_index("signal")
    # Offline is the live teacher, stored.
    np.testing.assert_allclose(by_signal.test_loss["live"], by_signal.test_loss["responses"], rtol=1e-4)
    assert by_signal.test_loss["labels"] != by_signal.test_loss["responses"]
    assert rows[["agreement", "divergence", "calibration_error", "teacher_calibration_error"]].notna().all(axis=None)
    assert pd.read_csv("results/offline-sweep.csv").test_accuracy.isna().all()
    for figure in ("accuracy", "reliability", "sweep"):
        assert Path(f"results/figures/offline-{figure}.png").stat().st_size > 10_000


def test_a_machine_that_never_had_the_teacher(capsys):
    assert main(["offline-responses", *SMOKE]) == 0
    for path in Path(".cache/networks").iterdir():
        path.unlink()
    assert main(["offline-cifar10", *SMOKE]) == 0
    rows = pd.read_csv("results/offline-cifar10.csv")
    assert list(rows.signal) == ["labels", "responses", "label smoothing"]
    assert rows.agreement.isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lambdas", "0"], "lambda 0: the students without a teacher are always trained"),
        (["--depths", "0"], "depth 0: expected 1 or more"),
        (["--temperatures", "-1"], "temperature -1.0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["offline-cifar10", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
