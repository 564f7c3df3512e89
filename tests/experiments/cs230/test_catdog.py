"""Study 1's Dogs vs. Cats experiments: their grids, their cuts, and their smoke profiles on generated images."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.cs230.catdog import TUNING_SEEDS
from experiments.cs230.catdog_channels import Channels
from experiments.cs230.catdog_config import HINTS, UNITS, ChannelsConfig, LayersConfig
from experiments.cs230.catdog_mobilenet import Layers
from experiments.cs230.cuts import ChannelsTrial
from experiments.engine import training
from experiments.engine.networks import Networks
from experiments.engine.rows import COLUMNS
from kdsuite import models, prune
from tests.experiments.folders import folder_of

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke"]
CHOSEN = {"optimizer": "adam", "learning_rate": 1e-3}
MEASURED_OF_CHANNELS = (
    *("optimizer", "macs_share", "keep", "scope", "target", "channels_removed", "surgery_seconds"),
    *("validation_accuracy_before_training", "speed_up", "milliseconds"),
)


def layers(**settings) -> Layers:
    return Layers(replace(LayersConfig(), **CHOSEN, **settings))


def small_mobilenet():
    return models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)


@pytest.mark.long
def test_students_that_lost_layers(capsys):
    assert main(["catdog-mobilenet", *SMOKE]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data: synthetic from synthetic: 100 train, 40 validation, 60 test images\n")
    folder = folder_of("catdog-mobilenet")
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
    assert (folder / "catdog-mistakes.jpg").stat().st_size > 10_000


@pytest.mark.long
def test_the_optimiser_is_chosen_by_students_of_several_cuts_that_never_see_test_images(capsys):
    chosen = ["--optimizer", "None", "--learning-rate", "None", "--tuning", "adam", "0.001", "--tuning-seeds", "1"]
    assert main(["catdog-channels", *SMOKE, *chosen]) == 0
    assert "chosen on validation: adam, learning rate 0.001" in capsys.readouterr().out
    folder = folder_of("catdog-channels")
    candidates = pd.read_csv(folder / "candidates.csv")
    assert sorted(candidates.keep.fillna(0)) == [0, 0, 0, 0, 0.5, 0.5]
    assert candidates.filter(like="test_").drop(columns="test_size").isna().all(axis=None)


def test_the_surgeon_asked_for_is_the_trials():
    surgeons = [
        Channels(ChannelsConfig(surgeon=name)).student(0, 0.5, "l1", 0.5, scope="global", target="macs").surgeon
        for name in ("keras", "kerassurgeon")
    ]
    assert surgeons == ["keras", "kerassurgeon"]


@pytest.mark.long
def test_students_that_lost_channels(capsys):
    assert main(["catdog-channels", *SMOKE]) == 0
    folder = folder_of("catdog-channels")
    rows = pd.read_csv(folder / "rows.csv")
    teacher, students = rows[rows.role == "teacher"].iloc[0], rows[rows.role == "student"]
    assert set(zip(students.prune_method, students.method, strict=True)) == {("taylor", "plain"), ("taylor", "kd")}
    np.testing.assert_allclose(students.params / teacher.params, 0.7, rtol=0.02)
    assert students[list(MEASURED_OF_CHANNELS)].notna().all(axis=None)
    assert (students.channels_removed > 0).all()
    assert students.recalibrated.all() and students.test_accuracy_stale_batch_norm.isna().all()
    pairs = students.pivot(index="prune_method", columns="method")
    for column in ("params", "channels_removed", "validation_accuracy_before_training"):
        assert (pairs[column].plain == pairs[column].kd).all(), column
    channels = pd.read_csv(folder / "channels.csv").groupby("trial")[["left", "had"]].sum()
    assert set(channels.index) == set(students.trial)
    removed = (channels.had - channels.left)[students.trial].to_numpy()
    np.testing.assert_array_equal(removed, students.channels_removed)


def test_the_grid_covers_the_figures():
    trials = layers(temperatures=(4.0,)).trials()
    students = [trial for trial in trials if trial.role == "student"]
    assert len(set(trials)) == len(trials) == 1 + 9 * (20 + 2 + 2 + 3 + 2)
    for way in ("zero_density", "random"):
        for kind in ("plain", "kd"):
            kinds = [t for t in students if (t.prune_method, t.method, t.sweep) == (way, kind, "layers")]
            assert {t.units_removed for t in kinds} == {1, 2, 4, 6, 8}
    assert {t.lambda_ for t in students} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {t.weights for t in students} == {"piped", "random"}
    assert {t.epochs for t in students if t.sweep == "epochs"} == {12}
    assert {(t.temperature, t.units_removed) for t in students if t.sweep == "temperature"} == {(4.0, 2), (4.0, 8)}


def test_what_decides_the_main_claims_is_trained_first():
    sweeps = [trial.sweep for trial in layers(temperatures=(4.0,)).trials() if trial.role == "student"]
    assert list(dict.fromkeys(sweeps)) == ["layers", "epochs", "weights", "lambda", "temperature"]
    assert sweeps == sorted(sweeps, key=["layers", "epochs", "weights", "lambda", "temperature"].index)
    seeds = [trial.seed for trial in layers().trials() if getattr(trial, "sweep", "") == "layers"]
    assert seeds == sorted(seeds)


def test_channel_students_are_a_pair_for_each_seed_share_criterion_and_cost():
    study = Channels(replace(ChannelsConfig(), **CHOSEN))
    students = [trial for trial in study.trials() if trial.role == "student"]
    everywhere = [trial for trial in students if trial.scope == "global"]
    assert len(everywhere) == 9 * 2 * 4 * 2 * 2
    assert {(t.method, t.lambda_, t.target) for t in everywhere} == {
        (method, lambda_, target) for method, lambda_ in (("plain", 0.0), ("kd", 0.5)) for target in ("params", "macs")
    }
    assert {(t.method, t.keep) for t in students if t.scope == "layer"} == {("plain", 0.5)}


def test_a_student_starts_alike_whether_its_parent_was_in_memory_or_not(monkeypatch):
    """Reading a network draws seeds for its layers; those of the student that is cut from it come after."""

    class Built(Exception):
        pass

    def stop(study, trial, model, targets):
        raise Built(model.get_weights())

    monkeypatch.setattr(training, "_compiled", stop)
    sizes = {"data": "synthetic", "train_size": 20, "validation_size": 10, "test_size": 10, "teacher_size": 20}
    study = layers(**sizes, image_size=32, alpha=0.25, imagenet=False)
    Networks(study, Path(".cache")).save(study.teacher(), small_mobilenet(), [])
    plain, distilled = (
        next(t for t in study.trials() if getattr(t, "weights", "") == "random" and t.method == method)
        for method in ("plain", "kd")
    )
    starts, loaded = [], Networks(study, Path(".cache"))
    for trial, networks in ((plain, loaded), (plain, loaded), (distilled, Networks(study, Path(".cache")))):
        with pytest.raises(Built) as built:
            training.train_network(study, trial, networks, folder=Path("trial"), tick=lambda epoch: None)
        starts.append(built.value.args[0])
    for other in starts[1:]:
        for one, two in zip(starts[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


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


def test_seeds_may_share_a_few_random_cuts():
    numbers = {
        trial.seed: trial.cut_number
        for trial in layers(random_cuts=2).trials()
        if getattr(trial, "prune_method", "") == "random"
    }
    assert numbers == {seed: seed % 2 for seed in range(9)}


def test_a_random_cut_that_costs_too_much_is_drawn_again():
    parent = small_mobilenet()
    student = layers(dearest=None).student(10, 0.0, prune_method="random", units_removed=1)
    # Seed 10 takes conv_dw_2, whose stride leaves images of 4 times the area to all behind it.
    dear = prune.macs(layers().cut(student, parent)) / prune.macs(parent)
    cheap = prune.macs(layers().cut(replace(student, dearest=1.0), parent)) / prune.macs(parent)
    assert dear > 2
    assert cheap <= 1


def test_all_experiments_choose_by_the_same_students():
    study = Layers(LayersConfig())
    candidates = study.candidates()
    assert {(t.optimizer, t.learning_rate) for t in candidates} == set(study.config.tuning)
    assert len(candidates) == 4 * 3 * 2 * 3
    assert {t.seed for t in candidates} == set(TUNING_SEEDS)
    assert {t.method for t in candidates} == {"plain", "kd"}
    assert {isinstance(t, ChannelsTrial) for t in candidates} == {True, False}
    assert candidates == Channels(ChannelsConfig()).candidates()
    assert not layers().candidates()


def test_the_optimiser_is_that_of_best_mean_validation_accuracy(capsys):
    accuracies = {("adam", 1e-3): (0.7, 0.71, 0.9, 0.93), ("sgd", 1e-2): (0.8, 0.84, 0.85, 0.8)}
    students = [(0, "plain"), (0, "kd"), (1, "plain"), (1, "kd")]
    rows = pd.DataFrame(
        {"optimizer": name, "learning_rate": rate, "seed": seed, "method": method, "validation_accuracy": accuracy}
        for (name, rate), own in accuracies.items()
        for (seed, method), accuracy in zip(students, own, strict=True)
    ).assign(test_accuracy=[0.99] * 4 + [0.1] * 4)
    chosen = Layers(LayersConfig()).choose(rows)
    assert (chosen.optimizer, chosen.learning_rate) == ("sgd", 0.01)
    # A student that diverged is right on nothing; without it the mean of the others would win.
    diverged = rows.assign(validation_accuracy=rows.validation_accuracy.where(rows.index != 0))
    assert Layers(LayersConfig()).choose(diverged).optimizer == "sgd"
    printed = capsys.readouterr().out
    # Gains of 1 and 3 points spread by √2, of 4 and −5 points by 9 / √2.
    assert "tried adam 0.001: 81.00%; distilled − plain: ± 1.41 points from seed to seed" in printed
    assert "tried sgd 0.01: 82.25%; distilled − plain: ± 6.36 points from seed to seed" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--zero-density-counts", "40"], "40 units to remove: expected 1 to 27"),
        (["--unit", "block", "--random-counts", "15"], "15 units to remove: expected 1 to 14, the blocks of MobileNet"),
        (["--threshold", "0"], "threshold 0.0: expected a number above 0"),
        (["--optimizer", "None", "--learning-rate", "0.1"], "give both --optimizer and --learning-rate"),
        (["--tuning", "adam", "-1"], "tuning adam -1: expected adam or sgd and a learning rate"),
        (["--lambdas", "2"], "lambdas 2.0: expected a number from 0 to 1"),
        (["--lambda", "0"], "lambda 0.0: expected a number above 0 to 1"),
        (["--tuning-seeds", "4"], "tuning seeds 4: expected a number from 1 to 3"),
        (["--random-counts", "0"], "random counts 0: expected a number from 1"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["catdog-mobilenet", *SMOKE, *options]) == 2
    assert not Path("results").exists()
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("experiment", "options", "message"),
    [
        (
            "catdog-hints",
            ["--hints", "conv_pw_14"],
            "hint 'conv_pw_14': expected a layer of MobileNet, such as conv_pw_5",
        ),
        ("catdog-hints", ["--units-removed", "28"], "28 units to remove: expected 1 to 27, the layers of MobileNet"),
        ("catdog-images", ["--counts", "28"], "28 units to remove: expected 1 to 27, the layers of MobileNet"),
    ],
)
def test_what_mobilenet_does_not_have_is_refused_before_anything_is_trained(experiment, options, message, capsys):
    assert main([experiment, *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists() and not Path(".cache").exists()


def test_hints_are_the_layers_that_mobilenet_has():
    network = models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)
    known = [layer.name for layer in network.layers if HINTS.fullmatch(layer.name)]
    # 1 + 2 * 13 convolutions, each with its batch norm and activation, and the pooled features.
    assert len(known) == 3 * 27 + 1


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
