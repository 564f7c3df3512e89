"""The three MNIST experiments through their command line, on small parts of the embedded digits."""

import re

import keras
import numpy as np
import pandas as pd
import pytest

from experiments import mnist_batch_sweep, mnist_lambda_sweep, training
from experiments.__main__ import RESTART, STUDIES, main
from experiments.config import with_profile
from experiments.rows import COLUMNS
from kdsuite import data

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke", "--results", "results"]


def rows_of(study):
    return pd.read_csv(f"results/{study}.csv")


@pytest.mark.parametrize("study", ["mnist-dense", "mnist-lambda-sweep", "mnist-batch-sweep"])
def test_smoke_profile_gives_a_full_row_a_trial(study, capsys, in_empty_folder):
    assert main([study, *SMOKE]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("data: mnist from embedded: 200 train, 100 validation, 100 test images\n")
    rows = rows_of(study)
    assert tuple(rows.columns) == COLUMNS
    assert len(rows) == int(re.search(r"(\d+) trials, 0 done", printed)[1])
    assert rows.trial.is_unique
    assert set(rows.source) == {"embedded"}
    assert (rows.test_errors == ((1 - rows.test_accuracy) * 100).round()).all()
    assert rows.test_accuracy.between(0, 1).all()
    assert rows[rows.method == "plain"].temperature.isna().all()
    assert not list((in_empty_folder / ".cache" / "trials").glob("*"))
    epochs = pd.read_csv(f"results/{study}-epochs.csv")
    assert set(epochs.trial) == set(rows.trial)
    assert np.allclose(
        epochs.groupby("trial").seconds.sum().sort_index(),
        rows.set_index("trial").train_seconds.sort_index(),
        rtol=1e-4,
    )


def test_a_second_run_trains_nothing(monkeypatch, capsys):
    options = ["mnist-dense", *SMOKE, "--seeds", "0"]
    assert main(options) == 0
    before = rows_of("mnist-dense")
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("trained again"))
    assert main(options) == 0
    assert "3 trials, 3 done before" in capsys.readouterr().out
    pd.testing.assert_frame_equal(before, rows_of("mnist-dense"))


def test_one_more_seed_trains_only_that_seed(capsys):
    assert main(["mnist-dense", *SMOKE, "--seeds", "0"]) == 0
    assert main(["mnist-dense", *SMOKE, "--seeds", "0", "1"]) == 0
    assert "6 trials, 3 done before" in capsys.readouterr().out
    assert rows_of("mnist-dense").groupby("seed").size().to_dict() == {0: 3, 1: 3}


class Killed(BaseException):
    pass


def test_a_killed_run_goes_on_at_its_last_epoch_and_gives_the_same_numbers(monkeypatch):
    """Dropout's random state, Adam's moments and the order of the batches all have to come back."""
    study = "mnist-lambda-sweep"
    options = [study, *SMOKE[:2], "--seeds", "0", "--lambdas", "0.5", "--epochs", "3", "--cache", "whole", "--results"]
    assert main([*options, "whole"]) == 0
    save, saved = training._save, []

    def save_and_die(folder, distiller, history):
        save(folder, distiller, history)
        saved.append(len(history))
        if len(saved) in (1, 3):
            raise Killed

    options[options.index("--cache") + 1] = "killed"
    monkeypatch.setattr(training, "_save", save_and_die)
    for _ in range(2):
        with pytest.raises(Killed):
            main([*options, "killed"])
    assert main([*options, "killed"]) == 0
    whole, killed = (pd.read_csv(f"{folder}/{study}.csv") for folder in ("whole", "killed"))
    measured = ["trial", "validation_accuracy", "test_accuracy", "test_loss"]
    pd.testing.assert_frame_equal(whole[measured], killed[measured])
    assert len(saved) == whole.epochs.sum()


def test_a_run_that_has_grown_too_large_goes_on_in_a_new_process(monkeypatch):
    arguments = ["mnist-dense", "--profile", "smoke", "--data", "synthetic", "--results", "results"]
    with monkeypatch.context() as patch:
        patch.setattr("experiments.runner.GROWTH_BYTES", -(1 << 40))
        assert main(arguments) == RESTART
    assert len(pd.read_csv("results/mnist-dense.csv")) == 1
    assert main(arguments) == 0
    rows = pd.read_csv("results/mnist-dense.csv")
    assert len(rows) == rows.trial.nunique() == 6


