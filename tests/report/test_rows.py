import json
import os

import pandas as pd
import pytest

from kdsuite.report import rows
from kdsuite.report.errors import NotRun, ReportError
from tests.report.made_up import DATA

SETTING = "0123456789ab"


def write(folder, lines, setting=SETTING, **configuration):
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {"epochs": 5, "lambda_": 0.4} | configuration
    content = {"experiment": "sweep", "setting": setting, "configuration": configuration, "data": {"name": "mnist"}}
    (folder / "setting.json").write_text(json.dumps(content))
    table = pd.DataFrame([DATA | {"setting": setting, "trial": f"t{n}"} | line for n, line in enumerate(lines)])
    table.to_csv(folder / "rows.csv", index=False)
    return folder


def two_rows(**columns):
    return [{"seed": seed, "test_accuracy": 0.9 + seed / 100} | columns for seed in (0, 1)]


def test_reads_rows_epochs_and_further_tables(tmp_path):
    folder = write(tmp_path / "sweep" / "a-0123456789ab", two_rows())
    (folder / "epochs.csv").write_text("study,trial,epoch,loss\nsweep,t0,1,0.5\nsweep,t0,2,0.25\nsweep,gone,1,9\n")
    (folder / "biases.csv").write_text("trial,bias\nt1,3.5\n")
    results = rows.read("sweep", tmp_path)
    assert results.rows.test_accuracy.tolist() == [0.9, 0.91]
    assert results.epochs[["epoch", "loss", "test_accuracy"]].values.tolist() == [[1, 0.5, 0.9], [2, 0.25, 0.9]]
    assert results.table("biases")[["bias", "seed"]].values.tolist() == [[3.5, 1]]
    with pytest.raises(NotRun, match=r"nothing\.csv is missing"):
        results.table("nothing")


def test_an_incomplete_last_line_is_dropped_and_said(tmp_path, capsys):
    folder = write(tmp_path / "sweep" / "a", two_rows())
    path = folder / "rows.csv"
    path.write_text(path.read_text()[:-4])
    assert rows.read("sweep", tmp_path).rows.trial.tolist() == ["t0"]
    assert "rows.csv:3: dropped an incomplete last line" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + text.splitlines()[1] + "\n", r"rows\.csv:4: t0 stands on line 2 too"),
        (lambda text: text + "<<<<<<< HEAD\n", r"rows\.csv:4: 1 fields, expected 8"),
        (lambda text: text.replace("0.91\n", "0.91mnist\n"), r"rows\.csv:3: test_accuracy is '0.91mnist'"),
        (lambda text: text.replace("0.9\n", "0.9"), r"rows\.csv:2: 15 fields"),
        (lambda text: text.replace("trial", "seed"), r"rows\.csv:1: expected a header of distinct"),
        (lambda text: "", r"rows\.csv:1: expected a header"),
        (lambda text: text.replace("trial", "tribe"), r"rows\.csv:1: the header lacks trial"),
        (lambda text: text.replace("tfds", '"tfds'), r"rows\.csv:\d+: .* expected after"),
    ],
)
def test_damaged_rows_are_refused_with_file_and_line(tmp_path, change, message):
    path = write(tmp_path / "sweep" / "a", two_rows()) / "rows.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(ReportError, match=message):
        rows.read("sweep", tmp_path)


def test_rows_of_two_settings_are_refused_by_the_columns_that_differ(tmp_path):
    lines = two_rows() + [
        line | {"setting": "f" * 12, "source": "embedded", "train_size": 3500} for line in two_rows(trial="x")
    ]
    lines[3]["trial"] = "y"
    write(tmp_path / "sweep" / "a", lines)
    expected = r"mixes 2 settings: they differ in source \(tfds, embedded\), train_size \(55000, 3500\)$"
    with pytest.raises(ReportError, match=expected):
        rows.read("sweep", tmp_path)


def test_two_test_sets_of_one_setting_are_refused(tmp_path):
    lines = two_rows()
    lines[1]["test_size"] = 1000
    write(tmp_path / "sweep" / "a", lines)
    with pytest.raises(ReportError, match=r"differ in test_size \(10000, 1000\)"):
        rows.read("sweep", tmp_path)


def test_rows_of_another_setting_than_their_folders_are_refused(tmp_path):
    write(tmp_path / "sweep" / "a", [line | {"setting": "f" * 12} for line in two_rows()])
    with pytest.raises(ReportError, match=r"holds rows of setting ffffffffffff, but setting.json beside it is of 0123"):
        rows.read("sweep", tmp_path)


def test_of_several_settings_the_users_newest_and_the_references_only(tmp_path, monkeypatch):
    old = write(tmp_path / "sweep" / "b", two_rows(), setting="b" * 12, epochs=5)
    new = write(tmp_path / "sweep" / "a", two_rows(), setting="a" * 12, epochs=12)
    os.utime(old / "rows.csv", (1, 1))
    assert rows.read("sweep", tmp_path).folder == new
    assert rows.read("sweep", tmp_path, epochs=5, **{"lambda": 0.4}).folder == old
    monkeypatch.setattr(rows, "REFERENCE", tmp_path)
    with pytest.raises(ReportError, match="2 such settings: give one of epochs=12 or 5"):
        rows.read("sweep", tmp_path)
    assert rows.read("sweep", tmp_path, epochs=12).folder == new
    with pytest.raises(ReportError, match="has no option epoch"):
        rows.read("sweep", tmp_path, epoch=12)
    with pytest.raises(NotRun, match="no results with epochs=3"):
        rows.read("sweep", tmp_path, epochs=3)


def test_a_setting_without_rows_is_passed_over_and_an_option_it_does_not_name_has_its_default(tmp_path):
    plain = write(tmp_path / "sweep" / "a", two_rows(), setting="a" * 12)
    fast = write(tmp_path / "sweep" / "b", two_rows(), setting="b" * 12, precision="bfloat16")
    stopped = write(tmp_path / "sweep" / "c", two_rows(), setting="c" * 12, precision="bfloat16")
    (stopped / "rows.csv").unlink()
    assert rows.read("sweep", tmp_path, precision="bfloat16").folder == fast
    assert rows.read("sweep", tmp_path, precision="float32").folder == plain
    with pytest.raises(ReportError, match="has no option precisions"):
        rows.read("sweep", tmp_path, precisions="float32")


def test_what_was_not_run_is_left_out(tmp_path):
    write(tmp_path / "sweep" / "a", two_rows())
    assert set(rows.read_all(["sweep", "other"], tmp_path)) == {"sweep"}


def test_trials_that_failed_are_left_out(tmp_path):
    folder = write(tmp_path / "sweep" / "a", [*two_rows(), two_rows()[0] | {"trial": "t9", "failure": "loss nan"}])
    assert "t9" not in set(rows.read_folder(folder).rows.trial) and len(rows.read_folder(folder).rows) == 2
    failed = write(tmp_path / "sweep" / "b", [row | {"failure": "loss nan"} for row in two_rows()])
    with pytest.raises(NotRun, match="has no row of a trial that did not fail"):
        rows.read_folder(failed)
