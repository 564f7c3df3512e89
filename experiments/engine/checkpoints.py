"""Checkpoints of unfinished trials: written after each epoch, checked when read, rebuilt when damaged."""

import shutil
import sys
from pathlib import Path

from kdsuite import distill
from kdsuite.data.files import sweep_unfinished
from kdsuite.distill import checkpoint

NAME = "checkpoint.npz"


def save(folder: Path, distiller, history: list[dict]) -> None:
    """Writes weights, optimizer state and history, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.store(folder / NAME, _variables(distiller), history=history)


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
    try:
        return checkpoint.restore(path, _variables(distiller), "history", lambda history: _problem(history, epochs))
    except distill.DistillationError as error:
        print(f"checkpoint {path} is damaged ({error}): this trial starts anew", file=sys.stderr)
        forget(folder)
        return []


def forget(folder: Path) -> None:
    """Removes the checkpoint of a finished trial."""
    shutil.rmtree(folder, ignore_errors=True)


def _problem(history, epochs: int) -> str | None:
    if not isinstance(history, list) or not all(isinstance(line, dict) and "seconds" in line for line in history):
        return "its history is not one of epochs"
    if len(history) > epochs:
        return f"its history has {len(history)} epochs of {epochs}"
    return None


def _variables(distiller) -> list:
    # `variables`, not `weights`: the state of dropout's random numbers is needed too.
    regressors = [variable for regressor in distiller.regressors for variable in regressor.variables]
    return [*distiller.student.variables, *regressors, *distiller.optimizer.variables]


def sweep(cache: Path) -> None:
    """Removes what kills left behind: checkpoints of finished networks, and files that were being written.

    A trial that is finished may be trained a second time for its network; that training's checkpoint stays.
    """
    for folder in (cache / "trials").glob("*"):
        if (cache / "networks" / f"{folder.name}.keras").exists():
            forget(folder)
    for name in ("trials/*", "finished", "networks", "teacher"):
        for path in cache.glob(name):
            sweep_unfinished(path)
