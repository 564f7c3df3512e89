"""Study 5 through its command line: responses that are written once, students that need nothing else."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.cli import main
from experiments.engine.rows import COLUMNS
from experiments.offline import cifar10, stored, views
from experiments.offline.config import Cifar10Config
from experiments.offline.report import CIFAR10
from kdsuite.report.rows import read
from tests.experiments.folders import folder_of, rows_of

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


@pytest.fixture(autouse=True)
def no_reference(monkeypatch, tmp_path):
    """A reference without responses."""
    monkeypatch.setattr(stored, "ROOT", tmp_path / "elsewhere")


def test_students_without_responses_say_what_to_run(capsys):
    assert main(["offline-cifar10", *SMOKE]) == 2
    assert "write them with make offline-responses" in capsys.readouterr().err


def test_other_teachers_beside_the_first_have_a_setting_of_their_own(monkeypatch):
    given = {name: SimpleNamespace(fingerprint=name) for name in ("airbench_64_256_256", "resnet_8")}
    monkeypatch.setattr(cifar10.OfflineCifar10, "responses", given)

    def setting(*teachers):
        return str(cifar10.OfflineCifar10(replace(Cifar10Config(), teachers=teachers)).setting())

    usual = Cifar10Config().teachers
    assert setting(usual[0]) == setting(*usual)
    assert len({setting(*usual), setting(usual[0], "resnet_8"), setting(*usual, "resnet_8"), setting("resnet_8")}) == 4


@pytest.mark.slow
def test_responses_then_students(capsys):
    assert main(["offline-responses", *SMOKE]) == 0
    files = sorted((folder_of("offline-responses") / "responses").glob("*.npz"))
    assert [file.name.split("-")[0] for file in files] == ["airbench_8_8_8", "resnet_8"]
    printed = capsys.readouterr().out
    assert all(f"responses: {file}" in printed for file in files)
    teachers = rows_of("offline-responses")
    assert list(teachers.series) == ["teacher", "teacher", "teachers together"]
    assert teachers.params[2] == teachers.params[:2].sum()
    assert main(["offline-cifar10", *SMOKE]) == 0
    rows = rows_of("offline-cifar10")
    assert tuple(rows.columns) == (*COLUMNS, *cifar10.COLUMNS)
    assert list(rows.series) == [
        *("labels alone", "responses", "label smoothing", "ensemble", "labels alone, fresh views")
    ]
    assert list(rows.views) == [2, 2, 2, 2, 50]
    assert rows.test_loss.nunique() == len(rows)
    assert rows[["calibration_error", "calibration_error_scaled"]].notna().all(axis=None)
    assert set(rows.teacher_params) == {teachers.params[0]}
    np.testing.assert_allclose(rows.teacher_test_accuracy, teachers.test_accuracy[0], rtol=1e-5)
    bins = rows_of("offline-cifar10", name="reliability")
    np.testing.assert_allclose(bins.groupby("trial").share.sum(), 1, rtol=1e-5)
    for figure in ("accuracy", "signals", "epochs", "reliability"):
        path = folder_of("offline-cifar10") / "figures" / f"offline-{figure}.png"
        assert path.stat().st_size > 10_000
    capsys.readouterr()
    assert main(["status"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "offline-cifar10" in line)
    assert line.split()[-3:] == ["5", "0", "0"]
    stopped = read("offline-cifar10", "results")
    stopped = replace(stopped, rows=stopped.rows[:2])
    assert set(CIFAR10.figures(stopped)) == {"offline-accuracy", "offline-epochs"}


@pytest.mark.long
def test_a_machine_that_never_had_the_teacher():
    assert main(["offline-responses", *SMOKE]) == 0
    shutil.copytree(folder_of("offline-responses") / "responses", "shipped")
    for folder in ("results", ".cache"):
        shutil.rmtree(folder)
    assert main(["offline-cifar10", *SMOKE, "--responses", "shipped"]) == 0
    assert "responses" in set(rows_of("offline-cifar10").series)


@pytest.mark.slow
def test_stored_views_and_a_live_teacher(monkeypatch):
    passes = []
    monkeypatch.setattr(
        views, "pass_seconds", lambda teacher, split: passes.append((len(split), split.views.count)) or 1.5
    )
    assert main(["offline-views", *SMOKE]) == 0
    rows = rows_of("offline-views")
    assert tuple(rows.columns) == (*COLUMNS, *views.COLUMNS)
    students = rows[rows.role == "student"].set_index("series")
    assert list(students.index) == [
        *("labels alone", "responses, 1 view", "responses, 2 views", "live", "live, fresh views")
    ]
    assert list(students.views) == [2, 1, 2, 2, 50]
    # Offline is the live teacher, stored.
    np.testing.assert_allclose(students.test_loss["live"], students.test_loss["responses, 2 views"], rtol=1e-4)
    assert students.test_loss.drop("live").nunique() == 4
    assert set(students.teacher_params) == set(rows.params[rows.role == "teacher"])
    np.testing.assert_allclose(students.teacher_test_accuracy, rows.test_accuracy[0], rtol=1e-5)
    assert students.agreement.between(0, 1).all() and (students.divergence > 0).all()
    assert passes == [(60, 2), (60, 1)]
    measured = rows_of("offline-views", name="passes")
    assert measured[["views_drawn", "pass_seconds"]].to_numpy().tolist() == [[2, 1.5], [1, 1.5]]
    assert set(measured.trial) == set(rows.trial[rows.role == "teacher"])
    assert (folder_of("offline-views") / "figures" / "offline-views.png").stat().st_size > 10_000


def test_a_pass_is_timed_with_an_empty_cache(monkeypatch):
    calls, clock = [], iter([10.0, 12.5])
    monkeypatch.setattr(
        views.distill,
        "teacher_outputs",
        lambda *given, cache, batch_size: calls.append((given, [*Path(cache).iterdir()])),
    )
    monkeypatch.setattr(views.time, "perf_counter", lambda: next(clock))
    assert views.pass_seconds("teacher", "split") == 2.5
    assert calls == [(("teacher", "split"), [])]


@pytest.mark.slow
def test_responses_of_several_runs_must_be_chosen_and_those_of_the_reference_serve_who_has_none(capsys, tmp_path):
    smoke = [*SMOKE, "--teachers", "airbench_8_8_8"]
    for epochs in ("1", "2"):
        assert main(["offline-responses", *smoke, "--teacher-epochs", epochs]) == 0
    assert main(["offline-cifar10", *smoke, "--teacher-epochs", "2", "--dry-run"]) == 0
    capsys.readouterr()
    assert main(["offline-cifar10", *smoke, "--teacher-epochs", "3"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "several runs have responses airbench_8_8_8-synthetic-" in error
    assert "choose one with --responses" in error
    shutil.rmtree(next(Path("results/offline-responses").iterdir()))
    reference = tmp_path / "elsewhere" / "results" / "reference"
    reference.mkdir(parents=True)
    shutil.move("results/offline-responses", reference)
    assert main(["offline-cifar10", *smoke, "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--lambdas", "0"],
            "lambdas 0.0: expected a number above 0 to 1 (students on labels alone are trained anyway)",
        ),
        (["--students", "cnn_0_4_0"], "network 'cnn_0_4_0': expected a name like airbench_24_64_64, cnn_3_32_1"),
        (["--compared", "vgg"], "network 'vgg': expected"),
        (["--students", "mobilenet_0.75"], "student 'mobilenet_0.75': expected a small network"),
        (["--teachers", "resnet_21"], "network 'resnet_21': expected"),
        (
            ["--teachers", "mobilenet_0.75", "--weights", "w.h5"],
            "weights 'w.h5' for mobilenet_0.75: expected imagenet, or",
        ),
        (["--teacher-size", "50"], "teacher size 50: expected at least the 60 images of the transfer set"),
        (["--recipe", "adam"], "views 2: recipe adam shows each image as it is, expected 1"),
        (["--views", "51"], "views 51: expected a number from 1 to 50"),
        (["--temperatures", "-1"], "temperatures -1.0: expected"),
        (["--choice-seeds", "1", "1"], "choice seeds 1 1: expected one or more different values"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["offline-cifar10", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--teachers", "airbench_8_8_8", "resnet_8"], "teachers airbench_8_8_8 resnet_8: expected one"),
        (["--student", "mobilenet_0.75"], "student 'mobilenet_0.75': expected a small network"),
        (["--recipe", "adam", "--views", "1"], "recipe adam: it shows each image as it is, expected fast"),
        (["--lambda", "0"], "lambda 0.0: expected a number above 0 to 1"),
    ],
)
def test_bad_input_of_views(options, message, capsys):
    assert main(["offline-views", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
