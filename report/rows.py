"""A study's rows, as its CSV files hold them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"


@dataclass(frozen=True)
class StudyRows:
    """What one study measured.

    Attributes:
        rows: one row a trained network.
        epochs: one row an epoch, with the columns of its network's row; empty where there is no such file.
        folder: where the files are.
    """

    rows: pd.DataFrame
    epochs: pd.DataFrame
    folder: Path


def read(study: str, results: Path = RESULTS, trials: set[str] | None = None) -> StudyRows:
    """The rows of a study, of all its trials or of those with the given keys."""
    rows = pd.read_csv(results / f"{study}.csv")
    if trials is not None:
        rows = rows[rows.trial.isin(trials)]
    path = results / f"{study}-epochs.csv"
    if not path.exists():
        return StudyRows(rows, pd.DataFrame(), results)
    epochs = pd.read_csv(path).drop(columns="study")
    return StudyRows(rows, epochs.merge(rows, on="trial", suffixes=("", "_of_network")), results)
