"""An experiment's rows, of one setting: what may be averaged, compared and drawn together."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from kdsuite.report.csvs import read_whole
from kdsuite.report.errors import NotRun, ReportError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
REFERENCE = RESULTS / "reference"
CONSTANT = ("setting", "dataset", "source", "test_size")
DESCRIBING = (
    *("dataset", "source", "train_size", "test_size", "teacher", "student", "method", "lambda", "temperature", "hint"),
    *("weights", "prune_method", "units_removed", "batch_size", "epochs", "learning_rate"),
)


@dataclass(frozen=True)
class Results:
    """What one experiment measured in one setting.

    Attributes:
        experiment: its name.
        rows: one row a trained network.
        epochs: one row an epoch, with the columns of its network's row (those of the same name end in `_of_network`);
            empty where there is no such file.
        setting: what setting.json holds: configuration without seeds, data, commits.
        folder: where the files are.
    """

    experiment: str
    rows: pd.DataFrame
    epochs: pd.DataFrame
    setting: dict
    folder: Path

    @property
    def data_fingerprint(self) -> str | None:
        """Equal where two experiments have the same images, of the same size, in the same splits."""
        return self.setting.get("data", {}).get("fingerprint")

    @property
    def teachers(self) -> frozenset[str]:
        """Trials of the teachers, equal where two experiments have the same ones."""
        return frozenset(self.rows.trial[self.rows.role == "teacher"]) if "role" in self.rows else frozenset()

    def apart_from(self, other: "Results") -> str | None:
        """Why networks of two experiments do not compare: other images, or other teachers; None where they do."""
        if self.data_fingerprint != other.data_fingerprint:
            return "different images, or sizes of images"
        if self.teachers and other.teachers and self.teachers.isdisjoint(other.teachers):
            return "different teachers"
        return None

    @cached_property
    def _others(self) -> dict[str, pd.DataFrame]:
        return {}

    def table(self, name: str) -> pd.DataFrame:
        """A table by name: "rows", "epochs", or the name of a further CSV file of the folder.

        A further file with a column `trial` gets the columns of its network's row.

        Raises:
            NotRun: there is no such file.
        """
        if name in ("rows", "epochs"):
            return getattr(self, name)
        if name not in self._others:
            path = self.folder / f"{name}.csv"
            if not path.exists():
                raise NotRun(f"{path} is missing")
            self._others[name] = _with_networks(read_whole(path), self.rows)
        return self._others[name]


def read(experiment: str, root: Path | str = REFERENCE, **configuration) -> Results:
    """Read the one setting of an experiment that has the given options.

    Where several settings match, our reference is ambiguous and refused; of a user's own, the one that was written last
    is taken.

    Args:
        experiment: its name.
        root: folder of the experiments' folders.
        configuration: options by name; `lambda_` stands for `lambda`.

    Raises:
        NotRun: no setting of the experiment has these options.
        ReportError: several do, or a file of it is damaged or mixes settings.
    """
    root = Path(root)
    folders = sorted(path.parent for path in (root / experiment).glob("*/setting.json"))
    settings = {folder: read_setting(folder) for folder in folders}
    _check_options(experiment, settings.values(), configuration)
    # A run that was stopped before its first row has left a setting alone.
    with_rows = [folder for folder in folders if (folder / "rows.csv").exists()]
    matching = [folder for folder in with_rows if _matches(settings[folder], configuration, settings.values())]
    if not matching:
        asked = "".join(f" with {name}={value!r}" for name, value in configuration.items())
        raise NotRun(f"{root / experiment} has no results{asked} ({len(folders)} settings): run `make {experiment}`")
    if len(matching) > 1 and root.resolve() == REFERENCE:
        differing = _differing(settings[folder]["configuration"] for folder in matching)
        raise ReportError(f"{root / experiment} has {len(matching)} such settings: give one of {differing}")
    folder = max(matching, key=lambda path: (path / "rows.csv").stat().st_mtime_ns if len(matching) > 1 else 0)
    return read_folder(folder, settings[folder])


def read_folder(folder: Path, setting: dict | None = None) -> Results:
    """Read the folder of a setting, without the trials that failed.

    Raises:
        NotRun: it holds no rows, or of failed trials alone.
        ReportError: a file is damaged, or its rows are not of one setting.
    """
    setting = setting or read_setting(folder)
    if not (folder / "rows.csv").exists():
        raise NotRun(f"{folder / 'rows.csv'} is missing: run `make {setting['experiment']}`")
    rows = read_whole(folder / "rows.csv", key=["trial"])
    if rows.empty:
        raise NotRun(f"{folder / 'rows.csv'} has no rows yet")
    check_one_setting(rows, folder / "rows.csv", setting["setting"])
    if "failure" in rows:
        rows = rows[rows.failure.isna()]
    if rows.empty:
        raise NotRun(f"{folder / 'rows.csv'} has no row of a trial that did not fail")
    path = folder / "epochs.csv"
    epochs = _with_networks(read_whole(path, key=["trial", "epoch"]), rows) if path.exists() else pd.DataFrame()
    return Results(setting["experiment"], rows, epochs, setting, folder)


def read_all(experiments: Iterable[str], root: Path = REFERENCE) -> dict[str, Results]:
    """Read those of the experiments that have results."""
    found = {}
    for experiment in experiments:
        try:
            found[experiment] = read(experiment, root)
        except NotRun:
            continue
    return found


def check_one_setting(rows: pd.DataFrame, path: Path | str = "rows", setting: str | None = None) -> None:
    """Refuse rows of several settings, or of another one than their folder's.

    Raises:
        ReportError: names the columns that differ, with their values.
    """
    missing = [name for name in CONSTANT if name not in rows]
    if missing:
        raise ReportError(f"{path}: the header lacks {', '.join(missing)}")
    columns = [name for name in CONSTANT if rows[name].nunique(dropna=False) > 1]
    if columns:
        parts = [part for _, part in rows.groupby(columns, dropna=False)]
        differing = [
            f"{name} ({', '.join(map(str, rows[name].dropna().unique()[:4]))})"
            for name in DESCRIBING
            if name in rows and len({tuple(sorted(map(str, part[name].unique()))) for part in parts}) > 1
        ]
        named = ", ".join(differing) or f"setting ({', '.join(map(str, rows.setting.unique()))})"
        raise ReportError(f"{path} mixes {len(parts)} settings: they differ in {named}")
    if setting is not None and (found := str(rows.setting.iloc[0])) != setting:
        raise ReportError(f"{path} holds rows of setting {found}, but setting.json beside it is of {setting}")


def read_setting(folder: Path) -> dict:
    """What setting.json of a folder holds.

    Raises:
        ReportError: the file is damaged.
    """
    path = folder / "setting.json"
    try:
        setting = json.loads(path.read_text())
    except ValueError as error:
        raise ReportError(f"{path} is not JSON ({error})") from error
    if missing := {"experiment", "setting", "configuration", "data"} - set(setting):
        raise ReportError(f"{path} lacks {', '.join(sorted(missing))}")
    return setting


def _check_options(experiment: str, settings: Iterable[dict], asked: Mapping[str, object]) -> None:
    known = sorted({name for setting in settings for name in _options(setting)})
    if known and (unknown := {_name(name) for name in asked} - set(known)):
        raise ReportError(f"{experiment} has no option {', '.join(sorted(unknown))}: {', '.join(known)}")


def _matches(setting: dict, asked: Mapping[str, object], settings: Iterable[dict]) -> bool:
    """Whether a setting has the options; one that it does not name has a default, which is no other setting's value."""
    options = _options(setting)
    for name, value in ((_name(name), json.loads(json.dumps(value))) for name, value in asked.items()):
        others = [_options(other)[name] for other in settings if name in _options(other)]
        if options[name] != value if name in options else value in others:
            return False
    return True


def _options(setting: dict) -> dict:
    return {_name(name): value for name, value in setting["configuration"].items()}


def _name(option: str) -> str:
    return option.removesuffix("_")


def _differing(configurations: Iterable[dict]) -> str:
    """Options whose values differ, with the values."""
    configurations = list(configurations)
    names = sorted(set().union(*configurations))
    values = {name: [repr(options.get(name)) for options in configurations] for name in names}
    differing = [f"{name}={' or '.join(found)}" for name, found in values.items() if len(set(found)) > 1]
    return ", ".join(differing) or "nothing but the data: move one of the folders away"


def _with_networks(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    if "trial" not in table:
        return table
    table = table.drop(columns=["study", "setting"], errors="ignore")
    return table.merge(rows, on="trial", suffixes=("", "_of_network"))
