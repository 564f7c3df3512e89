"""What is chosen on validation: a weight of the teacher among candidates, and the best student, which is saved."""

from pathlib import Path
from types import SimpleNamespace

import keras
import pandas as pd
import pytest

from experiments import cli
from experiments.cli import main
from experiments.engine import runner
from experiments.engine.study import Details, Study
from kdsuite import data, distill
from tests.experiments.folders import folder_of, rows_of

pytestmark = [pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network"), pytest.mark.slow]
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


def test_batch_sweep_takes_the_lambda_of_best_validation_accuracy_among_its_candidates(monkeypatch, capsys):
    tested = []
    monkeypatch.setattr(
        Study, "test_details", lambda study, trial, distiller: tested.append(study.key(trial)) or Details()
    )
    options = ["mnist-batch-sweep", *SMOKE, "--lambda", "None", "--lambdas", "0", "0.3", "0.7", "--batch-sizes", "32"]
    options += ["--seeds", "0", "--choice-seeds", "0", "1"]
    assert main(options) == 0
    candidates = pd.read_csv(folder_of("mnist-batch-sweep") / "candidates.csv")
    assert sorted(candidates["lambda"].unique()) == [0.3, 0.7]
    assert candidates.test_accuracy.isna().all()
    assert tested == rows_of("mnist-batch-sweep").trial.tolist() and not set(tested) & set(candidates.trial)
    best = candidates.groupby("lambda").validation_accuracy.mean().idxmax()
    assert f"chosen on validation: λ = {best:g}" in capsys.readouterr().out
    rows = rows_of("mnist-batch-sweep")
    assert set(rows["lambda"].dropna()) == {best}
    # Each worker finds its trials by going through the choice again.
    study, experiment = cli.find("mnist-batch-sweep")
    config = cli.configuration(study, experiment, options[1:])
    worker = runner.Runner(
        "mnist-batch-sweep", study.load(experiment.module, experiment.trains)(config), Path("results")
    )
    key = rows[rows.method == "kd"].trial.iloc[0]
    assert worker.study.key(worker.find(key)) == key
    assert not capsys.readouterr().out


def test_what_may_choose_another_lambda_has_a_setting_of_its_own():
    study, experiment = cli.find("mnist-batch-sweep")

    def setting(*options):
        return cli.configuration(study, experiment, [*SMOKE, "--lambda", "None", *options]).setting()

    assert setting() == setting("--seeds", "5", "6", "--batch-sizes", "32")
    assert len({str(setting(*options)) for options in ((), ("--lambdas", "0.3"), ("--choice-seeds", "4"))}) == 3


def test_a_candidate_that_is_a_trial_too_is_tested(capsys):
    options = ["mnist-batch-sweep", *SMOKE, "--lambda", "None", "--lambdas", "0.3", "0.7", "--batch-sizes", "128"]
    assert main([*options, "--seeds", "0", "--choice-seeds", "0"]) == 0
    rows = rows_of("mnist-batch-sweep")
    students, candidates = rows[rows.role == "student"], pd.read_csv(folder_of("mnist-batch-sweep") / "candidates.csv")
    assert set(students.trial) < set(candidates.trial)
    assert rows.test_accuracy.notna().all()


def test_the_best_student_on_validation_is_saved_and_trained_once(capsys, monkeypatch):
    monkeypatch.setattr(
        "experiments.engine.networks.train_network", lambda *given, **options: pytest.fail("trained again")
    )
    options = ["mnist-lambda-sweep", *SMOKE, "--seeds", "0", "--lambdas", "0.3", "0.7", "--save-best", "best.keras"]
    assert main(options) == 0
    rows = rows_of("mnist-lambda-sweep")
    best = rows[rows.role == "student"].sort_values("validation_accuracy").iloc[-1]
    assert f"best student: best.keras ({best.method} " in capsys.readouterr().out
    sizes = {"train_size": 200, "validation_size": 100, "test_size": 100}
    test = data.load("synthetic", image_size=28, channels=1, **sizes).test
    model = keras.models.load_model("best.keras")
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    measured = model.evaluate(test.batches(100), return_dict=True, verbose=0)
    assert measured["accuracy"] == pytest.approx(best.test_accuracy)
    known = distill.training_data("best.keras")
    assert (known.sizes, known.test_fingerprint) == ({"train": 200, "validation": 100, "test": 100}, test.fingerprint)


def test_the_best_students_file_names_the_images_that_it_was_trained_on(monkeypatch):
    """One of all images may win over those of a thousand."""
    data_of = {"best": SimpleNamespace(name="all images"), "other": SimpleNamespace(name="a thousand", train=())}
    study = SimpleNamespace(data=data_of.get, dataset=data_of["other"], teacher_data=data_of["other"])
    ours = runner.Runner.__new__(runner.Runner)
    ours.study, ours.config = study, SimpleNamespace(save_best=Path("best.keras"))
    ours.networks = SimpleNamespace(get=lambda trial: f"network of {trial}")
    monkeypatch.setattr(ours, "best_student", lambda trials: "best", raising=False)
    saved = []
    monkeypatch.setattr(runner.distill, "save_student", lambda *given: saved.append(given))
    ours.save_best(["best", "other"])
    assert saved[0][:3] == ("network of best", Path("best.keras"), data_of["best"])
