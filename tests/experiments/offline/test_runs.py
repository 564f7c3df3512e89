"""Study 5 through its command line: responses that are written once, students that need nothing else."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.engine.rows import COLUMNS
from experiments.offline import cifar10, stored

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


@pytest.fixture(autouse=True)
def no_reference(monkeypatch, tmp_path):
    """A reference without responses."""
    monkeypatch.setattr(stored, "ROOT", tmp_path / "elsewhere")


def folder_of(experiment, root="results"):
    (folder,) = (path.parent for path in Path(root, experiment).glob("*/setting.json"))
    return folder


def rows_of(experiment, name="rows"):
    return pd.read_csv(folder_of(experiment) / f"{name}.csv")


def test_students_without_responses_say_what_to_run(capsys):
    assert main(["offline-cifar10", *SMOKE]) == 2
    assert "write them with make offline-responses" in capsys.readouterr().err


@pytest.mark.slow
def test_teachers_alone_have_no_best_student(capsys):
    assert main(["offline-responses", *SMOKE, "--save-best", "best.keras"]) == 2
    assert "offline-responses has no student to save" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.slow
def test_responses_then_students(capsys):
    assert main(["offline-responses", *SMOKE]) == 0
    (file,) = (folder_of("offline-responses") / "responses").glob("resnet_20-synthetic-*.npz")
    assert f"responses: {file}" in capsys.readouterr().out
    assert list(rows_of("offline-responses").train_size) == [120]
    assert main(["offline-cifar10", *SMOKE]) == 0
    rows = rows_of("offline-cifar10")
    assert tuple(rows.columns) == (*COLUMNS, *cifar10.COLUMNS)
    assert list(rows.series) == ["labels alone", "responses", "label smoothing", "live"]
    assert set(rows.train_size) == {60}
    by_signal = rows.set_index("series")
    # Offline is the live teacher, stored.
    np.testing.assert_allclose(by_signal.test_loss["live"], by_signal.test_loss["responses"], rtol=1e-4)
    assert by_signal.test_loss["labels alone"] != by_signal.test_loss["responses"]
    assert rows[["agreement", "divergence", "calibration_error", "teacher_calibration_error"]].notna().all(axis=None)
    teacher = rows_of("offline-responses")
    assert set(rows.teacher_params) == set(teacher.params)
    np.testing.assert_allclose(rows.teacher_test_accuracy, teacher.test_accuracy.item(), rtol=1e-5)
    candidates = rows_of("offline-cifar10", "candidates")
    assert list(candidates.seed) == [100]
    assert candidates.test_accuracy.isna().all()
    bins = rows_of("offline-cifar10", "reliability")
    np.testing.assert_allclose(bins.groupby(["trial", "network"]).share.sum(), 1, rtol=1e-5)
    for figure in ("accuracy", "signals", "epochs", "reliability", "choice"):
        path = folder_of("offline-cifar10") / "figures" / f"offline-{figure}.png"
        assert path.stat().st_size > 10_000


@pytest.mark.slow
def test_a_machine_that_never_had_the_teacher():
    assert main(["offline-responses", *SMOKE]) == 0
    shutil.copytree(folder_of("offline-responses") / "responses", "shipped")
    for folder in ("results", ".cache"):
        shutil.rmtree(folder)
    assert main(["offline-cifar10", *SMOKE, "--responses", "shipped"]) == 0
    rows = rows_of("offline-cifar10")
    assert list(rows.series) == ["labels alone", "responses", "label smoothing"]
    assert rows.agreement.isna().all()


@pytest.mark.slow
def test_responses_of_the_reference_serve_who_has_none(monkeypatch, tmp_path):
    assert main(["offline-responses", *SMOKE]) == 0
    reference = tmp_path / "elsewhere" / "results" / "reference"
    reference.mkdir(parents=True)
    shutil.move("results/offline-responses", reference)
    assert main(["offline-cifar10", *SMOKE, "--dry-run"]) == 0


@pytest.mark.slow
def test_responses_of_several_runs_must_be_chosen(capsys):
    for epochs in ("1", "2"):
        assert main(["offline-responses", *SMOKE, "--teacher-epochs", epochs]) == 0
    assert main(["offline-cifar10", *SMOKE, "--teacher-epochs", "2", "--dry-run"]) == 0
    capsys.readouterr()
    assert main(["offline-cifar10", *SMOKE, "--teacher-epochs", "3"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "several runs have responses resnet_20-synthetic-" in error
    assert "choose one with --responses" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--lambdas", "0"],
            "lambdas 0.0: expected a number above 0 to 1 (students on labels alone are trained anyway)",
        ),
        (["--students", "cnn_0_4_0"], "student 'cnn_0_4_0': expected cnn_DEPTH_WIDTH_DENSE"),
        (["--compared", "vgg"], "student 'vgg': expected"),
        (["--temperatures", "-1"], "temperatures -1.0: expected"),
        (["--choice-seeds", "1", "1"], "choice seeds 1 1: expected one or more different values"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["offline-cifar10", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
