"""Study 1's Dogs vs. Cats experiments: their grids, their cuts, and their smoke profiles on generated images."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.cs230.catdog_channels import Channels
from experiments.cs230.catdog_config import UNITS, ChannelsConfig, LayersConfig
from experiments.cs230.catdog_mobilenet import Layers
from experiments.engine.rows import COLUMNS
from kdsuite import models, prune

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke"]


def layers(**settings) -> Layers:
    return Layers(replace(LayersConfig(), optimizer="adam", learning_rate=1e-3, **settings))


def folder_of(experiment):
    (setting,) = Path("results", experiment).glob("*/setting.json")
    return setting.parent


def small_mobilenet():
    return models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)


@pytest.mark.slow
def test_students_that_lost_layers(capsys):
    assert main(["catdog-mobilenet", *SMOKE]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data: synthetic from synthetic: 100 train, 40 validation, 60 test images\n")
    assert "chosen on validation: adam, learning rate 0.001" in printed
    folder = folder_of("catdog-mobilenet")
    candidates = pd.read_csv(folder / "candidates.csv")
    assert len(candidates) and candidates.filter(like="test_").drop(columns="test_size").isna().all(axis=None)
    rows = pd.read_csv(folder / "rows.csv")
    assert tuple(rows.columns) == (*COLUMNS, *Layers.COLUMNS)
    teacher, students = rows[rows.role == "teacher"].iloc[0], rows[rows.role == "student"]
    assert (teacher.train_size, set(students.train_size)) == (300, {100})
    assert students.test_accuracy_stale_batch_norm.notna().all()
    assert np.isnan(teacher.test_accuracy_stale_batch_norm)
    assert (students.removed.str.split().str.len() == students.units_removed).all()
    assert (students.params < teacher.params).all()
    np.testing.assert_allclose(students.macs_share, students.macs / teacher.macs, rtol=1e-5)
    assert (students.cut_number.notna() == (students.prune_method == "random")).all()
    pairs = students.pivot(index=["prune_method", "units_removed", "sweep"], columns="method", values="removed")
    assert len(pairs) == 3
    assert (pairs.plain == pairs.kd).all()
    epochs = pd.read_csv(folder / "epochs.csv")
    recalibrated = epochs[epochs.validation_accuracy_stale_batch_norm.notna()]
    assert set(recalibrated.trial) == set(students[students.sweep == "epochs"].trial)
    densities = pd.read_csv(folder / "zero_density.csv")
    assert len(densities) == UNITS["layer"] * densities.threshold.nunique()
    assert set(densities.trial) == {teacher.trial}
    assert (folder / "catdog-mistakes.jpg").stat().st_size > 10_000


@pytest.mark.slow
def test_students_that_lost_channels(capsys):
    assert main(["catdog-channels", *SMOKE]) == 0
    assert "chosen on validation: adam, learning rate 0.001" in capsys.readouterr().out
    rows = pd.read_csv(folder_of("catdog-channels") / "rows.csv")
    teacher, students = rows[rows.role == "teacher"].iloc[0], rows[rows.role == "student"]
    assert set(zip(students.prune_method, students.method, strict=True)) == {("taylor", "plain"), ("taylor", "kd")}
    np.testing.assert_allclose(students.params / teacher.params, 0.7, rtol=0.02)
    assert students[list(Channels.COLUMNS)].notna().all(axis=None)
    assert (students.channels_removed > 0).all()
    assert students.recalibrated.all() and students.test_accuracy_stale_batch_norm.isna().all()
    pairs = students.pivot(index="prune_method", columns="method")
    for column in ("params", "channels_removed", "validation_accuracy_before_training"):
        assert (pairs[column].plain == pairs[column].kd).all()


def test_the_grid_covers_the_figures():
    trials = layers().trials()
    students = [trial for trial in trials if trial.role == "student"]
    assert len(set(trials)) == len(trials) == 1 + 3 * 19
    for method in ("zero_density", "random"):
        for kind in ("plain", "kd"):
            counts = {t.units_removed for t in students if t.prune_method == method and t.method == kind}
            assert len(counts) >= 2
    assert {t.lambda_ for t in students} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {t.weights for t in students} == {"piped", "random"}
    assert {t.sweep for t in students} == {"layers", "weights", "epochs", "lambda"}


def test_channel_students_are_a_pair_for_each_seed_share_and_criterion():
    study = Channels(replace(ChannelsConfig(), optimizer="adam", learning_rate=1e-3))
    students = [trial for trial in study.trials() if trial.role == "student"]
    assert len(students) == 3 * 4 * 4 * 2
    assert {(t.method, t.lambda_) for t in students} == {("plain", 0.0), ("kd", 0.5)}


def test_plain_and_distilled_students_start_alike_and_seeds_cut_differently():
    parent, study, students = small_mobilenet(), layers(), {}
    for seed in (0, 1):
        for lambda_ in (0.0, 0.5):
            trial = study.student(seed, lambda_, prune_method="random", units_removed=3, weights="random")
            keras.utils.set_random_seed(seed)
            students[seed, lambda_] = study.cut(trial, parent)
    for plain, distilled in zip(students[0, 0.0].get_weights(), students[0, 0.5].get_weights(), strict=True):
        np.testing.assert_array_equal(plain, distilled)
    names = [{layer.name for layer in students[seed, 0.0].layers} for seed in (0, 1)]
    assert names[0] != names[1]


def test_the_cut_follows_its_number_and_not_the_seed():
    parent, study = small_mobilenet(), layers()
    cuts = [study.student(seed, 0.0, prune_method="random", units_removed=3, cut_number=7) for seed in (0, 1)]
    names = [{layer.name for layer in study.cut(trial, parent).layers} for trial in cuts]
    assert names[0] == names[1]


def test_the_optimiser_is_that_of_best_validation_accuracy():
    study = Layers(LayersConfig())
    assert {(t.optimizer, t.learning_rate) for t in study.candidates()} == set(study.config.tuning)
    rows = pd.DataFrame(
        {
            "optimizer": ["adam", "sgd", "adam", "sgd"],
            "learning_rate": [1e-3, 1e-2, 1e-3, 1e-2],
            "validation_accuracy": [0.7, 0.8, 0.9, 0.85],
            "test_accuracy": [0.9, 0.1, 0.99, 0.2],
        }
    )
    chosen = study.choose(rows)
    assert (chosen.optimizer, chosen.learning_rate) == ("sgd", 0.01)
    assert not layers().candidates()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--zero-density-counts", "40"], "40 units to remove: expected 1 to 27"),
        (["--unit", "block", "--random-counts", "15"], "15 units to remove: expected 1 to 14, the blocks of MobileNet"),
        (["--threshold", "0"], "threshold 0.0: expected a number above 0"),
        (["--learning-rate", "0.1"], "give both --optimizer and --learning-rate"),
        (["--tuning", "adam", "-1"], "tuning adam -1: expected adam or sgd and a learning rate"),
        (["--lambdas", "2"], "lambdas 2.0: expected a number from 0 to 1"),
        (["--random-counts", "0"], "random counts 0: expected a number from 1"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["catdog-mobilenet", *SMOKE, *options]) == 2
    assert not Path("results").exists()
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_missing_imagenet_weights_are_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-weights"))
    build = keras.applications.MobileNet

    def no_network(*arguments, weights, **settings):
        if weights == "imagenet":
            raise Exception("URL fetch failure")
        return build(*arguments, weights=weights, **settings)

    monkeypatch.setattr(keras.applications, "MobileNet", no_network)
    assert main(["catdog-mobilenet", *SMOKE, "--imagenet"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "no ImageNet weights for MobileNet alpha 0.25" in error
    assert "at hand: alpha none" in error


def test_mobilenet_is_flat_and_has_the_parameters_of_keras_applications():
    ours = models.mobilenet(classes=1000, imagenet=False)
    theirs = keras.applications.MobileNet(weights=None)
    assert ours.count_params() == theirs.count_params() == 4_253_864
    assert {size: len(prune.units(ours, size)) for size in UNITS} == UNITS
