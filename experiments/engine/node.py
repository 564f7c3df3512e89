"""A trial on a node of a cluster: it is told names and builds the rest itself, in a folder that it leaves no trace of.

Imports no TensorFlow at the top: threads are set before.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from experiments.engine.worker import THREADS

TRIALS_A_PROCESS = 20


@dataclass(frozen=True)
class Job:
    """What all trials of a run are told.

    Attributes:
        experiment: its name.
        options: of the command line.
        commit: of the driver's code, which the node's must be of too.
        threads: of each trial.
    """

    experiment: str
    options: tuple[str, ...]
    commit: str
    threads: int


# Ray's own retries would start before the driver has seen the last checkpoint.
@ray.remote(max_retries=0, max_calls=TRIALS_A_PROCESS)
def run_trial(job: Job, what: str, key: str, store, given: dict[str, Any], rows: dict[str, str]) -> str | None:
    """Trains and measures a trial, or its network alone, as a local worker does; sends the files it makes to the store.

    Args:
        job: the run.
        what: FINISH, CHOOSE or NETWORK.
        key: of the trial.
        store: handle of a `Store`.
        given: what the driver's study has read, by the names of `Study.READ`.
        rows: name of a CSV file → its text, as it was before this stage.

    Returns:
        None, or what the user can mend.
    """
    os.environ.update(dict.fromkeys(THREADS, str(job.threads)), TF_FORCE_GPU_ALLOW_GROWTH="true")
    from experiments import cli

    cli.import_quietly()
    from experiments.engine.node_networks import send
    from experiments.engine.settings import ROOT, commit
    from experiments.engine.worker import do

    if commit() != job.commit:
        return f"a node has {ROOT} at commit {commit()}, the driver at {job.commit}: check out the same one there"
    with tempfile.TemporaryDirectory(prefix="kdsuite-") as folder, _printed(store):
        try:
            runner = _runner(job, key, store, given, Path(folder))
            for name, text in rows.items():
                path = runner.results.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            do(runner, what, key)
            for path in (runner.config.cache / "finished").glob("*.npz"):
                send(store, runner.config.cache, path)
            ray.get(store.forget.remote(key))
        except cli.user_errors() as error:
            return str(getattr(error, "cause", error))
    return None


def _runner(job: Job, key: str, store, given: dict[str, Any], folder: Path):
    from experiments import cli
    from experiments.engine.node_networks import NodeNetworks
    from experiments.engine.runner import Runner

    entry = cli.find(job.experiment)
    config = cli.configuration(*entry, list(job.options))
    # The driver writes the best student's file: it is sent each one's network.
    own = {"results": folder / "results", "cache": folder / "cache"}
    own |= {"save_best": None if config.save_best is None else folder / config.save_best.name}
    study = entry[0].load(entry[1].module, entry[1].trains)(replace(config, **own))
    for name, value in given.items():
        setattr(study, name, value)
    runner = Runner(job.experiment, study, study.config.results)
    runner.networks = NodeNetworks(study, study.config.cache, store, key)
    return runner


@contextlib.contextmanager
def _printed(store) -> Iterator[None]:
    """Sends what is printed meanwhile to the driver."""
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            yield
    finally:
        if text.getvalue().strip():
            store.tell.remote("text", text.getvalue().strip())
