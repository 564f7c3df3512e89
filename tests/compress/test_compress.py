"""The whole way, on a tiny model and folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from kdsuite import compress, data, prune
from tests.compress.conftest import SIZE, trained, write_photos

ROOT = Path(__file__).resolve().parents[2]
FILES = {"student.keras", "student.float32.tflite", "student.float16.tflite", "student.int8.tflite", "student.onnx"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with `photos/` and `teacher.keras`, as a user has them."""
    folder = tmp_path_factory.mktemp("compress")
    write_photos(folder / "photos", 60)
    keras.utils.set_random_seed(0)
    trained(folder / "photos").save(folder / "teacher.keras")
    return folder


def start(folder, *options):
    command = [sys.executable, "-m", "kdsuite.compress", "teacher.keras", "photos", "--minutes", "0.4", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process, status=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    assert "Traceback" not in err
    return out, err


def records(folder):
    """What the candidates came to, without the times."""
    result = json.loads((folder / "result.json").read_text())
    return [{name: value for name, value in one.items() if name != "seconds"} for one in result["candidates"]]


@pytest.fixture(scope="module")
def compressed(folder):
    """What the command printed: its table, and its live line."""
    return finish(start(folder, "--target-macs", "0.5"))


def test_views_by_the_words_of_the_command_are_refused():
    with pytest.raises(compress.CompressionError, match=r"views 'flip': expected None, data\.Flip\(\)"):
        compress.compress("teacher.keras", "photos", max_drop=0.1, views="flip")  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_it_leaves_all_files_and_says_what_it_did(folder, compressed):
    out, err = compressed
    assert FILES | {"report.html", "result.json"} <= {path.name for path in (folder / "compressed").iterdir()}
    assert "The goal, at most 0.5 of the MACs, was reached." in out
    assert "taylor, the same of each layer to 0.50 · rung 1" in err
    result = json.loads((folder / "compressed" / "result.json").read_text())
    assert result["reached"]
    assert {row["file"] for row in result["files"]} == FILES | {"teacher.keras"}
    assert [proof["holds"] for proof in result["proofs"][:2]] == [True, True]
    assert sum(map(sum, result["confusions"]["student"])) == result["sizes"]["test"]


@pytest.mark.slow
def test_the_student_is_what_the_table_says(folder, compressed):
    result = json.loads((folder / "compressed" / "result.json").read_text())
    student = keras.models.load_model(folder / "compressed" / "student.keras")
    teacher = keras.models.load_model(folder / "teacher.keras")
    assert prune.macs(student) <= 0.5 * prune.macs(teacher)
    test = data.load(str(folder / "photos"), image_size=SIZE, validation_size=19, cache=folder / ".cache").test
    given = student.predict(np.asarray(test.images), verbose=0)
    np.testing.assert_allclose(given.sum(-1), 1, atol=1e-5)
    (row,) = [row for row in result["files"] if row["file"] == "student.keras"]
    assert row["accuracy"] == pytest.approx(np.mean(given.argmax(-1) == test.labels))
    assert (row["params"], row["macs"]) == (student.count_params(), prune.macs(student))
    assert getattr(student, "optimizer", None) is None


@pytest.mark.slow
def test_the_report_needs_nothing_beside_it(folder, compressed):
    page = (folder / "compressed" / "report.html").read_text()
    assert "kdsuite compress teacher.keras photos --minutes 0.4 --target-macs 0.5" in page
    assert page.count("<svg") == 2
    assert "src='http" not in page and "<script" not in page


@pytest.mark.long
def test_a_killed_command_goes_on_with_the_same_candidates(folder, compressed):
    options = ("--target-macs", "0.5", "--folder", "killed")
    for written, number, status in (
        ("rung-0.json", signal.SIGKILL, -signal.SIGKILL),
        ("*/rung-0.keras", signal.SIGTERM, 143),
    ):
        process = start(folder, *options)
        while process.poll() is None and not list((folder / "killed" / ".work").glob(f"*/{written}")):
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate()
        assert process.returncode == status
    finish(start(folder, *options))
    expected, given = records(folder / "compressed"), records(folder / "killed")
    assert [one["recipe"] for one in given][:1] == [one["recipe"] for one in expected][:1]
    same = {(json.dumps(one["recipe"]), one["rung"]): one for one in expected}
    for one in given:
        other = same.get((json.dumps(one["recipe"]), one["rung"]))
        if other is not None and other["steps"] == one["steps"]:
            assert one == other
    assert not list((folder / "killed").rglob(".building-*"))


@pytest.mark.long
def test_a_drop_alone_finds_the_smallest_that_keeps_to_it(folder):
    result = compress.compress(
        folder / "teacher.keras",
        folder / "photos",
        max_drop=0.1,
        minutes=0.3,
        folder=folder / "drop",
        cache=folder / ".cache",
        views=data.Flip(),
        quiet=True,
    )
    assert result.reached
    assert result.files[1].macs < 0.9 * result.files[0].macs
    assert result.table().splitlines()[1].startswith("teacher")
