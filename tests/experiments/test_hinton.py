"""Study 2 through its command line on the embedded digits; schedules, biases and transfer sets by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import bias, hinton, hinton_mnist, hinton_temperature, hinton_transfer_set
from experiments.__main__ import main
from experiments.hinton import PROTOCOLS, Recipe, learning_rate
from experiments.rows import COLUMNS

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke", "--results", "results", "--seeds", "0"]


def test_steps_fall_by_ten_every_30_epochs():
    schedule = learning_rate(PROTOCOLS["reproduction"].teacher, steps_per_epoch=550)
    for epoch, expected in ((0, 1e-2), (29.99, 1e-2), (30, 1e-3), (59.99, 1e-3), (60, 1e-4), (99.99, 1e-5)):
        assert float(schedule(int(epoch * 550))) == pytest.approx(expected, rel=1e-5)


def test_cosine_falls_to_zero_at_the_end():
    schedule = learning_rate(Recipe(epochs=60, learning_rate=2e-3), steps_per_epoch=100)
    for step in (0, 1500, 3000, 4500, 6000):
        expected = 1e-3 * (1 + np.cos(np.pi * step / 6000))
        assert float(schedule(step)) == pytest.approx(expected, abs=1e-9)


def test_the_reproductions_protocol_is_the_issues():
    recipes = PROTOCOLS["reproduction"]
    assert recipes.teacher == Recipe(
        epochs=100,
        batch_size=100,
        optimizer="sgd",
        learning_rate=0.01,
        schedule="steps",
        weight_decay=1e-5,
        jitter=(2, 0),
    )
    assert recipes.plain == recipes.distilled == replace(recipes.teacher, epochs=25)
    assert (recipes.lambda_, recipes.temperature) == (0.7, 20.0)


def test_students_of_the_original_protocol_have_no_regularisation():
    for recipe in (PROTOCOLS["original"].plain, PROTOCOLS["original"].distilled):
        assert (recipe.dropout, recipe.max_norm, recipe.weight_decay) == ((0.0, 0.0), None, 0.0)
    assert PROTOCOLS["original"].plain.jitter is None
    assert PROTOCOLS["original"].teacher.jitter == (2, 2)


def test_mistakes_by_bias_against_hand_computed_values():
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.5], [0.0, 3.0, 1.0], [1.0, 0.0, 0.5]])
    labels = np.array([0, 2, 2, 0])
    found = bias.mistakes(logits, labels, transfer_set=(0, 1))
    assert found.at(0) == (2, 2)
    assert found.at(0.4) == (2, 2)
    assert found.at(1.0) == (2, 1)
    assert found.at(2.5) == (2, 0)
    assert found.at(-3) == (2, 2)


def test_few_seen_classes_are_lowered_instead():
    logits = np.array([[0.0, 0.0, 1.0, 4.0], [2.0, 0.0, 0.0, 3.0]])
    found = bias.mistakes(logits, np.array([3, 0]), transfer_set=(3,))
    assert found.at(0) == (1, 1)
    assert found.at(-2) == (0, 0)
    assert found.at(-4) == (1, 0)
    assert -3 <= found.best() <= -1


def test_biases_set_to_one_value():
    np.testing.assert_allclose(bias.set_to(np.array([[1.0, 2.0]]), np.array([0.5, -1.0]), 3.5), [[4.0, 6.5]])


def test_table_1_smoke():
    assert main(["hinton-mnist", *SMOKE, "--ablation"]) == 0
    rows = pd.read_csv("results/hinton-mnist.csv")
    assert tuple(rows.columns) == (*COLUMNS, *hinton.COLUMNS)
    kinds = rows[["method", "variant", "optimizer", "views"]].fillna("").itertuples(index=False, name=None)
    assert list(kinds) == [
        ("teacher", "", "adam", 25),
        ("plain", "", "adam", 1),
        ("kd", "", "adam", 25),
        ("kd", "without views", "adam", 1),
        ("kd", "SGD 0.01", "sgd", 25),
        ("kd", "a third of the epochs", "adam", 25),
    ]
    assert Path("results/figures/hinton-mnist.png").stat().st_size > 10_000


def test_transfer_set_smoke():
    options = ["--protocol", "reproduction"]
    assert main(["hinton-transfer-set", *SMOKE, *options]) == 0
    rows = pd.read_csv("results/hinton-transfer-set.csv")
    assert list(rows.transfer_set.fillna("")) == ["", "0 1 2 4 5 6 7 8 9", "7 8"]
    students = rows[rows.transfer_set.notna()]
    assert students[list(hinton_transfer_set.BIAS_COLUMNS)].notna().all(axis=None)
    assert (students.train_size < 300).all()
    assert (students.test_errors_bias_by_test <= students.test_errors).all()
    digits = [f"test_accuracy_digit_{digit}" for digit in range(10)]
    curves = pd.read_csv("results/hinton-transfer-set-biases.csv")
    for row in students.itertuples():
        own = curves[curves.trial == row.trial]
        assert len(own) == len(bias.BIASES)
        assert own[own.bias == 0].test_errors.item() == row.test_errors
        assert own.validation_errors.min() == own[own.bias == row.bias_by_validation].validation_errors.item()
    assert students[digits].mean(axis=1).between(0, 1).all()
    for figure in ("digits", "bias", "threes"):
        assert Path(f"results/figures/hinton-transfer-set-{figure}.png").stat().st_size > 10_000


def test_temperature_smoke():
    assert main(["hinton-temperature", *SMOKE]) == 0
    rows = pd.read_csv("results/hinton-temperature.csv")
    assert sorted(rows.temperature.dropna()) == [2.5, 20.0]
    assert Path("results/figures/hinton-temperature.png").stat().st_size > 10_000


def test_seeds_have_teachers_of_their_own_in_table_1_alone():
    table_1 = hinton_mnist.trials(hinton_mnist.Config())
    assert len({trial.teacher for trial in table_1 if trial.teacher}) == 5
    for study in (hinton_transfer_set, hinton_temperature):
        trials = study.trials(study.Config())
        assert {trial.teacher for trial in trials if trial.teacher} == {hinton.teacher(hinton_mnist.Config())}


@pytest.mark.parametrize(
    ("study", "options", "message"),
    [
        ("hinton-mnist", ["--epochs", "0"], "epochs 0: expected 1 or more"),
        ("hinton-mnist", ["--lambda", "2"], "lambda 2.0"),
        ("hinton-temperature", ["--temperatures", "0"], "temperature 0.0"),
        ("hinton-temperature", ["--units", "0"], "units 0: expected 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_status_2(study, options, message, capsys):
    assert main([study, *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
