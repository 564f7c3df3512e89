"""A training's variables in one file: written whole or not at all, and checked before any of them is given back."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.files import whole_file


def store(path: Path, variables: Sequence, **state: Any) -> None:
    """Writes variables, and what is known of the training beside them.

    Args:
        path: of the .npz file.
        variables: of Keras.
        state: JSON values by name.
    """
    arrays: dict[str, Any] = {f"variable_{number}": variable.numpy() for number, variable in enumerate(variables)}
    described = {name: json.dumps(value) for name, value in state.items()}
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **described, **arrays)


def restore(path: Path, variables: Sequence, name: str, problem: Callable[[Any], str | None]) -> Any:
    """Gives the variables their stored values.

    Args:
        path: as `store` wrote it.
        variables: the same ones, in the same order; left as they were where anything is wrong.
        name: of the state to give back.
        problem: says of that state what is wrong with it, or None.

    Raises:
        DistillationError: the file is damaged or of another training; the message says in what.
    """
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            state = json.loads(str(file[name]))
            arrays = [file[f"variable_{number}"] for number in range(len(variables))]
        found = problem(state) or _problem(arrays, variables)
    except Exception as error:  # A damaged zip raises nearly anything: BadZipFile, zlib.error, NotImplementedError, …
        found = " ".join(str(error).split()) or type(error).__name__
    if found:
        raise DistillationError(found)
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return state


def _problem(arrays: Sequence[np.ndarray], variables: Sequence) -> str | None:
    for array, variable in zip(arrays, variables, strict=True):
        if array.shape != tuple(variable.shape):
            return f"a variable has shape {array.shape}, expected {tuple(variable.shape)}"
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return "a variable is not finite"
    return None
