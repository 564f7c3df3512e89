"""Training one network of a trial: epoch by epoch, resumable, measured once at the end."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import distill
import prune
from data import Dataset
from experiments.trial import Trial

EVALUATION_BATCH = 100
STEPS_PER_EXECUTION = 50


def compiled(model: keras.Model, trial: Trial, dataset: Dataset, *, taught: bool) -> distill.Distiller:
    """A Distiller around the trial's network, with the trial's optimizer, ready to train and to evaluate.

    Args:
        model: the student, or a teacher to be trained on labels.
        trial: learning rate, λ and T.
        dataset: of the training.
        taught: whether batches will carry teacher outputs; otherwise it trains on labels only.
    """
    settings = {"lambda_": trial.lambda_, "temperature": trial.temperature, "hints": trial.hints} if taught else {}
    distiller = distill.Distiller(model, **{"lambda_": 0.0, "temperature": 1.0} | settings)
    steps = -(-len(dataset.train) // trial.batch_size)
    distiller.compile(trial.optimizer(steps), metrics=["accuracy"], steps_per_execution=min(STEPS_PER_EXECUTION, steps))
    distiller.optimizer.build(distiller.trainable_variables)
    return distiller


def train(
    distiller: distill.Distiller,
    trial: Trial,
    dataset: Dataset,
    *,
    teacher: distill.TeacherOutputs | None,
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
        teacher: its outputs on `dataset.train`.
        folder: of the checkpoint, written after each epoch.
        tick: called after each epoch with the accuracies of that epoch.
        evaluate_recalibrated: evaluate each epoch with batch-norm statistics recalibrated on `train`, and without;
            training goes on with its own.

    Returns:
        One dict an epoch: epoch, loss, accuracy, validation_loss, validation_accuracy, seconds.
    """
    history = _restore(folder, distiller)
    for _ in history:
        tick({})
    for epoch in range(len(history), trial.epochs):
        begin = time.perf_counter()
        batches = dataset.train.batches(trial.batch_size, seed=trial.seed, epoch=epoch, teacher=teacher)
        trained = distiller.fit(batches, verbose=0, shuffle=False).history
        seconds = time.perf_counter() - begin
        validation = evaluate(distiller, dataset.validation)
        measured = {
            "epoch": epoch + 1,
            "loss": trained["loss"][0],
            "accuracy": trained["accuracy"][0],
            "validation_loss": validation["loss"],
            "validation_accuracy": validation["accuracy"],
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


def evaluate(compiled: keras.Model, split) -> dict[str, float]:
    """Loss and accuracy of a compiled model on a split."""
    return compiled.evaluate(split.batches(EVALUATION_BATCH), verbose=0, return_dict=True)


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


def measure(distiller: distill.Distiller, dataset: Dataset, *, recalibrate: bool = False, on_test: bool = True) -> dict:
    """The measured columns of a result row: accuracies at the end of training, and size.

    Args:
        distiller: the trained network, compiled.
        dataset: measures on `validation` and `test`.
        recalibrate: compute the batch-norm statistics anew on `train` first (and leave them so); the test accuracy
            before that is a column of its own.
        on_test: measure on `test`; candidates of a choice are not.
    """
    model, tested = distiller.student, {}
    if recalibrate:
        if on_test:
            tested["test_accuracy_uncalibrated"] = evaluate(distiller, dataset.test)["accuracy"]
        distill.recalibrate(model, dataset.train)
    if on_test:
        test = evaluate(distiller, dataset.test)
        tested |= {
            "test_accuracy": test["accuracy"],
            "test_errors": round((1 - test["accuracy"]) * len(dataset.test)),
            "test_loss": test["loss"],
        }
    return {
        "params": model.count_params(),
        "trainable_params": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "macs": prune.macs(model),
        "model_bytes": _file_bytes(model),
        "validation_accuracy": evaluate(distiller, dataset.validation)["accuracy"],
        **tested,
    }


def _file_bytes(model: keras.Model) -> int:
    """Size of the saved .keras file, optimizer not included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.stat().st_size


def _variables(distiller: distill.Distiller) -> list:
    # `variables`, not `weights`: the state of dropout's random numbers is needed too.
    regressors = [variable for regressor in distiller.regressors for variable in regressor.variables]
    return [*distiller.student.variables, *regressors, *distiller.optimizer.variables]


def _save(folder: Path, distiller: distill.Distiller, history: list[dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "checkpoint.tmp"
    arrays = {f"variable_{number}": v.numpy() for number, v in enumerate(_variables(distiller))}
    with temporary.open("wb") as file:
        np.savez(file, history=json.dumps(history), **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "checkpoint.npz")


def _restore(folder: Path, distiller: distill.Distiller) -> list[dict]:
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
