"""Result rows: CSV files that are only ever appended to, whole rows at a time, under a lock."""

import csv
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from experiments.errors import UsageError
from experiments.files import whole_file

COLUMNS = (
    "study",
    "trial",
    "seed",
    "dataset",
    "source",
    "train_size",
    "test_size",
    "teacher",
    "student",
    "method",
    "lambda",
    "temperature",
    "hint",
    "weights",
    "prune_method",
    "units_removed",
    "removed",
    "params",
    "trainable_params",
    "macs",
    "model_bytes",
    "batch_size",
    "epochs",
    "learning_rate",
    "validation_accuracy",
    "test_accuracy",
    "test_accuracy_uncalibrated",
    "test_errors",
    "test_loss",
    "train_seconds",
    "keras",
    "tensorflow",
    "commit",
    "finished_at",
)
EPOCH_COLUMNS = ("study", "trial", "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
WRITE_BITS = 0o222


class Table:
    """One CSV file of results.

    Args:
        path: the file; its folder is made when the first row is written.
        columns: its header.

    Raises:
        UsageError: the file exists with another header.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        self.path, self.columns = path, tuple(columns)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        if path.exists():
            with path.open(newline="") as file:
                header = tuple(next(csv.reader(file), ()))
            if header != self.columns:
                raise UsageError(
                    f"{path} has another header ({','.join(header)[:60]}…): move it away or give another --results"
                )

    def trials(self) -> set[str]:
        """Keys of the trials that have rows."""
        if not self.path.exists():
            return set()
        with self.path.open(newline="") as file:
            return {row["trial"] for row in csv.DictReader(file)}

    def first(self, trial: str) -> dict[str, str] | None:
        """The first row of a trial, by column and as text, if it has one."""
        if not self.path.exists():
            return None
        with self.path.open(newline="") as file:
            return next((row for row in csv.DictReader(file) if row["trial"] == trial), None)

    def append(self, rows: Sequence[dict]) -> None:
        """Appends the rows of one trial, unless the trial has rows already; all of them or none.

        Raises:
            OSError: the file cannot be written; it is left as it was.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            if rows[0]["trial"] in self.trials():
                return
            text = io.StringIO()
            writer = csv.DictWriter(text, self.columns, lineterminator="\n")
            if not self.path.exists():
                writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
            _append_whole(self.path, text.getvalue().encode())


def check_writable(folder: Path) -> None:
    """Writes and removes a small file, so that a read-only folder or a full disk is found before hours of training.

    Raises:
        UsageError: the folder, or the closest one above it that exists, is read-only or full.
    """
    nearest = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    try:
        # Root may write where the folder's owner said no.
        if not nearest.is_dir() or not nearest.stat().st_mode & WRITE_BITS:
            raise PermissionError("read-only")
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(
            f"cannot write to {nearest} ({error.strerror or error}): free it or choose another folder"
        ) from error


def _append_whole(path: Path, content: bytes) -> None:
    if not path.exists():
        # Another process never sees a file without its header.
        with whole_file(path) as temporary:
            _write(temporary, content)
        return
    size = path.stat().st_size
    try:
        _write(path, content)
    except OSError:
        os.truncate(path, size)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        written = 0
        while written < len(content):
            written += file.write(content[written:])
        os.fsync(file.fileno())


def _cell(value):
    if isinstance(value, float):
        return f"{value:.6g}"
    return value
