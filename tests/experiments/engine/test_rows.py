import csv
import multiprocessing
import resource
import shutil
import threading
import time

import numpy as np
import pytest

from experiments.engine.errors import UsageError
from experiments.engine.results import Results
from experiments.engine.rows import COLUMNS, Table, check_writable
from kdsuite.report.errors import ReportError

HEADER = ("trial", "value", "note")


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_that_do_not_apply_are_empty(tmp_path):
    table = Table(tmp_path / "new" / "rows.csv", HEADER)
    table.append([{"trial": "a", "value": 0.1234567, "note": None}])
    table.append([{"trial": "b", "value": 0}])
    assert read(table.path) == [
        {"trial": "a", "value": "0.123457", "note": ""},
        {"trial": "b", "value": "0", "note": ""},
    ]
    assert table.trials() == {"a", "b"}


def test_a_trial_is_written_once(tmp_path):
    table = Table(tmp_path / "rows.csv", HEADER)
    for value in (1, 2):
        table.append([{"trial": "a", "value": value}])
    assert [row["value"] for row in read(table.path)] == ["1"]


def test_an_unknown_column_is_an_error_and_leaves_no_file(tmp_path):
    table = Table(tmp_path / "rows.csv", HEADER)
    with pytest.raises(ValueError, match="vaule"):
        table.append([{"trial": "a", "vaule": 1}])
    assert not table.path.exists()


def test_another_header_is_refused_and_kept(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("some,thing\n1,2\n")
    with pytest.raises(UsageError, match=r"rows\.csv has another header \(some,thing"):
        Table(path, COLUMNS)
    assert path.read_text() == "some,thing\n1,2\n"


def _append_many(path, name):
    table = Table(path, HEADER)
    for number in range(50):
        table.append([{"trial": f"{name}-{number}", "value": number, "note": "x" * 200}])


def test_two_processes_append_whole_rows(tmp_path):
    path = tmp_path / "rows.csv"
    other = multiprocessing.get_context("spawn").Process(target=_append_many, args=(path, "a"))
    other.start()
    while not path.exists() and other.is_alive():
        time.sleep(0.001)
    _append_many(path, "b")
    other.join()
    rows = read(path)
    assert sorted(row["trial"] for row in rows) == sorted(f"{name}-{n}" for name in "ab" for n in range(50))
    assert {row["note"] for row in rows} == {"x" * 200}


def test_a_new_file_appears_with_its_header_and_first_row(tmp_path, monkeypatch):
    path, seen = tmp_path / "rows.csv", []
    monkeypatch.setattr("experiments.engine.rows.os.fsync", lambda _: seen.append(path.exists()))
    Table(path, HEADER).append([{"trial": "a", "value": 1}])
    assert set(seen) == {False}
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".csv"] == ["rows.csv"]
    assert [row["trial"] for row in read(path)] == ["a"]


@pytest.mark.parametrize("rows_before", [0, 1])
def test_a_row_that_does_not_fit_on_the_disk_is_taken_back(tmp_path, rows_before):
    table = Table(tmp_path / "rows.csv", HEADER)
    for number in range(rows_before):
        table.append([{"trial": number, "value": 1}])
    before = table.path.read_bytes() if rows_before else None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            table.append([{"trial": "big", "note": "x" * 500}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (table.path.read_bytes() if table.path.exists() else None) == before


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path):
    check_writable(tmp_path / "not" / "yet")
    assert not list(tmp_path.iterdir())


def test_a_read_only_folder_is_refused(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with pytest.raises(UsageError, match=r"cannot write to .*results \(read-only\)"):
            check_writable(folder)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_full_disk_is_refused(tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(UsageError, match="cannot write to"):
            check_writable(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_last_row_cut_inside_a_number_is_dropped_said_and_written_again(tmp_path, capsys):
    table = Table(tmp_path / "rows.csv", HEADER, key=("trial",))
    for name in "ab":
        table.append([{"trial": name, "value": 12345}])
    whole = table.path.read_bytes()
    table.path.write_bytes(whole[:-4])
    assert table.trials() == {"a"}
    assert "dropped an incomplete last line" in capsys.readouterr().err
    table.append([{"trial": "b", "value": 12345}])
    assert table.path.read_bytes() == whole


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("\nb", "b"), r"rows\.csv:2: 5 fields, expected 3"),
        (lambda text: text + "a,1,\n", r"rows\.csv:4: a stands on line 2 too"),
        (lambda text: text.replace("b,2", "<<<<<<< HEAD\nb,2"), r"rows\.csv:3: 1 fields, expected 3"),
    ],
)
def test_any_other_damage_is_refused_with_file_and_line(damage, message, tmp_path):
    table = Table(tmp_path / "rows.csv", HEADER, key=("trial",))
    for name, value in (("a", 1), ("b", 2)):
        table.append([{"trial": name, "value": value}])
    table.path.write_text(damage(table.path.read_text()))
    with pytest.raises(ReportError, match=message):
        table.trials()


def test_what_a_kill_left_of_several_lines_is_replaced(tmp_path):
    table = Table(tmp_path / "epochs.csv", HEADER)
    table.append([{"trial": "a", "value": 1}])
    table.append([{"trial": "b", "value": 1}])
    table.append([{"trial": "b", "value": value} for value in (1, 2, 3)], replace=True)
    assert [(row["trial"], row["value"]) for row in read(table.path)] == [
        ("a", "1"),
        ("b", "1"),
        ("b", "2"),
        ("b", "3"),
    ]


def test_rows_that_do_not_belong_together_stay(tmp_path):
    """A benchmark is measured anew on one processor; its rows of another one stay."""
    table = Table(tmp_path / "speed.csv", HEADER, ("trial", "note"), together=("trial", "note"))
    for value, note in ((1, "EPYC"), (2, "Xeon"), (3, "EPYC")):
        table.append([{"trial": "a", "value": value, "note": note}], replace=True)
    assert {(row["note"], row["value"]) for row in read(table.path)} == {("Xeon", "2"), ("EPYC", "3")}


def _add_predictions(folder, name):
    results = Results.__new__(Results)
    results.folder = folder
    for number in range(15):
        results._add_predictions(f"{name}-{number}", np.array([0, 1, number]), np.array([0, 1, 2]))


def test_two_runs_keep_each_others_predictions(tmp_path):
    threads = [threading.Thread(target=_add_predictions, args=(tmp_path, name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with np.load(tmp_path / "predictions.npz") as file:
        kept = dict(zip(file["trial"].tolist(), file["classes"][:, 2].tolist(), strict=True))
    assert kept == {f"{name}-{number}": number for name in "ab" for number in range(15)}