def test_plain_and_distilled_start_from_the_same_weights_and_see_the_same_batches(monkeypatch):
    starts, images = {}, {}
    train = training.train

    def spy(distiller, trial, dataset, **arguments):
        starts[str(trial)] = [weight.copy() for weight in distiller.student.get_weights()]
        batches = dataset.train.batches(trial.batch_size, seed=trial.seed, epoch=0, teacher=arguments["taught"].train)
        images[str(trial)] = next(iter(batches))[0].numpy()
        return train(distiller, trial, dataset, **arguments)

    monkeypatch.setattr(training, "train", spy)
    assert main(["mnist-dense", *SMOKE]) == 0
    for seed in (0, 1):
        plain, distilled = f"plain mlp_10 λ=0.0 batch=128 seed={seed}", f"kd mlp_10 λ=0.4 T=1.0 batch=128 seed={seed}"
        np.testing.assert_array_equal(images[plain], images[distilled])
        for one, other in zip(starts[plain], starts[distilled], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_lost_teacher_is_trained_again_without_a_second_row(in_empty_folder, capsys):
    options = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas"]
    assert main([*options, "0.5"]) == 0
    for path in (in_empty_folder / ".cache" / "networks").iterdir():
        path.unlink()
    assert main([*options, "0.5", "0.7"]) == 0
    rows = rows_of("mnist-lambda-sweep")
    assert rows.trial.is_unique
    assert sorted(rows["lambda"].dropna()) == [0.5, 0.7]
    assert "another result" not in capsys.readouterr().out


def test_a_teacher_trained_again_that_is_not_what_its_row_says_is_reported(in_empty_folder, capsys):
    options = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas"]
    assert main([*options, "0.5"]) == 0
    rows = rows_of("mnist-lambda-sweep")
    loss = rows[rows.method == "teacher"].test_loss.item()
    rows.assign(test_loss=1.25).to_csv("results/mnist-lambda-sweep.csv", index=False)
    for path in (in_empty_folder / ".cache" / "networks").iterdir():
        path.unlink()
    assert main([*options, "0.5", "0.7"]) == 0
    assert f"test loss {loss:g}, 1.25 in its row" in capsys.readouterr().out


def test_the_best_student_on_validation_is_saved(capsys):
    options = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas", "0.3", "0.7", "--save-best", "best.keras"]
    assert main(options) == 0
    rows = rows_of("mnist-lambda-sweep")
    best = rows[rows.method != "teacher"].sort_values("validation_accuracy").iloc[-1]
    assert f"best student: best.keras ({best.method} " in capsys.readouterr().out
    test = data.load("mnist", image_size=28, channels=1, train_size=200, validation_size=100, test_size=100).test
    model = keras.models.load_model("best.keras")
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    measured = model.evaluate(test.batches(100), return_dict=True, verbose=0)
    assert measured["accuracy"] == pytest.approx(best.test_accuracy)


def test_dry_run_lists_trials_and_writes_no_result(capsys, in_empty_folder):
    assert main(["mnist-lambda-sweep", *SMOKE, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 1 + 3 * 2
    assert all(re.match(r"[0-9a-f]{12}  missing  (teacher|plain|kd) ", line) for line in lines)
    assert not (in_empty_folder / "results").exists()


def test_batch_sweep_takes_the_lambda_of_best_validation_accuracy(in_empty_folder):
    folder = in_empty_folder / "results"
    folder.mkdir()
    pd.DataFrame(
        {
            "method": ["teacher", "plain", "kd", "kd", "kd", "kd"],
            "lambda": [None, 0.0, 0.3, 0.3, 0.6, 0.6],
            "validation_accuracy": [0.99, 0.98, 0.90, 0.92, 0.95, 0.90],
            "test_accuracy": [0.99, 0.98, 0.99, 0.99, 0.10, 0.10],
        }
    ).to_csv(folder / "mnist-lambda-sweep.csv")
    config = with_profile(mnist_batch_sweep.Config, mnist_batch_sweep.PROFILES, "paper")
    assert mnist_batch_sweep.best_lambda(config) == 0.6
    lambdas = {trial.lambda_ for trial in mnist_batch_sweep.trials(config)}
    assert lambdas == {None, 0.6}


def test_paper_profile_is_the_grid_of_the_issue():
    config = with_profile(mnist_lambda_sweep.Config, mnist_lambda_sweep.PROFILES, "paper")
    trials = mnist_lambda_sweep.trials(config)
    assert len(trials) == 1 + 11 * 3
    assert trials[0].method == "teacher"
    assert sorted({trial.lambda_ for trial in trials[1:]}) == [n / 10 for n in range(11)]


def own_teacher(path, classes):
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(classes)])
    model.save(path)
    return str(path)


def test_own_teacher_file_is_used_as_it_is(tmp_path):
    path = own_teacher(tmp_path / "own.keras", 10)
    assert main(["mnist-lambda-sweep", *SMOKE, "--teacher", path, "--seeds", "0"]) == 0
    teacher = rows_of("mnist-lambda-sweep").query("method == 'teacher'").iloc[0]
    assert teacher.teacher.startswith("own.keras@")
    assert teacher.params == 7850
    assert np.isnan(teacher.epochs)


def bad_header(folder):
    (folder / "results").mkdir()
    (folder / "results" / "mnist-lambda-sweep.csv").write_text("a,b\n1,2\n")


def read_only(folder):
    (folder / "results").mkdir()
    (folder / "results").chmod(0o555)


def one_class(folder):
    (folder / "pictures" / "cat").mkdir(parents=True)


def two_classes_one_broken(folder):
    for name in ("cat", "dog"):
        (folder / "pictures" / name).mkdir(parents=True)
        (folder / "pictures" / name / "1.jpg").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("options", "prepare", "message"),
    [
        (["--data", "no_such_set"], None, "unknown data set 'no_such_set'"),
        (["--data", "cifar10"], None, "cifar10 is not prepared"),
        (["--lambdas", "0.5", "1.5"], None, "lambda 1.5: expected a number from 0"),
        (["--lambdas", "-0.1"], None, "lambda -0.1"),
        (["--temperature", "0"], None, "temperature 0.0"),
        (["--batch-size", "0"], None, "batch size 0: expected 1 or more"),
        (["--epochs", "0"], None, "epochs 0: expected 1 or more"),
        (["--learning-rate", "0"], None, "learning rate 0.0: expected a number above 0"),
        (["--seeds", "1", "1"], None, "seeds (1, 1)"),
        (["--train-size", "100000"], None, "train size 100000"),
        (["--data", "pictures"], one_class, "pictures has 1 sub-folder(s)"),
        (["--data", "pictures"], two_classes_one_broken, "pictures/cat/1.jpg"),
        (["--teacher", "missing.keras"], None, "cannot load a model from missing.keras"),
        (["--teacher", "seven.keras"], lambda f: own_teacher(f / "seven.keras", 7), "7 outputs and the student 10"),
        ([], bad_header, "mnist-lambda-sweep.csv has another header (a,b"),
        ([], read_only, "results (read-only)"),
        (["--save-best", "best.h5"], None, "save best best.h5: expected the name of a .keras file"),
        (["--profile", "huge"], None, "profile 'huge': expected one of smoke, quick, paper"),
    ],
)
def test_bad_input_is_one_line_status_2_and_nothing_written(options, prepare, message, capsys, in_empty_folder):
    if prepare:
        prepare(in_empty_folder)
    before = {path for path in in_empty_folder.rglob("*") if ".cache" not in path.parts}
    try:
        assert main(["mnist-lambda-sweep", *SMOKE, *options]) == 2
    finally:
        if (in_empty_folder / "results").exists():
            (in_empty_folder / "results").chmod(0o755)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert {path for path in in_empty_folder.rglob("*") if ".cache" not in path.parts} == before


def test_batch_sweep_without_a_lambda_says_what_to_run(capsys):
    assert main(["mnist-batch-sweep", "--data", "mnist", "--train-size", "100"]) == 2
    assert "run mnist-lambda-sweep first, or give --lambda" in capsys.readouterr().err


def test_list_of_studies_has_a_line_each(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    for study in STUDIES:
        assert re.search(rf"^  {study} +(Study \d|Export).*$", printed, re.MULTILINE)


def test_unknown_study(capsys):
    assert main(["mnist-gamma-sweep"]) == 2
    assert "unknown study 'mnist-gamma-sweep': expected one of mnist-dense" in capsys.readouterr().err


def test_help_explains_each_parameter(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["mnist-lambda-sweep", "--help"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--lambdas", "--temperature", "--teacher", "--seeds", "--profile", "--dry-run"):
        assert option in printed
    assert "Seeds; each one repeats the whole grid" in " ".join(printed.split())
