"""Several processes: what waits for what, a worker that dies, an error that the user can mend."""

import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import filelock
import pandas as pd
import pytest

from experiments.cli import main
from experiments.engine import launch, networks, stopping, worker
from experiments.engine.errors import UsageError
from experiments.engine.launch import Pool, Task

MEASURED = ["trial", "validation_accuracy", "test_accuracy", "test_loss", "test_errors"]
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


class FakeProcess:
    exitcode, pid = -9, None

    def join(self, timeout):
        pass

    def is_alive(self):
        return False


class FakeConnection:
    """A worker that is ready at once and does each task it is given; or dies on some; or finds some busy at first."""

    def __init__(self, deadly=(), memory=(), busy=()):
        self.messages, self.deadly, self.given, self.memory = [("ready", None)], deadly, [], list(memory)
        self.busy = list(busy)

    def send(self, message):
        self.given.append(message[1])
        if message[1] in self.busy:
            self.busy.remove(message[1])
            self.messages.append(("busy", None))
            return
        memory = self.memory.pop(0) if self.memory else 1 << 30
        self.messages.append(EOFError() if message[1] in self.deadly else ("done", memory))

    def recv(self):
        message = self.messages.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    def close(self):
        pass


@pytest.fixture
def pool(monkeypatch):
    """Makes a pool of fake workers; gives its `run`, the order in which tasks are done, and the connections."""

    def make(workers, deadly=(), memory=(), busy=()):
        connections, done = [], []

        def start(self):
            connections.append(FakeConnection(deadly, memory, busy))
            return launch._Worker(FakeProcess(), connections[-1])

        monkeypatch.setattr(Pool, "_start", start)
        monkeypatch.setattr(launch, "wait", lambda found, timeout: [one for one in found if one.messages])
        made = Pool("experiment", [], workers, lambda epoch: None)
        return (lambda tasks: made.run(tasks, lambda task: done.append(task.key))), done, connections

    return make


def test_a_worker_is_replaced_when_it_has_grown_since_its_first_trial(pool):
    # The first trial takes what every trial takes.
    first, growth = 2 << 30, launch.GROWTH_BYTES
    run, done, connections = pool(1, memory=[first, first + 0.9 * growth, first + 1.1 * growth, first])
    run([Task(name, frozenset()) for name in "abcd"])
    assert done == list("abcd")
    assert [connection.given for connection in connections] == [["a", "b", "c"], ["d"]]


def test_what_another_run_has_comes_last(pool):
    run, done, connections = pool(1, busy=["b", "b"])
    run([Task(name, frozenset()) for name in "abcd"])
    assert done == list("acdb")
    assert connections[0].given == list("abcdbb")


def test_a_trial_that_another_run_has_is_not_waited_for(tmp_path):
    of_study = networks.Networks(SimpleNamespace(key=lambda trial: "aaa"), tmp_path)
    runner = SimpleNamespace(find=str, networks=of_study, finished=lambda trial, on_test: pytest.fail("trained"))
    with filelock.FileLock(tmp_path / "locks" / "aaa.lock"), pytest.raises(filelock.Timeout):
        worker.do(runner, worker.FINISH, "aaa")


def test_a_trial_waits_for_those_it_needs(pool):
    run, done, connections = pool(3)
    tasks = [Task("student", frozenset({"teacher"})), Task("teacher", frozenset()), Task("other", frozenset())]
    run(tasks)
    assert sorted(done) == ["other", "student", "teacher"]
    assert done.index("teacher") < done.index("student")
    assert len(connections) == 3


def test_workers_stay_for_the_next_tasks_and_more_come_where_there_are_more(pool):
    run, done, connections = pool(3)
    run([Task("first", frozenset()), Task("second", frozenset())])
    assert len(connections) == 2
    run([Task(name, frozenset()) for name in ("third", "fourth", "fifth", "sixth")])
    assert len(connections) == 3
    assert sorted(done) == sorted(("first", "second", "third", "fourth", "fifth", "sixth"))


def test_what_is_no_task_is_not_waited_for(pool):
    run, done, _ = pool(1)
    run([Task("student", frozenset({"done before"}))])
    assert done == ["student"]


def test_a_task_that_kills_its_worker_three_times_ends_the_run(pool):
    run, _, connections = pool(2, deadly={"heavy"})
    with pytest.raises(UsageError, match="a worker died 3 times on heavy"):
        run([Task("heavy", frozenset()), Task("light", frozenset())])
    assert sum(connection.given.count("heavy") for connection in connections) == 3


def test_threads_are_set_for_new_processes_only(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    with launch.threads(1):
        assert {os.environ[name] for name in launch.THREADS} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


@pytest.mark.slow
def test_a_worker_that_ends_a_trial_after_the_pool_was_closed_says_nothing(in_empty_folder, monkeypatch, capfd):
    monkeypatch.setattr(worker, "_end_with_parent", lambda: None)
    monkeypatch.setattr(worker, "do", lambda runner, what, key: ours.close())
    monkeypatch.setattr(stopping, "install", lambda quiet: None)
    ours, theirs = multiprocessing.Pipe()
    ours.send((worker.FINISH, "a trial"))
    worker.work(theirs, "mnist-dense", SMOKE)
    assert "Error" not in capfd.readouterr().err


@pytest.mark.slow
def test_two_workers_give_the_rows_of_one(in_empty_folder, no_tfds_no_network):
    """At one thread each, which is what two workers on two cores have."""
    options = ["mnist-dense", *SMOKE, "--seeds", "0"]
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        assert main([*options, "--workers", "2", "--results", "two", "--cache", "two-cache"]) == 0
        assert main([*options, "--workers", "1", "--results", "one", "--cache", "one-cache"]) == 0
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    one, two = (pd.read_csv(next(Path(name).glob("*/*/rows.csv"))).sort_values("trial") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one[MEASURED].reset_index(drop=True), two[MEASURED].reset_index(drop=True), rtol=1e-4)
