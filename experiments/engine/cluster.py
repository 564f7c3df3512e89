"""Runs trials on a Ray cluster, as `launch` does on local processes. Imported only where `--address` is given."""

import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import ray
from ray import exceptions
from ray._private.services import canonicalize_bootstrap_address_or_die
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from tqdm import tqdm

from experiments.engine import stopping
from experiments.engine.config import Config
from experiments.engine.errors import UsageError
from experiments.engine.launch import DEATHS, Task
from experiments.engine.node import Job, run_trial
from experiments.engine.settings import commit
from experiments.engine.store import Store
from experiments.engine.study import Study
from kdsuite.data import Dataset

CONNECT_SECONDS = 5
POLL_SECONDS = 0.5
CANCEL_SECONDS = 10
LOST = (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.OwnerDiedError)
CRASHED = (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError)


@dataclass
class Session:
    """A connection to a cluster for one run.

    Attributes:
        config: gives the address, the cores and GPUs of a trial, and the cache.
        store: handle of the run's `Store`, on this machine.
    """

    config: Config
    store: Any
    _given: ray.ObjectRef | None = None

    def given(self, study: Study) -> ray.ObjectRef:
        """What a study has read from files, put into the object store once; a node fetches it once."""
        if self._given is None:
            datasets: dict[int, Dataset] = {}
            self._given = ray.put({name: _portable(getattr(study, name), datasets) for name in study.READ})
        return self._given

    def slots(self) -> int:
        """How many trials the cluster's living nodes can train at the same time."""
        cpus, gpus = self.config.trial_cpus or 1, self.config.gpus_of_trial
        by_node = []
        for node in ray.nodes():
            has = node["Resources"] if node["Alive"] else {}
            by_gpu = [int(has.get("GPU", 0) / gpus)] if gpus else []
            by_node.append(min(int(has.get("CPU", 0) // cpus), *by_gpu, 1 << 16))
        return min(sum(by_node), self.config.workers or 1 << 16)


@contextlib.contextmanager
def session(config: Config) -> Iterator[Session]:
    """Connects to the cluster at `config.address`, and leaves it at the end.

    Raises:
        UsageError: nobody answers there, or no node has what a trial needs.
    """
    assert config.address is not None
    on_sigterm = signal.getsignal(signal.SIGTERM)
    _connect(config.address)
    # Ray sets a handler of its own, which would end the process in the middle of a write.
    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        store = Store.options(scheduling_strategy=here).remote(config.cache.absolute())
        found = Session(config, store)
        if not found.slots():
            gpus = f" and {config.gpus_of_trial:g} GPUs" if config.gpus_of_trial else ""
            raise UsageError(
                f"no node of the cluster at {config.address} has the {config.trial_cpus or 1} cores{gpus} of a trial: "
                "lower --trial-cpus and --trial-gpus, or add a node with `ray start --address`"
            )
        yield found
    finally:
        ray.shutdown()


@dataclass
class ClusterPool:
    """The trials of one stage on a cluster; the twin of `launch.Pool`.

    Args:
        session: the connection.
        job: what all trials are told.
        study: the driver's own.
        rows: name of a CSV file → its text before this stage.
        lock: key → lock of a trial among the processes that share the driver's cache.
        is_done: whether the driver's cache has what a task is to give.
        on_epoch: called with what was measured after each epoch of any of them.
        on_done: called with each task that is done.
    """

    session: Session
    job: Job
    study: Study
    rows: dict[str, str]
    lock: Callable[[str], filelock.BaseFileLock]
    is_done: Callable[[Task], bool]
    on_epoch: Callable[[dict], None]
    on_done: Callable[[Task], None]
    _running: dict[ray.ObjectRef, Task] = field(default_factory=dict)
    _locks: dict[str, filelock.BaseFileLock] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)
    _lost: dict[str, int] = field(default_factory=dict)

    def run(self, tasks: Sequence[Task]) -> None:
        """Does all tasks, each after those it needs.

        Raises:
            Stopped: the user asked to stop; all trials have ended.
            UsageError: a trial met what the user can mend, or killed its process three times.
        """
        waiting, undone = list(tasks), {task.key for task in tasks}
        rows = ray.put(self.rows)
        try:
            while undone:
                stopping.check()
                for task in self._startable(waiting, undone):
                    waiting.remove(task)
                    if self.is_done(task):
                        self._finish(task, undone)
                    else:
                        self._running[self._submit(task, rows)] = task
                for task in self._ended():
                    if task.key in self._lost and not self.is_done(task):
                        waiting.insert(0, task)
                    else:
                        self._finish(task, undone)
        finally:
            self._end()

    def _startable(self, waiting: list[Task], undone: set[str]) -> list[Task]:
        """Tasks that wait for nothing, as many as there is room for; their locks are held from now on."""
        room, startable = self.session.slots() - len(self._running), []
        for task in waiting:
            if len(startable) >= room:
                break
            if not task.needs & undone and self._take(task.key):
                startable.append(task)
        return startable

    def _take(self, key: str) -> bool:
        """Takes the lock of a trial, unless another process trains it."""
        lock = self.lock(key)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        self._locks[key] = lock
        return True

    def _submit(self, task: Task, rows: ray.ObjectRef) -> ray.ObjectRef:
        config = self.session.config
        return run_trial.options(num_cpus=config.trial_cpus or 1, num_gpus=config.gpus_of_trial).remote(
            self.job, task.what, task.key, self.session.store, self.session.given(self.study), rows
        )

    def _ended(self) -> list[Task]:
        """Waits a moment; gives the tasks that have ended meanwhile, well or with their process or node."""
        if not self._running:
            time.sleep(POLL_SECONDS)
            return []
        ended, _ = ray.wait(list(self._running), num_returns=1, timeout=POLL_SECONDS)
        self._hear()
        tasks = [self._running[reference] for reference in ended]
        for reference, task in zip(ended, tasks, strict=True):
            try:
                message = ray.get(reference)
            except LOST:
                self._note_loss(task, "its node died")
            except CRASHED as error:
                self._note_loss(task, "its process died")
                if self._lost[task.key] >= DEATHS:
                    raise UsageError(
                        f"trial {task.key} died {DEATHS} times ({str(error).splitlines()[0]}): see whether memory runs "
                        "out, or give a trial more with --trial-cpus"
                    ) from error
            else:
                if message is not None:
                    raise UsageError(message)
            del self._running[reference]
            self._locks.pop(task.key).release()
        return tasks

    def _note_loss(self, task: Task, why: str) -> None:
        self._lost[task.key] = self._lost.get(task.key, 0) + 1
        tqdm.write(f"trial {task.key}: {why}; it goes on elsewhere after epoch {self._epochs.get(task.key, 0)}")

    def _hear(self) -> None:
        for word, content in ray.get(self.session.store.news.remote()):
            if word == "text":
                tqdm.write(content)
                continue
            key, epoch = content
            self._epochs[key] = max(self._epochs.get(key, 0), epoch.get("epoch", 0))
            # Epochs that a checkpoint gave back were counted before the trial lost its node.
            if epoch or key not in self._lost:
                self.on_epoch(epoch)

    def _finish(self, task: Task, undone: set[str]) -> None:
        undone.discard(task.key)
        if task.key in self._locks:
            self._locks.pop(task.key).release()
        self.on_done(task)

    def _end(self) -> None:
        for force in (False, True):
            if self._running:
                for reference in self._running:
                    ray.cancel(reference, force=force)
                _, left = ray.wait(list(self._running), num_returns=len(self._running), timeout=CANCEL_SECONDS)
                self._running = {reference: self._running[reference] for reference in left}
        for lock in self._locks.values():
            lock.release()


def _connect(address: str) -> None:
    try:
        host, _, port = canonicalize_bootstrap_address_or_die(address).rpartition(":")
        # Ray itself tries for minutes.
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
        ray.init(address=f"{host}:{port}", log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError, exceptions.RayError) as error:
        raise UsageError(
            f"no Ray cluster at {address} ({str(error).splitlines()[0]}): start one on this machine with "
            "`ray start --head`, or join one with `ray start --address HOST:PORT`"
        ) from error


def _portable(value: Any, known: dict[int, Dataset]) -> Any:
    """A data set, or each of a dict, with its images in memory and without what was computed from them.

    All else is as it is.
    """
    if isinstance(value, dict):
        return {name: _portable(one, known) for name, one in value.items()}
    if not isinstance(value, Dataset):
        return value
    if id(value) not in known:
        splits = {name: getattr(value, name) for name in ("train", "validation", "test")}
        loaded = {
            name: replace(
                split, images=split.images if isinstance(split.images, np.ndarray) else np.array(split.images[:])
            )
            for name, split in splits.items()
        }
        known[id(value)] = replace(value, **loaded)
    return known[id(value)]


def job_of(config: Config, experiment: str, options: Sequence[str]) -> Job:
    """What the trials of a run are told."""
    return Job(experiment, tuple(options), commit(), config.trial_cpus or 1)


def texts(folder: Path) -> dict[str, str]:
    """The rows in a setting's folder, by the name of their file."""
    return {path.name: path.read_text() for path in folder.glob("*.csv") if path.name in ("rows.csv", "candidates.csv")}
