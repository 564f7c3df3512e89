"""Training one network of a trial: epoch by epoch, resumable, measured once at the end."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments.trial import Trial
from kdsuite import distill, prune
from kdsuite.data import Dataset

EVALUATION_BATCH = 100
STEPS_PER_EXECUTION = 50


@dataclass(frozen=True)
class Taught:
    """Teacher outputs on the splits of a trial; None where batches carry none."""

    train: distill.TeacherOutputs | None = None
    validation: distill.TeacherOutputs | None = None
    test: distill.TeacherOutputs | None = None


def compiled(model: keras.Model, trial: Trial, dataset: Dataset, *, taught: bool) -> keras.Model:
    """The trial's network within its distiller, with the trial's optimizer, ready to train and to evaluate.

    Args:
        model: the student, or a teacher to be trained on labels.
        trial: what is to be trained how.
        dataset: of the training.
        taught: whether batches will carry teacher outputs; otherwise it trains on labels only.
    """
    distiller = trial.distiller(model, taught=taught)
    steps = -(-len(dataset.train) // trial.batch_size)
    distiller.compile(
        trial.optimizer(steps), metrics=list(trial.metrics), steps_per_execution=min(STEPS_PER_EXECUTION, steps)
    )
    distiller.optimizer.build(distiller.trainable_variables)
    return distiller


def train(
    distiller: keras.Model,
    trial: Trial,
    dataset: Dataset,
    *,
    taught: Taught,
    folder: Path,
    tick: Callable[[dict], None],
    evaluate_recalibrated: bool = False,
) -> list[dict]:
    """Trains for the trial's epochs, continuing from the checkpoint in `folder` if there is one.

    Batches depend on the trial's seed and the epoch only, so the networks of one seed see the same ones.

    Args:
        distiller: from `compiled`.
        trial: seed, epochs and batch size.
        dataset: trains on `train`; each epoch is evaluated on `validation`.
        taught: teacher outputs on the splits.
        folder: of the checkpoint, written after each epoch.
        tick: called after each epoch with the accuracies of that epoch.
        evaluate_recalibrated: evaluate each epoch with batch-norm statistics recalibrated on `train`, and without;
            training goes on with its own.

    Returns:
        One dict an epoch: epoch, loss, accuracy, validation_loss, validation_accuracy, seconds; accuracies only where
        they are among the trial's metrics.
    """
    history = _restore(folder, distiller)
    for _ in history:
        tick({})
    for epoch in range(len(history), trial.epochs):
        begin = time.perf_counter()
        batches = dataset.train.batches(trial.batch_size, seed=trial.seed, epoch=epoch, teacher=taught.train)
        trained = distiller.fit(trial.prepared(batches, epoch), verbose=0, shuffle=False).history
        seconds = time.perf_counter() - begin
        validation = evaluate(distiller, dataset.validation, taught.validation)
        measured = {
            "epoch": epoch + 1,
            **{name: values[0] for name, values in trained.items()},
            **{f"validation_{name}": value for name, value in validation.items()},
            "seconds": seconds,
        }
        if evaluate_recalibrated:
            recalibrated = _evaluate_recalibrated(distiller, dataset)
            measured |= {
                "validation_loss": recalibrated["loss"],
                "validation_accuracy": recalibrated["accuracy"],
                "validation_accuracy_uncalibrated": validation["accuracy"],
            }
        history.append(measured)
        _save(folder, distiller, history)
        tick(history[-1])
    return history


def evaluate(compiled: keras.Model, split, teacher: distill.TeacherOutputs | None = None) -> dict[str, float]:
    """Loss and metrics of a compiled model on a split, and on a teacher's outputs there if they are given."""
    return compiled.evaluate(split.batches(EVALUATION_BATCH, teacher=teacher), verbose=0, return_dict=True)


def outputs(model: keras.Model, split) -> np.ndarray:
    """What a model gives for a split's images in order, in inference mode: float32 (n, classes)."""
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    return np.concatenate([forward(images).numpy() for images, _ in split.batches(EVALUATION_BATCH)])


def _evaluate_recalibrated(distiller: distill.Distiller, dataset: Dataset) -> dict[str, float]:
    own = distill.moving_statistics(distiller.student)
    distill.recalibrate(distiller.student, dataset.train)
    measured = evaluate(distiller, dataset.validation)
    distill.set_moving_statistics(distiller.student, own)
    return measured


def measure(distiller: keras.Model, trial: Trial, dataset: Dataset, taught: Taught, *, on_test: bool = True) -> dict:
    """The measured columns of a result row: accuracies at the end of training, and size.

    Args:
        distiller: the trained network, compiled.
        trial: if it is to be recalibrated, batch-norm statistics are computed anew on `train` first (and left so).
        dataset: measures on `validation` and `test`.
        taught: teacher outputs on the splits.
        on_test: measure on `test`; candidates of a choice are not.
    """
    model, tested = distiller.student, {}
    if trial.recalibrated:
        if on_test and trial.tested_uncalibrated:
            tested["test_accuracy_uncalibrated"] = evaluate(distiller, dataset.test)["accuracy"]
        distill.recalibrate(model, dataset.train)
    if on_test:
        test = evaluate(distiller, dataset.test, taught.test)
        tested["test_loss"] = test["loss"]
        if "accuracy" in test:
            tested["test_accuracy"] = test["accuracy"]
            tested["test_errors"] = round((1 - test["accuracy"]) * len(dataset.test))
    return {
        "params": model.count_params(),
        "trainable_params": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "macs": prune.macs(model),
        "model_bytes": _file_bytes(model),
        "validation_accuracy": evaluate(distiller, dataset.validation, taught.validation).get("accuracy"),
        **tested,
    }


def _file_bytes(model: keras.Model) -> int:
    """Size of the saved .keras file, optimizer not included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.stat().st_size


def _variables(distiller: keras.Model) -> list:
    # `variables`, not `weights`: the state of dropout's random numbers is needed too.
    regressors = [variable for regressor in distiller.regressors for variable in regressor.variables]
    return [*distiller.student.variables, *regressors, *distiller.optimizer.variables]


def _save(folder: Path, distiller: keras.Model, history: list[dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "checkpoint.tmp"
    arrays = {f"variable_{number}": v.numpy() for number, v in enumerate(_variables(distiller))}
    with temporary.open("wb") as file:
        np.savez(file, history=json.dumps(history), **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "checkpoint.npz")


def _restore(folder: Path, distiller: keras.Model) -> list[dict]:
    path = folder / "checkpoint.npz"
    if not path.exists():
        return []
    with np.load(path) as file:
        for number, variable in enumerate(_variables(distiller)):
            variable.assign(file[f"variable_{number}"])
        return json.loads(str(file["history"]))


def forget(folder: Path) -> None:
    """Removes the checkpoint of a finished trial."""
    shutil.rmtree(folder, ignore_errors=True)
