"""Where each experiment and setting stands: trials done, missing and failed, and the time left."""

import contextlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments import registry
from experiments.engine import estimate
from experiments.engine.config import Config, Handling, with_profile
from experiments.engine.errors import UsageError
from experiments.engine.ranges import annotations
from experiments.engine.results import Results
from experiments.engine.settings import FILE
from experiments.engine.trial import Trial
from kdsuite.data import DataError
from kdsuite.distill import DistillationError
from kdsuite.report.errors import ReportError
from kdsuite.report.rows import read_setting

WIDTH = 100


def show(root: Path, cache: Path) -> None:
    """Prints a line a setting below the root folder of the rows, and below it why trials failed.

    Args:
        root: of the rows.
        cache: folder of decoded data.

    Raises:
        UsageError: there is no setting.
    """
    found = [
        (study, experiment, path)
        for study, experiment in registry.experiments().values()
        for path in sorted((root / experiment.name).glob(f"*/{FILE}"))
    ]
    if not found:
        raise UsageError(f"{root} holds no rows of an experiment: run one, or give another --results")
    table = Table(box=None)
    table.add_column("experiment", no_wrap=True, min_width=max(len(experiment.name) for _, experiment, _ in found))
    table.add_column("setting", overflow="fold")
    table.add_column("profile", no_wrap=True)
    for name in ("done", "missing", "failed", "time left"):
        table.add_column(name, no_wrap=True, justify="right")
    reasons = []
    for study, experiment, path in found:
        # A study that chooses on validation says so; here nothing is chosen.
        with contextlib.redirect_stdout(None):
            line, failures = _standing(study, experiment, path, root, cache)
        table.add_row(*line)
        reasons += failures
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    for reason in reasons:
        print(reason)


def _standing(study: registry.Study, experiment: registry.Experiment, path: Path, root: Path, cache: Path):
    names = [experiment.name, path.parent.name, ""]
    try:
        setting = read_setting(path.parent)
        names[-1] = setting["profile"]
        config = replace(_configuration(study.load("config", experiment.config), setting), cache=cache)
        trained = study.load(experiment.module, experiment.trains)(config)
        results = Results(root, experiment.name, trained)
        rows = results.rows.read()
    except (UsageError, DataError, DistillationError, ReportError, OSError) as error:
        return [*names, "", "", "", "unknown"], [f"{experiment.name} {path.parent.name}: {error}"]
    if results.folder != path.parent:
        reason = "its code or data changed since: a run of today starts another setting"
        return [*names, "", "", "", "unknown"], [f"{experiment.name} {path.parent.name}: {reason}"]
    done, missing = _trials(trained, results)
    failed = rows[rows.failure.notna()]
    reasons = [f"{experiment.name} {row.trial} failed: {row.failure}" for row in failed.itertuples()]
    left = estimate.seconds(experiment.name, trained, missing)
    time_left = "" if not missing else "unknown" if left is None else estimate.duration(left)
    counts = [len(done), len(missing), len(failed)]
    return [*names, *map(str, counts), time_left], reasons


def _trials(study, results: Results) -> tuple[list[Trial], list[Trial]]:
    """Trials that have rows and those that lack them, as far as the rows let the stages be known."""
    done, missing = [], []
    for stage in study.stages(results):
        trials = list(dict.fromkeys(stage))
        known = results.done(candidates=trials == list(dict.fromkeys(study.candidates())))
        done += [trial for trial in trials if study.key(trial) in known]
        missing += [trial for trial in trials if study.key(trial) not in known]
        if missing:
            break
    # Stages may name what stages before them had.
    return list(dict.fromkeys(done)), missing


def _configuration(config_type: type[Config], setting: dict[str, Any]) -> Config:
    options = setting["configuration"] | setting.get("grid", {})
    marks = annotations(config_type)
    # A study may add to a setting what has the name of an option that is none of it.
    names = {
        field.name.strip("_"): field.name
        for field in fields(config_type)
        if field.name == "seeds" or not any(isinstance(mark, Handling) for mark in marks[field.name])
    }
    values = {names[name.strip("_")]: _tuples(value) for name, value in options.items() if name.strip("_") in names}
    return replace(with_profile(config_type, setting["profile"]), **values)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
