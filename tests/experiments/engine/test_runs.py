"""Runs through the command line: resume, settings, what is trained again and what is not."""

import contextlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from experiments import cli
from experiments.cli import RESTART, main
from experiments.cs230.mnist_dense import Dense
from experiments.cs230.mnist_lambda_sweep import LambdaSweep
from experiments.engine import checkpoints, runner, training
from experiments.engine.finished import read_finished
from experiments.engine.rows import COLUMNS
from experiments.engine.study import Study
from kdsuite import distill
from tests.experiments.folders import folder_of, rows_of

pytestmark = [pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network"), pytest.mark.slow]
SMOKE = ["--profile", "smoke", "--data", "synthetic"]
DENSE = ["mnist-dense", *SMOKE, "--seeds", "0"]
SWEEP = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas", "0.5"]
MEASURED = ["trial", "validation_accuracy", "test_accuracy", "test_loss"]


@pytest.fixture(scope="module")
def after_run(tmp_path_factory):
    """Leaves in the working folder what a run leaves there; each is trained once for all tests."""
    folders = {}

    def leave(options):
        if str(options) not in folders:
            folder = folders[str(options)] = tmp_path_factory.mktemp("run")
            with contextlib.chdir(folder):
                assert main(options) == 0
        shutil.copytree(folders[str(options)], ".", dirs_exist_ok=True)

    return leave


def forget_finished():
    for path in Path(".cache/finished").iterdir():
        path.unlink()


def test_a_run_gives_a_whole_row_a_trial_and_draws_and_prints(capsys):
    assert main(["mnist-dense", *SMOKE]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data: synthetic from synthetic: 200 train, 100 validation, 100 test images\n")
    assert "mnist-dense: 6 trials, 0 done before" in printed
    rows, folder = rows_of("mnist-dense"), folder_of("mnist-dense")
    assert tuple(rows.columns) == COLUMNS
    assert len(rows) == rows.trial.nunique() == 6
    assert (rows.test_errors == ((1 - rows.test_accuracy) * 100).round()).all()
    assert rows[rows.method == "plain"].temperature.isna().all()
    assert rows.failure.isna().all()
    epochs = pd.read_csv(folder / "epochs.csv")
    assert set(epochs.trial) == set(rows.trial)
    seconds = epochs.groupby("trial").seconds.sum().sort_index()
    assert np.allclose(seconds, rows.set_index("trial").train_seconds.sort_index(), rtol=1e-4)
    setting = json.loads((folder / "setting.json").read_text())
    assert set(rows.setting) == {setting["setting"]}
    assert setting["configuration"]["epochs"] == 1
    assert "seeds" not in setting["configuration"]
    with np.load(folder / "predictions.npz") as file:
        right = pd.Series((file["classes"] == file["labels"]).mean(axis=1), file["trial"])
        assert right.to_dict() == pytest.approx(rows.set_index("trial").test_accuracy.to_dict())
    assert not list(Path(".cache/trials").glob("*/checkpoint.npz"))


def test_a_second_run_trains_nothing(after_run, monkeypatch, capsys):
    after_run(DENSE)
    before = rows_of("mnist-dense")
    monkeypatch.setattr(runner, "train_network", lambda *_, **__: pytest.fail("trained again"))
    assert main(DENSE) == 0
    assert "3 trials, 3 done before" in capsys.readouterr().out
    pd.testing.assert_frame_equal(before, rows_of("mnist-dense"))


def test_one_more_seed_trains_only_that_seed_and_stages_that_are_done_take_one_line(after_run, monkeypatch, capsys):
    after_run(DENSE)
    assert main([*DENSE, "1"]) == 0
    assert "6 trials, 3 done before" in capsys.readouterr().out
    assert rows_of("mnist-dense").groupby("seed").size().to_dict() == {0: 3, 1: 3}
    monkeypatch.setattr(Study, "stages", lambda study, results: ([trial] for trial in study.trials()))
    monkeypatch.setattr(runner.Runner, "_train_all", lambda *_, **__: None)
    assert main([*DENSE, "1", "2"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "done before" in line] == [
        "mnist-dense: 7 trials, 6 done before",
        *["mnist-dense: 1 trials, 0 done before"] * 2,
    ]


def test_other_options_and_other_data_have_a_folder_of_their_own(after_run):
    after_run(DENSE)
    assert main([*DENSE, "--lambda", "0.9"]) == 0
    assert main(["mnist-dense", "--profile", "smoke", "--seeds", "0"]) == 0
    folders = list(Path("results/mnist-dense").iterdir())
    assert len(folders) == 3
    assert sorted(set(pd.read_csv(path / "rows.csv").source).pop() for path in folders) == [
        "embedded",
        "synthetic",
        "synthetic",
    ]


class Killed(BaseException):
    pass


def test_a_killed_run_goes_on_at_its_last_epoch_and_gives_the_same_numbers(monkeypatch):
    """Dropout's random state, Adam's moments and the order of the batches all have to come back."""
    monkeypatch.setattr(training, "FEW_STEPS", 0)
    options = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas", "0.5", "--epochs", "3"]
    assert main([*options, "--cache", "undisturbed", "--results", "undisturbed"]) == 0
    save, saved = checkpoints.save, []

    def save_and_die(folder, distiller, history):
        save(folder, distiller, history)
        saved.append(len(history))
        if len(saved) in (1, 3):
            raise Killed

    monkeypatch.setattr(training.checkpoints, "save", save_and_die)
    options += ["--cache", "killed", "--results", "killed"]
    for _ in range(2):
        with pytest.raises(Killed):
            main(options)
    assert main(options) == 0
    undisturbed, killed = (rows_of("mnist-lambda-sweep", root) for root in ("undisturbed", "killed"))
    pd.testing.assert_frame_equal(undisturbed[MEASURED], killed[MEASURED])
    assert len(saved) == undisturbed.epochs.sum()


def test_long_steps_and_few_ones_are_run_one_by_one_and_train_the_same(monkeypatch):
    """Several steps in one call take longer to trace, which many short steps alone repay."""
    compile_, at_once = distill.Distiller.compile, {}

    def spy(distiller, *arguments, steps_per_execution, **kwargs):
        at_once.setdefault((training.LONG_STEP_MACS, training.FEW_STEPS), set()).add(steps_per_execution)
        return compile_(distiller, *arguments, steps_per_execution=steps_per_execution, **kwargs)

    monkeypatch.setattr(distill.Distiller, "compile", spy)
    rows = []
    # Two steps an epoch, and one epoch.
    for long, few in ((0, 2), (10**12, 3), (10**12, 2)):
        monkeypatch.setattr(training, "LONG_STEP_MACS", long)
        monkeypatch.setattr(training, "FEW_STEPS", few)
        options = ["--seeds", "0", "--lambdas", "0.5", "--cache", f"{long} {few}", "--results", f"{long} {few}"]
        assert main(["mnist-lambda-sweep", *SMOKE, *options]) == 0
        rows.append(rows_of("mnist-lambda-sweep", f"{long} {few}")[MEASURED])
    assert at_once == {(0, 2): {1}, (10**12, 3): {1}, (10**12, 2): {2}}
    pd.testing.assert_frame_equal(rows[0], rows[2])
    pd.testing.assert_frame_equal(rows[1], rows[2])


def test_a_run_that_has_grown_too_large_goes_on_in_a_new_process(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "GROWTH_BYTES", -(1 << 40))
        assert main(DENSE) == RESTART
    assert len(rows_of("mnist-dense")) == 1
    assert main(DENSE) == 0
    assert len(rows_of("mnist-dense")) == 3


def test_plain_and_distilled_start_from_the_same_weights_and_see_the_same_batches(monkeypatch):
    starts, images = {}, {}
    compiled = training._compiled

    def spy(study, trial, model, targets):
        starts[trial.method, trial.seed] = model.get_weights()
        batches = study.data(trial).train.batches(trial.batch_size, seed=trial.seed, epoch=0, teacher=targets.train)
        images[trial.method, trial.seed] = next(iter(batches))[0].numpy()
        return compiled(study, trial, model, targets)

    monkeypatch.setattr(training, "_compiled", spy)
    assert main(["mnist-dense", *SMOKE]) == 0
    for seed in (0, 1):
        np.testing.assert_array_equal(images["plain", seed], images["kd", seed])
        for one, other in zip(starts["plain", seed], starts["kd", seed], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_lost_teacher_is_trained_again_without_a_second_row(after_run, capsys):
    after_run(SWEEP)
    for path in Path(".cache/networks").glob("*.keras"):
        path.unlink()
    assert main([*SWEEP, "0.7"]) == 0
    rows = rows_of("mnist-lambda-sweep")
    assert rows.trial.is_unique
    assert sorted(rows["lambda"].dropna()) == [0.5, 0.7]
    assert "another result" not in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"", b"no zip archive"])
def test_a_damaged_teacher_is_trained_again_and_said(damage, after_run, capsys):
    after_run(SWEEP)
    (path,) = Path(".cache/networks").glob("*.keras")
    path.write_bytes(damage)
    assert main([*SWEEP, "0.7"]) == 0
    assert "it is trained again" in capsys.readouterr().err
    assert len(rows_of("mnist-lambda-sweep")) == 3


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:20])])
def test_a_teacher_whose_epochs_are_lost_is_trained_again_and_said(damage, after_run, capsys):
    after_run(DENSE)
    before = pd.read_csv(folder_of("mnist-dense") / "epochs.csv").drop(columns="seconds")
    forget_finished()
    (epochs,) = Path(".cache/networks").glob("*.json")
    damage(epochs)
    shutil.rmtree("results")
    assert main(DENSE) == 0
    assert re.search(r"the epochs of teacher mlp_10_10 .* are lost: it is trained again", capsys.readouterr().err)
    pd.testing.assert_frame_equal(before, pd.read_csv(folder_of("mnist-dense") / "epochs.csv").drop(columns="seconds"))


