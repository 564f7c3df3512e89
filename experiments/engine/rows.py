"""Result rows: CSV files that are only ever appended to, whole rows at a time, under a lock."""

import csv
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from filelock import FileLock

from experiments.engine.errors import UsageError
from kdsuite.data.files import whole_file
from kdsuite.report.csvs import read_whole

COLUMNS = (
    "study",
    "setting",
    "trial",
    "role",
    "series",
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
    "precision",
    "recalibrated",
    "failure",
    "validation_accuracy",
    "test_accuracy",
    "test_accuracy_stale_batch_norm",
    "test_errors",
    "test_loss",
    "train_seconds",
    "keras",
    "tensorflow",
    "commit",
    "finished_at",
)
EPOCH_COLUMNS = ("trial", "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
WRITE_BITS = 0o222


class Table:
    """One CSV file of results, checked whole at every reading.

    Args:
        path: the file; its folder is made when the first row is written.
        columns: its header.
        key: columns whose values together name a row.
        together: columns that say which rows are written, and replaced, at once.

    Raises:
        ReportError: a row of the file is damaged.
        UsageError: the file exists with another header.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], key: Sequence[str] = (), together: Sequence[str] = ("trial",)
    ):
        self.path, self.columns, self.key, self.together = path, tuple(columns), tuple(key), tuple(together)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        if path.exists():
            header = tuple(self.read().columns)
            if header != self.columns:
                raise UsageError(
                    f"{path} has another header ({','.join(header)[:60]}…): move it away or give another --results"
                )

    def read(self) -> pd.DataFrame:
        """The rows; a last one that a crash cut off is dropped, which is said.

        Raises:
            ReportError: any other row is damaged; the message names file and line.
        """
        if not self.path.exists():
            return pd.DataFrame(columns=list(self.columns))
        return read_whole(self.path, key=self.key)

    def trials(self) -> set[str]:
        """Keys of the trials that have rows."""
        return set(self.read().trial)

    def append(self, rows: Sequence[dict], *, replace: bool = False) -> None:
        """Appends the rows that belong together, such as those of one trial; all of them or none.

        Args:
            rows: a dict each, by column.
            replace: what to do where there are such rows already: write them anew, or leave them as they are.

        Raises:
            OSError: the file cannot be written; it is left as it was.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            known = self.read()
            _drop_incomplete_line(self.path)
            if self._same(known, rows[0]).any():
                if not replace:
                    return
                # What a kill left of it: its rows are written in several lines.
                text_of_all = pd.read_csv(self.path, dtype=str, keep_default_na=False)
                others = text_of_all[~self._same(text_of_all, rows[0])]
                with whole_file(self.path) as temporary:
                    others.to_csv(temporary, index=False, lineterminator="\n")
            text = io.StringIO()
            writer = csv.DictWriter(text, self.columns, lineterminator="\n")
            if not self.path.exists():
                writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
            _append_whole(self.path, text.getvalue().encode())

    def _same(self, known: pd.DataFrame, row: dict) -> pd.Series:
        """Which of the known rows belong together with a row."""
        return (known[list(self.together)].astype(str) == [str(row[name]) for name in self.together]).all(axis=1)


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


def _drop_incomplete_line(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


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
