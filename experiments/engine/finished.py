"""What a finished trial gave, kept in the cache by key until, and after, its row is written."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kdsuite.data.files import whole_file


@dataclass(frozen=True)
class Finished:
    """A finished trial: arrays and numbers, no objects.

    Attributes:
        row: measured columns and settings, by name.
        epochs: one dict an epoch.
        tables: name of a further table → lines.
        predictions: uint16 (test images,), or None.
    """

    row: dict[str, Any]
    epochs: list[dict]
    tables: dict[str, list[dict]] = field(default_factory=dict)
    predictions: np.ndarray | None = None

    @property
    def is_of_commit(self) -> bool:
        """Whether committed code gave it."""
        commit = str(self.row.get("commit", "unknown"))
        return commit != "unknown" and not commit.endswith("-dirty")

    def untested(self) -> "Finished":
        """The same without what was measured on the test split, which candidates of a choice never see."""
        row = {name: value for name, value in self.row.items() if not name.startswith("test_") or name == "test_size"}
        return Finished(row, self.epochs)

    def save(self, path: Path) -> None:
        """Writes one .npz file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {} if self.predictions is None else {"predictions": self.predictions}
        described = json.dumps({"row": self.row, "epochs": self.epochs, "tables": self.tables, "arrays": list(arrays)})
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, described=described, **arrays)


def finished_path(cache: Path, key: str, *, on_test: bool) -> Path:
    """Where the cache has what a trial gave; what candidates of a choice gave, untested, stands apart."""
    return cache / "finished" / f"{key}{'' if on_test else '-candidate'}.npz"


def read_finished(path: Path) -> Finished | None:
    """Reads a finished trial; None where there is none, or a damaged one, which is said."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            described = json.loads(str(file["described"]))
            # A zip file's checksums do not cover its members' names.
            predictions = file["predictions"] if "predictions" in described["arrays"] else None
        return Finished(described["row"], described["epochs"], described["tables"], predictions)
    except Exception as error:  # A damaged zip raises nearly anything: BadZipFile, zlib.error, NotImplementedError, …
        print(f"cached result {path} is damaged ({' '.join(str(error).split())}): trained again", file=sys.stderr)
        path.unlink(missing_ok=True)
        return None