def test_a_teacher_trained_again_that_is_another_one_is_reported(after_run, capsys):
    after_run(SWEEP)
    (path,) = Path(".cache/networks").glob("*.json")
    history = json.loads(path.read_text())
    path.write_text(json.dumps([history[0] | {"validation_loss": 1.25}]))
    path.with_suffix(".keras").unlink()
    assert main([*SWEEP, "0.7"]) == 0
    assert re.search(r"validation loss [\d.]+, 1\.25 before", capsys.readouterr().err)


def test_what_is_finished_comes_back_without_training_where_its_row_was_lost(after_run, monkeypatch):
    after_run(DENSE)
    before = rows_of("mnist-dense")
    (folder_of("mnist-dense") / "rows.csv").unlink()
    monkeypatch.setattr(runner, "train_network", lambda *_, **__: pytest.fail("trained again"))
    assert main(DENSE) == 0
    pd.testing.assert_frame_equal(before, rows_of("mnist-dense"))


def test_reference_rows_never_come_from_code_that_was_not_committed(after_run, monkeypatch):
    after_run(DENSE)
    for path in Path(".cache/finished").glob("*.npz"):
        known = read_finished(path)
        replace(known, row=known.row | {"commit": "0123456789ab-dirty"}).save(path)
    shutil.rmtree("results")
    train, trained = training.train_network, []

    def spy(study, trial, *others, **more):
        trained.append(trial.method)
        return train(study, trial, *others, **more)

    for module in ("runner", "networks"):
        monkeypatch.setattr(f"experiments.engine.{module}.train_network", spy)
    monkeypatch.setattr(runner.Results, "is_reference", True)
    assert main(DENSE) == 0
    assert sorted(trained) == ["kd", "plain", "teacher"]
    assert "0123456789ab-dirty" not in set(rows_of("mnist-dense").commit)


