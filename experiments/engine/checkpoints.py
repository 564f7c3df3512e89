"""Checkpoints of unfinished trials: written after each epoch, checked when read, rebuilt when damaged."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

from kdsuite.data.files import sweep_unfinished, whole_file

NAME = "checkpoint.npz"


def save(folder: Path, distiller, history: list[dict]) -> None:
    """Writes weights, optimizer state and history, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"variable_{number}": variable.numpy() for number, variable in enumerate(_variables(distiller))}
    with whole_file(folder / NAME) as temporary, temporary.open("wb") as file:
        np.savez(file, history=json.dumps(history), **arrays)


def restore(folder: Path, distiller, epochs: int) -> list[dict]:
    """Gives the variables their saved values.

    Args:
        folder: of the checkpoint.
        distiller: compiled, with a built optimizer; left as it was where there is nothing to restore.
        epochs: of the trial; a longer history belongs to something else.

    Returns:
        The history, one dict an epoch; empty where there is no checkpoint, or a damaged one, which is said and removed.
    """
    path = folder / NAME
    if not path.exists():
        return []
    variables = _variables(distiller)
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            history = json.loads(str(file["history"]))
            arrays = [file[f"variable_{number}"] for number in range(len(variables))]
        problem = _problem(history, epochs, arrays, variables)
    except Exception as error:  # A damaged zip raises nearly anything: BadZipFile, zlib.error, NotImplementedError, …
        problem = " ".join(str(error).split()) or type(error).__name__
    if problem:
        print(f"checkpoint {path} is damaged ({problem}): this trial starts anew", file=sys.stderr)
        forget(folder)
        return []
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return history


def forget(folder: Path) -> None:
    """Removes the checkpoint of a finished trial."""
    shutil.rmtree(folder, ignore_errors=True)


def _problem(history, epochs: int, arrays: list[np.ndarray], variables: list) -> str | None:
    if not isinstance(history, list) or not all(isinstance(line, dict) and "seconds" in line for line in history):
        return "its history is not one of epochs"
    if len(history) > epochs:
        return f"its history has {len(history)} epochs of {epochs}"
    for array, variable in zip(arrays, variables, strict=True):
        if array.shape != tuple(variable.shape):
            return f"a variable has shape {array.shape}, expected {tuple(variable.shape)}"
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return "a variable is not finite"
    return None


def _variables(distiller) -> list:
    # `variables`, not `weights`: the state of dropout's random numbers is needed too.
    regressors = [variable for regressor in distiller.regressors for variable in regressor.variables]
    return [*distiller.student.variables, *regressors, *distiller.optimizer.variables]


def sweep(cache: Path) -> None:
    """Removes what kills left behind: checkpoints of trials that are finished, and files that were being written."""
    for folder in (cache / "trials").glob("*"):
        if (cache / "finished" / f"{folder.name}.npz").exists():
            forget(folder)
    for name in ("trials/*", "finished", "networks", "teacher"):
        for path in cache.glob(name):
            sweep_unfinished(path)
