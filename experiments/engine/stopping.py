"""Ctrl-C and SIGTERM: the first one stops a run between two batches, the second one at once."""

import os
import signal
import sys

import keras

from experiments.engine.errors import Stopped

_received: list[int] = []
_quiet: list[bool] = []


def install(*, quiet: bool = False) -> None:
    """Handles SIGINT and SIGTERM from now on, in the main thread of this process.

    Args:
        quiet: print nothing; a worker leaves that to its parent.
    """
    _received.clear()
    _quiet[:] = [quiet]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)
    # A worker is started with it blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def check() -> None:
    """Raises Stopped where a signal has come."""
    if _received:
        raise Stopped


def exit_status() -> int:
    """128 and the number of the signal that came, as shells count."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def _handle(number: int, _frame) -> None:
    if _received:
        os._exit(128 + number)
    _received.append(number)
    if not _quiet[0]:
        print("\nstopping after this batch; once more stops at once", file=sys.stderr, flush=True)


class StopBetweenBatches(keras.callbacks.Callback):
    """Ends training by raising Stopped after the batch in which a signal came."""

    def on_train_batch_end(self, batch, logs=None):
        check()

    def on_test_batch_end(self, batch, logs=None):
        check()
