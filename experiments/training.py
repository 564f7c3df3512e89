"""Training one network of a trial: epoch by epoch, resumable, measured once at the end."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import distill
import prune
from data import Dataset
from experiments.trial import Trial

EVALUATION_BATCH = 500
STEPS_PER_EXECUTION = 50


def train(
    model: keras.Model, trial: Trial, dataset: Dataset, *, teacher: distill.TeacherOutputs | None, folder: Path, tick
) -> list[dict]:
    """Trains `model` for the trial's epochs with Adam, continuing from the checkpoint in `folder` if there is one.

    Batches depend on the trial's seed and the epoch only, so the networks of one seed see the same ones.

    Args:
        model: the student, or a teacher to be trained on labels.
        trial: seed, epochs, batch size, learning rate, λ and T.
        dataset: trains on `train`; each epoch is evaluated on `validation`.
        teacher: its outputs on `dataset.train`; None trains on labels only.
        folder: of the checkpoint, written after each epoch.
        tick: called after each epoch with the accuracies of that epoch.

    Returns:
        One dict an epoch: epoch, loss, accuracy, validation_loss, validation_accuracy, seconds.
    """
    distiller = distill.Distiller(
        model,
        lambda_=0.0 if teacher is None else trial.lambda_,
        temperature=1.0 if teacher is None else trial.temperature,
    )
    distiller.compile(
        keras.optimizers.Adam(trial.learning_rate), metrics=["accuracy"], steps_per_execution=STEPS_PER_EXECUTION
    )
    distiller.optimizer.build(model.trainable_variables)
    history = _restore(folder, distiller)
    for _ in history:
        tick({})
    for epoch in range(len(history), trial.epochs):
        begin = time.perf_counter()
        batches = dataset.train.batches(trial.batch_size, seed=trial.seed, epoch=epoch, teacher=teacher)
        trained = distiller.fit(batches, verbose=0, shuffle=False).history
        seconds = time.perf_counter() - begin
        validation = evaluate(distiller, dataset.validation)
        history.append(
            {
                "epoch": epoch + 1,
                "loss": trained["loss"][0],
                "accuracy": trained["accuracy"][0],
                "validation_loss": validation["loss"],
                "validation_accuracy": validation["accuracy"],
                "seconds": seconds,
            }
        )
        _save(folder, distiller, history)
        tick(history[-1])
    return history


def evaluate(compiled: keras.Model, split) -> dict[str, float]:
    """Loss and accuracy of a compiled model on a split."""
    return compiled.evaluate(split.batches(EVALUATION_BATCH), verbose=0, return_dict=True)


def measure(model: keras.Model, dataset: Dataset) -> dict:
    """The measured columns of a result row: accuracies at the end of training, and size."""
    judge = distill.Distiller(model, lambda_=0.0)
    judge.compile("sgd", metrics=["accuracy"])
    test = evaluate(judge, dataset.test)
    return {
        "params": model.count_params(),
        "trainable_params": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "macs": prune.macs(model),
        "model_bytes": _file_bytes(model),
        "validation_accuracy": evaluate(judge, dataset.validation)["accuracy"],
        "test_accuracy": test["accuracy"],
        "test_errors": round((1 - test["accuracy"]) * len(dataset.test)),
        "test_loss": test["loss"],
    }


def _file_bytes(model: keras.Model) -> int:
    """Size of the saved .keras file, optimizer not included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.stat().st_size


def _variables(distiller: distill.Distiller) -> list:
    # `variables`, not `weights`: the state of dropout's random numbers is needed too.
    return [*distiller.student.variables, *distiller.optimizer.variables]


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
