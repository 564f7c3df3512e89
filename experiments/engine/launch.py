"""Runs trials on several local processes, with the threads divided among them."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

from experiments.engine import stopping
from experiments.engine.errors import UsageError
from experiments.engine.worker import FINISH, THREADS, work
from kdsuite.compress.running import cores

# What a process may grow by before a new one takes its place, which costs up to a minute.
GROWTH_BYTES = min(max(1 << 29, psutil.virtual_memory().total // 16), 1 << 31)
DEATHS = 3
GRACE_SECONDS = 60


@dataclass(frozen=True)
class Task:
    """What a worker is given.

    Attributes:
        key: of the trial.
        needs: keys of trials whose networks it needs; while one of them is a task too, it waits.
        what: FINISH, CHOOSE for a candidate of a choice, or NETWORK where only the trained network is wanted.
    """

    key: str
    needs: frozenset[str]
    what: str = FINISH


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    first_memory: int = 0
    task: Task | None = None
    starting: bool = True


@dataclass
class Pool:
    """Local worker processes, which stay from one list of tasks to the next, until `close`.

    Args:
        experiment: name of the experiment.
        options: of the command line, which each worker reads itself.
        workers: how many, at most.
        on_epoch: called with what was measured after each epoch of any of them.
    """

    experiment: str
    options: Sequence[str]
    workers: int
    on_epoch: Callable[[dict], None]
    _workers: list[_Worker] = field(default_factory=list)
    _deaths: dict[str, int] = field(default_factory=dict)

    def run(self, tasks: Sequence[Task], on_done: Callable[[Task], None]) -> None:
        """Does all tasks, each after those it needs.

        Args:
            tasks: what to do.
            on_done: called with each task that is done.

        Raises:
            Stopped: the user asked to stop.
            UsageError: a worker met what the user can mend, or a task killed its worker three times.
        """
        waiting, undone = list(tasks), {task.key for task in tasks}
        while len(self._workers) < min(self.workers, len(tasks)):
            self._workers.append(self._start())
        while undone:
            stopping.check()
            for worker in self._workers:
                ready = next((task for task in waiting if not task.needs & undone), None)
                if worker.task is None and not worker.starting and ready is not None:
                    waiting.remove(ready)
                    worker.task = ready
                    worker.connection.send((ready.what, ready.key))
            for worker in self._with_news():
                word, task = self._hear(worker)
                if task is None:
                    continue
                if word == "dead":
                    waiting.insert(0, task)
                elif word == "busy":
                    waiting.append(task)
                else:
                    undone.discard(task.key)
                    on_done(task)

    def _with_news(self) -> list[_Worker]:
        by_connection: dict[Any, _Worker] = {worker.connection: worker for worker in self._workers}
        return [by_connection[connection] for connection in wait(list(by_connection), timeout=0.5)]

    def _hear(self, worker: _Worker) -> tuple[str, Task | None]:
        """Takes one message; gives its word, and the task that the worker no longer has."""
        try:
            word, content = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            stopping.check()
            return "dead", self._replace_dead(worker)
        if word == "epoch":
            self.on_epoch(content)
        elif word == "error":
            raise UsageError(content)
        elif word == "ready":
            worker.starting = False
        elif word == "done":
            task, worker.task = worker.task, None
            worker.first_memory = worker.first_memory or content
            if content - worker.first_memory > GROWTH_BYTES:
                self._replace(worker)
            return word, task
        elif word == "busy":
            task, worker.task = worker.task, None
            return word, task
        return word, None

    def _replace_dead(self, worker: _Worker) -> Task | None:
        task = worker.task
        name = task.key if task else "no trial"
        self._deaths[name] = self._deaths.get(name, 0) + 1
        worker.process.join(GRACE_SECONDS)
        if self._deaths[name] >= DEATHS:
            raise UsageError(
                f"a worker died {DEATHS} times on {name} (exit code {worker.process.exitcode}): see whether memory "
                "runs out, or try --workers 1"
            )
        self._replace(worker)
        return task

    def _replace(self, worker: _Worker) -> None:
        worker.connection.close()
        self._workers[self._workers.index(worker)] = self._start()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self.experiment, list(self.options)), daemon=False)
        with threads(max(1, cores() // self.workers)), _interrupts_blocked():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def close(self) -> None:
        """Ends all workers: idle ones by closing their connection, busy ones by SIGTERM, which ends their batch."""
        for worker in self._workers:
            worker.connection.close()
            pid = worker.process.pid
            if pid is not None and (worker.task is not None or worker.starting):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        for worker in self._workers:
            worker.process.join(GRACE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
        self._workers = []


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keeps Ctrl-C from a process that is started meanwhile until it calls `stopping.install`; here it comes later."""
    # It unblocks signals when it starts.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Gives processes that are started meanwhile so many threads; TensorFlow reads this when it is imported."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
