"""Study 1's Dogs vs. Cats and CIFAR-10 experiments through their command line, on generated images."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from experiments import catdog, catdog_channels, catdog_mobilenet, cifar_transfer
from experiments.__main__ import main
from experiments.config import with_profile
from experiments.pruning import PRUNING_COLUMNS, cut
from experiments.rows import COLUMNS
from kdsuite import distill, models, prune

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--results", "results"]


def paper_config(**settings):
    config = with_profile(catdog_mobilenet.Config, catdog_mobilenet.PROFILES, "paper")
    return replace(config, optimizer="adam", learning_rate=1e-3, **settings)


def test_catdog_smoke_profile(capsys):
    assert main(["catdog-mobilenet", *SMOKE]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data: synthetic from synthetic: 100 train, 40 validation, 60 test images\n")
    assert "chosen on validation: adam, learning rate 0.001" in printed
    assert pd.read_csv("results/catdog-tuning.csv").filter(like="test_").drop(columns="test_size").isna().all(axis=None)
    rows = pd.read_csv("results/catdog-mobilenet.csv")
    assert tuple(rows.columns) == (*COLUMNS, *PRUNING_COLUMNS)
    teacher, students = rows[rows.method == "teacher"].iloc[0], rows[rows.method != "teacher"]
    assert (teacher.train_size, set(students.train_size)) == (300, {100})
    assert students.test_accuracy_uncalibrated.notna().all()
    assert np.isnan(teacher.test_accuracy_uncalibrated)
    assert (students.removed.str.split().str.len() == students.units_removed).all()
    assert (students.params < teacher.params).all()
    for figure in (
        "figure-5",
        "figure-6",
        "figure-7",
        "figure-8",
        "lambda",
        "recalibration",
        "mistakes",
        "zero-density",
    ):
        assert Path(f"results/figures/catdog-{figure}.png").stat().st_size > 10_000
    densities = pd.read_csv("results/catdog-zero-density.csv")
    assert len(densities) == 27 * densities.threshold.nunique()
    pairs = students.pivot(index=["prune_method", "units_removed", "epochs"], columns="method", values="removed")
    assert len(pairs) == 3
    assert (pairs.plain == pairs.kd).all()
    epochs = pd.read_csv("results/catdog-mobilenet-epochs.csv")
    tracked = epochs[epochs.validation_accuracy_uncalibrated.notna()]
    assert set(tracked.trial) == set(students[students.epochs == 2].trial)


def test_catdog_grid_covers_the_figures():
    trials = catdog_mobilenet.trials(paper_config())
    students = [trial for trial in trials if trial.parent]
    assert len(set(trials)) == len(trials) == 1 + 3 * 19
    for method in ("zero_density", "random"):
        for kind in ("plain", "kd"):
            counts = {t.units_removed for t in students if t.prune_method == method and t.method == kind}
            assert len(counts) >= 2
    assert {t.lambda_ for t in students} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {t.weights for t in students} == {"piped", "random"}


def test_plain_and_distilled_students_start_alike_and_seeds_cut_differently():
    parent = models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)
    students = {}
    for seed in (0, 1):
        for lambda_ in (0.0, 0.5):
            trial = catdog_mobilenet.student(
                paper_config(), seed, lambda_, prune_method="random", units_removed=3, weights="random"
            )
            keras.utils.set_random_seed(seed)
            students[seed, lambda_] = cut(trial, parent)
    for plain, distilled in zip(students[0, 0.0].get_weights(), students[0, 0.5].get_weights(), strict=True):
        np.testing.assert_array_equal(plain, distilled)
    names = [{layer.name for layer in students[seed, 0.0].layers} for seed in (0, 1)]
    assert names[0] != names[1]


def test_learning_rate_is_that_of_best_validation_accuracy(capsys):
    Path("results").mkdir()
    pd.DataFrame(
        {
            "trial": ["a", "b", "c"],
            "optimizer": ["adam", "sgd", "adam"],
            "learning_rate": [1e-3, 1e-2, 1e-4],
            "validation_accuracy": [0.7, 0.8, 0.99],
            "test_accuracy": [0.9, 0.1, 0.99],
        }
    ).to_csv("results/catdog-tuning.csv")
    config = catdog.chosen(paper_config(), "catdog-tuning", {"a", "b"})
    assert (config.optimizer, config.learning_rate) == ("sgd", 0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--zero-density-counts", "40"], "40 units to remove: expected 1 to 27"),
        (["--threshold", "0"], "threshold 0.0: expected a number above 0"),
        (["--learning-rate", "0.1"], "give both --optimizer and --learning-rate"),
        (["--lambdas", "2"], "lambda 2.0"),
        (["--random-counts", "0"], "units 0: expected 1 or more"),
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


def test_channels_smoke_profile(capsys):
    assert main(["catdog-channels", *SMOKE]) == 0
    assert "chosen on validation: adam, learning rate 0.001" in capsys.readouterr().out
    tuning = pd.read_csv("results/catdog-channels-tuning.csv")
    assert tuning.filter(like="test_").drop(columns="test_size").isna().all(axis=None)
    rows = pd.read_csv("results/catdog-channels.csv")
    teacher, students = rows[rows.method == "teacher"].iloc[0], rows[rows.method != "teacher"]
    assert set(zip(students.prune_method, students.method, strict=True)) == {
        (criterion, method) for criterion in ("taylor",) for method in ("plain", "kd")
    }
    np.testing.assert_allclose(students.params / teacher.params, 0.7, rtol=0.02)
    assert students[list(catdog_channels.EXTRA_COLUMNS)].notna().all(axis=None)
    assert (students.channels_removed > 0).all()
    assert students.recalibrated.all() and students.test_accuracy_uncalibrated.isna().all()
    pairs = students.pivot(index="prune_method", columns="method")
    for column in ("params", "channels_removed", "validation_accuracy_before_training"):
        assert (pairs[column].plain == pairs[column].kd).all()
    for figure in ("catdog-channels", "catdog-channels-speed"):
        assert Path(f"results/figures/{figure}.png").stat().st_size > 10_000


def test_cifar_smoke_profile_tests_each_network_three_times(capsys):
    assert main(["cifar-transfer", *SMOKE]) == 0
    rows = pd.read_csv("results/cifar-transfer.csv")
    assert sorted(rows.network_image_size) == [32, 64]
    assert rows[list(cifar_transfer.EXTRA_COLUMNS)].notna().all(axis=None)
    assert rows.test_accuracy_uncalibrated.notna().all()
    assert rows.macs.iloc[1] / rows.macs.iloc[0] == pytest.approx(4, rel=0.01)


def test_statistics_are_put_back():
    model = models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    own, output = distill.moving_statistics(model), model(images).numpy()
    distill.set_moving_statistics(model, [(mean + 1, variance) for mean, variance in own])
    assert np.any(model(images).numpy() != output)
    distill.set_moving_statistics(model, own)
    np.testing.assert_array_equal(model(images).numpy(), output)


def test_mobilenet_is_flat_and_has_the_parameters_of_keras_applications():
    ours = models.mobilenet(classes=1000, imagenet=False)
    theirs = keras.applications.MobileNet(weights=None)
    assert ours.count_params() == theirs.count_params() == 4_253_864
    assert len(prune.units(ours, "block")) == 14
