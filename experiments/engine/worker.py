"""A worker process: it is told an experiment, options and keys of trials, and builds the rest itself.

Imports no TensorFlow at the top: threads are set before.
"""

import contextlib
import os
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection

import filelock

BUSY_SECONDS = 0.5
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
FINISH, CHOOSE, NETWORK = "finish", "choose", "network"


def work(connection: Connection, experiment: str, options: list[str]) -> None:
    """Does what comes through the connection, until it closes.

    Takes (FINISH, CHOOSE or NETWORK, key): train and measure a trial, leaving its result in the cache of finished
    trials; the same without the test, for a candidate of a choice; or only make sure that the cache has its network.
    Sends ("epoch", measured) after each epoch, ("done", bytes of memory) at the end, ("busy", None) where another run
    has the trial, or ("error", message) for what the user can mend.

    Args:
        connection: to the parent.
        experiment: its name.
        options: of the command line.
    """
    # The parent may be killed, and then nobody would read what comes.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from experiments import cli

    cli.import_quietly()
    from experiments.engine import stopping
    from experiments.engine.errors import Stopped
    from experiments.engine.runner import Runner, memory

    stopping.install(quiet=True)
    study, entry = cli.find(experiment)
    config = cli.configuration(study, entry, options)
    runner = Runner(experiment, study.load(entry.module, entry.trains)(config), config.results)
    runner.networks.tick = lambda epoch: connection.send(("epoch", epoch))
    connection.send(("ready", None))
    try:
        while True:
            what, key = connection.recv()
            try:
                do(runner, what, key)
            except filelock.Timeout:
                time.sleep(BUSY_SECONDS)
                connection.send(("busy", None))
            else:
                connection.send(("done", memory()))
    except (EOFError, BrokenPipeError, ConnectionResetError, Stopped, KeyboardInterrupt):
        # The pool was closed, perhaps while a trial was on.
        return
    except cli.user_errors() as error:
        connection.send(("error", str(error)))


def do(runner, what: str, key: str) -> None:
    """Does one thing that a worker can be told: FINISH, CHOOSE or NETWORK, and the key of a trial.

    Raises:
        filelock.Timeout: another run trains it.
    """
    from experiments.engine.training import Diverged

    trial = runner.find(key)
    if what == NETWORK:
        # Those that need the network say in their rows that it failed.
        with contextlib.suppress(Diverged):
            runner.networks.get(trial)
    else:
        with runner.networks.lock(trial).acquire(timeout=0):
            runner.finished(trial, on_test=what == FINISH)
    runner.forget_models()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
