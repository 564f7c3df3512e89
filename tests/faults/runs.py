"""Runs of a small experiment in processes of their own, to be killed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = "mnist-dense"
OPTIONS = ["--profile", "smoke", "--data", "synthetic", "--epochs", "4", "--batch-size", "8"]
# Keras writes memory addresses into .keras files, and fewer of them for a network that was loaded.
TIMED = ["train_seconds", "finished_at", "commit", "model_bytes"]


def start(folder: Path, *options: str) -> subprocess.Popen:
    """Starts a run whose rows and cache are below a folder, in a process group of its own."""
    command = [sys.executable, "-m", "experiments", EXPERIMENT, *OPTIONS, *options]
    command += ["--results", str(folder / "results"), "--cache", str(folder / "cache")]
    return subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(folder: Path, *options: str) -> str:
    """Runs to the end; gives what was printed."""
    process = start(folder, *options)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out + err


def rows(folder: Path) -> pd.DataFrame:
    """The rows without what differs between two undisturbed runs, by trial."""
    (path,) = (folder / "results" / EXPERIMENT).glob("*/rows.csv")
    table = pd.read_csv(path, dtype=str)
    assert table.trial.is_unique
    return table.drop(columns=TIMED).sort_values("trial").reset_index(drop=True)


def epochs(folder: Path) -> pd.DataFrame:
    """The epochs without their seconds, in order."""
    (path,) = (folder / "results" / EXPERIMENT).glob("*/epochs.csv")
    table = pd.read_csv(path, dtype=str).drop(columns="seconds")
    return table.sort_values(["trial", "epoch"]).reset_index(drop=True)


def predictions(folder: Path) -> dict[str, list[int]]:
    """The predicted classes by trial."""
    (path,) = (folder / "results" / EXPERIMENT).glob("*/predictions.npz")
    with np.load(path) as file:
        return dict(zip(file["trial"].tolist(), file["classes"].tolist(), strict=True))


def check_same(folder: Path, undisturbed: Path) -> None:
    """Asserts that two runs have the same rows and epochs, bit for bit, and that no half-written file is left."""
    pd.testing.assert_frame_equal(rows(folder), rows(undisturbed))
    pd.testing.assert_frame_equal(epochs(folder), epochs(undisturbed))
    np.testing.assert_equal(predictions(folder), predictions(undisturbed))
    assert not list((folder / "cache").rglob(".building-*"))
