"""Settings: a configuration less its seeds, on one data set. Each has a folder of its own."""

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from filelock import FileLock

from experiments.engine.config import Config
from experiments.engine.study import Study
from kdsuite.data.files import whole_file

ROOT = Path(__file__).resolve().parents[2]
FILE = "setting.json"
NO_CODE = (":!results", ":!notebooks", ":!docs")


@dataclass(frozen=True)
class Setting:
    """What rows must have in common to be averaged.

    Attributes:
        experiment: name of the experiment.
        configuration: its options, less seeds, axes of the grid and how the run is handled.
        recipe: of the experiment's code.
        data: name, source, fingerprint and sizes of what students and teachers train on.
    """

    experiment: str
    configuration: dict[str, Any]
    recipe: int
    data: dict[str, Any]

    @classmethod
    def of(cls, experiment: str, study: Study) -> "Setting":
        """The setting of a study under its configuration."""
        return cls(experiment, study.setting(), study.RECIPE, _described(study))

    @property
    def identity(self) -> str:
        """12 hex digits, equal for equal settings."""
        settings = [self.experiment, self.configuration, self.recipe, self.data["fingerprint"]]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def folder_name(self) -> str:
        """The data's name and size, and the identity."""
        name = re.sub(r"[^\w.-]+", "_", self.data["name"])
        return f"{name}-{self.data['train_size']}-{self.identity}"

    def write(self, folder: Path, config: Config, commit: str | None = None) -> None:
        """Writes the setting beside its rows, with the grid of the last run and the commits that made rows.

        Args:
            folder: of the rows.
            config: of the run.
            commit: of a row that is being written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        with FileLock(path.with_name(f".{FILE}.lock")):
            before = _read(path)
            commits = before.get("commits", [])
            described = {
                "experiment": self.experiment,
                "setting": self.identity,
                "profile": config.profile,
                "grid": config.grid(),
                "configuration": self.configuration,
                "recipe": self.recipe,
                "data": self.data,
                "commits": commits if commit is None or commit in commits else [*commits, commit],
            }
            if described != before:
                with whole_file(path) as temporary:
                    temporary.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict[str, Any]:
    """What a setting's file holds; nothing where it is missing or damaged, as a run writes it anew."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _described(study: Study) -> dict[str, Any]:
    dataset, teacher_data = study.dataset, study.teacher_data
    splits = [dataset.train, dataset.validation, dataset.test]
    if teacher_data is not dataset:
        splits.append(teacher_data.train)
    digest = hashlib.sha256(" ".join(split.fingerprint for split in splits).encode())
    return {
        "name": dataset.name,
        "source": dataset.source,
        "fingerprint": digest.hexdigest()[:16],
        "train_size": len(dataset.train),
        "validation_size": len(dataset.validation),
        "test_size": len(dataset.test),
    } | ({"teacher_train_size": len(teacher_data.train)} if teacher_data is not dataset else {})


@cache
def commit() -> str:
    """Short hash of the code, with "-dirty" where its files differ from it or it lacks some, or "unknown".

    Results, notebooks and pages are no code.
    """
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        dirty = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *NO_CODE)
        dirty += _git("ls-files", "--others", "--exclude-standard", "--", "*.py", *NO_CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}-dirty" if dirty else head


def versions() -> dict[str, str]:
    """What made a row, by column: the versions of Keras and TensorFlow, and the code's commit."""
    return {"keras": keras.__version__, "tensorflow": tf.__version__, "commit": commit()}


def now() -> str:
    """The time in UTC, to the second, as rows have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
