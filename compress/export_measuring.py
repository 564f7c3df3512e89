"""`measure`: a network's file on the test split, beside the Keras model it came from."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from kdsuite import distill
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_conversion import check_exportable
from kdsuite.compress.formats import format_of
from kdsuite.compress.own_layers import importable
from kdsuite.compress.running import Forward, cores, of_model, open_file

BATCH = 64
LARGEST = partial(np.argmax, axis=-1)
TIMED_EXAMPLES = 32


@dataclass(frozen=True)
class Measured:
    """What a network's file does on a test split.

    Attributes:
        file_bytes: size of the file, OpenVINO's two together; of a .keras file without what `distill.save_student` says
            in it of its training data.
        accuracy: share of examples whose label has the largest logit.
        agreement: share of examples on which the largest logit is that of the reference too.
        max_difference: largest absolute difference of a logit from the reference.
        p50_milliseconds, p95_milliseconds: percentiles of the time for one example, in a fresh process.
        peak_memory_bytes: resident memory of that process at its peak, from loading the file to the last example, less
            what was resident before, with the runtime imported.
    """

    file_bytes: int
    accuracy: float
    agreement: float
    max_difference: float
    p50_milliseconds: float
    p95_milliseconds: float
    peak_memory_bytes: int | None


def measure(
    path_or_model: keras.Model | Path | str,
    split,
    reference_logits: np.ndarray,
    *,
    threads: int | None = None,
    turns: int = 200,
    answers: Callable[[np.ndarray], np.ndarray] = LARGEST,
) -> Measured:
    """Runs a network on every example of a split, and times it in a fresh process.

    Args:
        path_or_model: a file that `export` wrote, a .keras file, or a Keras model (measured as its .keras file).
        split: a `data.Split`; or (inputs, labels) with inputs as an array (n, ...) or, of a model with several, a dict
            of arrays by input name, and labels int (n,).
        reference_logits: float32 (n, classes) of the original Keras model, as `logits` gives them.
        threads: how many compute in the fresh process; by default as many as there are cores.
        turns: how many single examples are timed, after ten that warm up.
        answers: from outputs (n, classes) to the class that each row stands for, (n,).

    Raises:
        CompressionError: the file cannot be run, it has several outputs, takes other inputs, or gives logits of another
            shape than the reference; labels of another shape; or a model has layers that are defined in a script or
            notebook.
    """
    inputs, labels = _inputs_and_labels(split)
    labels, count = np.asarray(labels), _count(inputs)
    if labels.shape != (count,):
        raise CompressionError(
            f"labels of shape {labels.shape} for {count:,} examples: expected ({count},), a class number each: give "
            "labels[:, 0] of a column, labels.argmax(-1) of one-hot rows"
        )
    given = logits(path_or_model, split)
    reference = np.asarray(reference_logits, np.float32)
    if given.shape != reference.shape:
        raise CompressionError(
            f"logits of shape {given.shape}, reference {reference.shape}: expected (n, classes) of both, of the same "
            "examples"
        )
    with _as_file(path_or_model) as path:
        seconds, memory = _in_fresh_process(path, _take(inputs, 0, TIMED_EXAMPLES), threads or cores(), turns)
        file_bytes = _file_bytes(path)
    p50, p95 = np.percentile(1000 * np.array(seconds), [50, 95])
    return Measured(
        file_bytes=file_bytes,
        accuracy=float(np.mean(answers(given) == labels)),
        agreement=float(np.mean(answers(given) == answers(reference))),
        max_difference=float(np.abs(given - reference).max()),
        p50_milliseconds=float(p50),
        p95_milliseconds=float(p95),
        peak_memory_bytes=memory,
    )


def logits(path_or_model: keras.Model | Path | str, split) -> np.ndarray:
    """What a network gives for the examples of a split, in order, in inference mode.

    Args:
        path_or_model: as of `measure`.
        split: as of `measure`; labels may be None.

    Returns:
        float32 (n, classes).

    Raises:
        CompressionError: as of `measure`.
    """
    if isinstance(path_or_model, str | Path):
        name, forward = str(path_or_model), open_file(Path(path_or_model))
    else:
        check_exportable(path_or_model)
        name, forward = path_or_model.name, of_model(path_or_model)
    if forward.outputs != 1:
        raise CompressionError(f"{name} has {forward.outputs} outputs: expected one, of logits")
    inputs, _ = _inputs_and_labels(split)
    return np.concatenate([forward.run(batch) for batch in _batches(inputs, forward)]).astype(np.float32)


def _batches(inputs, forward: Forward) -> Iterator[dict[str, np.ndarray]]:
    size = forward.batch or BATCH
    for start in range(0, _count(inputs), size):
        yield forward.named(_take(inputs, start, size))


def _take(inputs, start: int, size: int):
    """Some rows of an array, of an array on disk, or of each in a dict; fewer at the end."""
    if isinstance(inputs, dict):
        return {name: _take(array, start, size) for name, array in inputs.items()}
    return inputs[np.arange(start, min(start + size, len(inputs)))]


def _count(inputs) -> int:
    return len(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)


def _inputs_and_labels(split):
    return (split.images, split.labels) if hasattr(split, "fingerprint") else split


@contextmanager
def _as_file(path_or_model: keras.Model | Path | str) -> Iterator[Path]:
    """The path of a network's file; of a model, of one that is there for the while."""
    if isinstance(path_or_model, str | Path):
        yield Path(path_or_model)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        distill.save_student(path_or_model, path)
        yield path


def _in_fresh_process(path: Path, inputs, threads: int, turns: int) -> tuple[list[float], int | None]:
    """Seconds of each timed example, and bytes of memory where the system tells them."""
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "inputs.npz"
        np.savez(stored, allow_pickle=False, **(inputs if isinstance(inputs, dict) else {"image": inputs}))
        command = [sys.executable, "-P", "-m", "kdsuite.compress.running_process"]
        modules = importable(path) if path.suffix == ".keras" else []
        search = [entry or str(Path.cwd()) for entry in sys.path]
        done = subprocess.run(
            [*command, str(path), str(stored), str(threads), str(turns), *modules],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(search), "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        last = next(iter(done.stderr.strip().splitlines()[::-1]), "no message")
        raise CompressionError(f"{path} cannot be run in a fresh process ({last[:300]})")
    measured = json.loads(done.stdout.splitlines()[-1])
    return measured["seconds"], measured["peak_memory_bytes"]


def _file_bytes(path: Path) -> int:
    if path.suffix == ".keras":
        return path.stat().st_size - distill.training_data_bytes(path)
    beside = format_of(path).beside
    return path.stat().st_size + (path.with_suffix(beside).stat().st_size if beside else 0)
