"""The folder of one setting: its rows, epochs, candidates, further tables and predictions."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from experiments.engine.config import REFERENCE
from experiments.engine.finished import Finished
from experiments.engine.rows import COLUMNS, EPOCH_COLUMNS, Table
from experiments.engine.settings import ROOT, Setting
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from kdsuite.data.files import whole_file

PREDICTIONS = "predictions.npz"


class Results:
    """The rows of one setting of an experiment.

    Args:
        root: folder of all results; the setting's own is `root / experiment / setting`.
        experiment: name of the experiment.
        study: gives keys, columns and the setting.
    """

    def __init__(self, root: Path, experiment: str, study: Study):
        self.study = study
        self.setting = Setting.of(experiment, study)
        self.folder = root / experiment / self.setting.folder_name
        row_columns = (*COLUMNS, *study.COLUMNS)
        self.rows = Table(self.folder / "rows.csv", row_columns, ("trial",))
        self.candidates = Table(self.folder / "candidates.csv", row_columns, ("trial",))
        self.epochs = Table(self.folder / "epochs.csv", (*EPOCH_COLUMNS, *study.EPOCH_COLUMNS), ("trial", "epoch"))
        self.tables = {name: Table(self.folder / f"{name}.csv", columns) for name, columns in study.TABLES.items()}

    @property
    def is_reference(self) -> bool:
        """Whether these are the reference's rows, which committed code alone gives."""
        return self.folder.resolve().is_relative_to(ROOT / REFERENCE)

    def done(self, *, candidates: bool) -> set[str]:
        """Keys of the trials that have rows; of candidates of a choice, which are not tested, rows of either file."""
        return self.rows.trials() | self.candidates.trials() if candidates else self.rows.trials()

    def rows_of(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """The rows of some trials, all of which are done, in their order."""
        keys = [self.study.key(trial) for trial in trials]
        tables = [table.read() for table in (self.rows, self.candidates) if table.path.exists()]
        return pd.concat(tables).drop_duplicates("trial").set_index("trial").loc[keys].reset_index()

    def validation_accuracy(self, trial: Trial) -> float:
        """Validation accuracy of a trial that is done."""
        return float(self.rows_of([trial]).validation_accuracy.iloc[0])

    def add(self, trial: Trial, finished: Finished, *, candidate: bool) -> None:
        """Writes what a finished trial gave, its row last: a row is there only when all else is."""
        key = self.study.key(trial)
        names = {"study": self.setting.experiment, "setting": self.setting.identity}
        self.setting.write(self.folder, self.study.config, finished.row["commit"])
        # A teacher that another experiment trained may bring tables of that one.
        for name, lines in ((name, lines) for name, lines in finished.tables.items() if name in self.tables):
            self.tables[name].append([{"trial": key} | line for line in lines], replace=True)
        if finished.epochs:
            known = {*EPOCH_COLUMNS, *self.study.EPOCH_COLUMNS}
            lines = [{name: value for name, value in epoch.items() if name in known} for epoch in finished.epochs]
            self.epochs.append([{"trial": key} | line for line in lines], replace=True)
        if finished.predictions is not None and not candidate:
            self._add_predictions(key, finished.predictions, self.study.data(trial).test.labels)
        (self.candidates if candidate else self.rows).append([finished.row | names | {"trial": key}])

    def incomplete(self, trials: Sequence[Trial]) -> list[Trial]:
        """The trials that have a row but lack epochs or predictions, because a file of theirs is lost or damaged."""
        rows = pd.concat([self.rows.read(), self.candidates.read()]).drop_duplicates("trial").set_index("trial")
        epochs = self.epochs.read().trial.value_counts()
        predicted = self._predictions()
        lacking = []
        for trial in trials:
            key = self.study.key(trial)
            if key in rows.index and pd.isna(rows.failure[key]):
                tested = "accuracy" in trial.metrics and pd.notna(rows.test_accuracy[key])
                if epochs.get(key, 0) < trial.epochs or (tested and key not in predicted):
                    lacking.append(trial)
        return lacking

    def _predictions(self) -> dict[str, np.ndarray]:
        """The predicted classes by trial; none where the file is missing or damaged."""
        try:
            with (self.folder / PREDICTIONS).open("rb") as opened, np.load(opened) as file:
                return dict(zip(file["trial"].tolist(), file["classes"], strict=True))
        except FileNotFoundError:
            return {}
        # A damaged zip raises nearly anything: BadZipFile, zlib.error, NotImplementedError, …
        except Exception as error:
            reason = " ".join(str(error).split())
            print(f"{self.folder / PREDICTIONS} is damaged ({reason}): its predictions are lost", file=sys.stderr)
            return {}

    def _add_predictions(self, key: str, classes: np.ndarray, labels: np.ndarray) -> None:
        path = self.folder / PREDICTIONS
        small = np.uint8 if labels.max() < 256 else np.uint16
        with FileLock(path.with_name(f".{path.name}.lock")):
            known = self._predictions() | {key: classes.astype(small)}
            trials, lines = np.array(list(known)), np.stack(list(known.values()))
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, trial=trials, classes=lines, labels=labels.astype(small))
