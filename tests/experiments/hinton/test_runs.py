"""Study 2 through its command line, on the embedded digits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.engine.rows import COLUMNS
from experiments.hinton import bias, networks, transfer_set
from tests.experiments.folders import folder_of

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke", "--seeds", "0"]


@pytest.mark.slow
def test_table_1():
    assert main(["hinton-mnist", *SMOKE, "--ablation", "0"]) == 0
    folder = folder_of("hinton-mnist")
    rows = pd.read_csv(folder / "rows.csv")
    assert tuple(rows.columns) == (*COLUMNS, *networks.COLUMNS)
    kinds = rows[["role", "series", "optimizer", "views", "units"]].itertuples(index=False, name=None)
    assert list(kinds) == [
        ("teacher", "teacher", "adam", 25, 1200),
        ("student", "labels alone", "adam", 1, 800),
        ("student", "distilled", "adam", 25, 800),
        ("student", "without views", "adam", 1, 800),
        ("student", "SGD 0.01", "sgd", 25, 800),
        ("student", "a third of the epochs", "adam", 25, 800),
    ]
    assert (folder / "figures" / "hinton-mnist-original.png").stat().st_size > 10_000


@pytest.mark.slow
def test_transfer_set():
    assert main(["hinton-transfer-set", *SMOKE, "--protocol", "reproduction"]) == 0
    folder = folder_of("hinton-transfer-set")
    rows = pd.read_csv(folder / "rows.csv")
    assert list(rows.transfer_set.fillna("")) == ["", "0 1 2 4 5 6 7 8 9", "7 8"]
    students = rows[rows.transfer_set.notna()]
    assert students[list(transfer_set.BIAS_COLUMNS)].notna().all(axis=None)
    assert (students.train_size < 300).all()
    curves = pd.read_csv(folder / "biases.csv")
    for row in students.itertuples():
        curve = curves[curves.trial == row.trial]
        assert len(curve) == len(bias.BIASES)
        assert curve[curve.bias == 0].test_errors.item() == row.test_errors
        assert curve.validation_errors.min() == curve[curve.bias == row.bias_by_validation].validation_errors.item()
    digits = [f"test_accuracy_digit_{digit}" for digit in range(10)]
    with np.load(folder / "predictions.npz") as file:
        counts = np.bincount(file["labels"], minlength=10)
    right = (students[digits].fillna(0) * counts).sum(axis=1)
    np.testing.assert_allclose(right, students.test_size - students.test_errors, rtol=1e-5)
    with np.load(folder / "threes.npz") as file:
        assert len(file["images"]) == len(file["teacher"]) == len(file["student"])
        np.testing.assert_allclose(file["student"].sum(-1), 1, rtol=1e-5)
    for figure in ("digits", "bias", "threes"):
        path = folder / "figures" / f"hinton-transfer-set-{figure}-reproduction.png"
        assert path.stat().st_size > 10_000


@pytest.mark.slow
def test_temperature():
    assert main(["hinton-temperature", *SMOKE]) == 0
    folder = folder_of("hinton-temperature")
    rows = pd.read_csv(folder / "rows.csv")
    assert sorted(rows.temperature.dropna()) == [2.5, 20.0]
    assert (folder / "figures" / "hinton-temperature-original.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("experiment", "options", "message"),
    [
        ("hinton-mnist", ["--epochs", "0"], "epochs 0: expected a number from 1"),
        ("hinton-mnist", ["--lambda", "2"], "lambda 2.0: expected"),
        ("hinton-mnist", ["--temperature", "0"], "temperature 0.0: expected a number from 0.01 to 1000"),
        ("hinton-mnist", ["--ablation", "-1"], "ablation -1: expected"),
        ("hinton-temperature", ["--temperatures", "0"], "temperatures 0.0: expected"),
        ("hinton-temperature", ["--temperature", "4"], "temperature"),
        ("hinton-temperature", ["--units", "0"], "units 0: expected a number from 1"),
    ],
)
def test_bad_input_is_one_line_and_status_2(experiment, options, message, capsys):
    assert main([experiment, *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