def test_tables_of_the_experiment_that_trained_a_shared_network_are_left_out(after_run):
    after_run(DENSE)
    before = rows_of("mnist-dense")
    for path in Path(".cache/finished").glob("*.npz"):
        replace(read_finished(path), tables={"zero_density": [{"layer": "conv1"}]}).save(path)
    shutil.rmtree("results")
    assert main(DENSE) == 0
    pd.testing.assert_frame_equal(before, rows_of("mnist-dense"))
    assert not (folder_of("mnist-dense") / "zero_density.csv").exists()


def test_a_loss_that_is_no_number_ends_the_trial_and_not_the_run(monkeypatch, capsys):
    """A kernel that starts as NaN stands for a training that diverges."""
    build = Dense.build

    def build_with_nan(study, trial, networks):
        model = build(study, trial, networks)
        if trial.method == "plain":
            model.set_weights([np.full(weight.shape, np.nan) for weight in model.get_weights()])
        return model

    monkeypatch.setattr(Dense, "build", build_with_nan)
    assert main([*DENSE, "--epochs", "2"]) == 0
    rows = rows_of("mnist-dense").set_index("method")
    assert rows.failure["plain"] == "loss nan in epoch 1 of 2" and pd.isna(rows.test_accuracy["plain"])
    assert rows.failure.drop("plain").isna().all() and rows.test_accuracy.drop("plain").notna().all()
    assert "failed: plain" in "".join(capsys.readouterr())


def test_dry_run_lists_trials_and_writes_no_result(capsys):
    assert main(["mnist-lambda-sweep", *SMOKE, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 1 + 3 * 2 + 1
    assert all(re.match(r"[0-9a-f]{12}  missing  (teacher|plain|kd) ", line) for line in lines[:-1])
    assert lines[-1].startswith("time: ")
    assert not Path("results").exists()


@pytest.mark.parametrize(("options", "calls"), [([], 0), (["--deterministic"], 1)])
def test_deterministic_operations_are_asked_for(options, calls, monkeypatch):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    assert main(["mnist-dense", *SMOKE, "--dry-run", *options]) == 0
    assert len(asked) == calls


def test_full_profile_is_the_papers_grid():
    study, experiment = cli.find("mnist-lambda-sweep")
    sweep = LambdaSweep(cli.configuration(study, experiment, ["--profile", "full"]))
    trials = sweep.trials()
    assert len(trials) == 1 + 11 * 3
    assert trials[0].role == "teacher"
    assert sorted({trial.lambda_ for trial in trials[1:]}) == [tenth / 10 for tenth in range(11)]


def own_teacher(path, classes):
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(classes)])
    model.save(path)
    return str(path)


def test_own_teacher_file_is_used_as_it_is_and_makes_a_setting(tmp_path):
    path = own_teacher(tmp_path / "own.keras", 2)
    assert main(["mnist-lambda-sweep", *SMOKE, "--teacher", path, "--seeds", "0", "--lambdas", "0.5"]) == 0
    teacher = rows_of("mnist-lambda-sweep").query("role == 'teacher'").iloc[0]
    assert teacher.teacher.startswith("own.keras@")
    assert teacher.params == 28 * 28 * 2 + 2
    assert np.isnan(teacher.epochs)
    own_teacher(tmp_path / "own.keras", 2)
    assert main(["mnist-lambda-sweep", *SMOKE, "--teacher", path, "--seeds", "0", "--lambdas", "0.5"]) == 0
    assert len(list(Path("results/mnist-lambda-sweep").iterdir())) == 2
