"""What a command needs on a terminal: TensorFlow without its notes, an error as one line. Imports no TensorFlow."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

STOPPED = "stopped; the same command goes on where it was"
STDERR = 2
# Where standard error can be read: a copy of it while `quiet_startup` closes the other.
_readable = [STDERR]


def stop_at_once() -> None:
    """Lets Ctrl-C and SIGTERM end this process in one line, with the status that shells give: while libraries load."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(number: int, _frame) -> None:
    os.write(_readable[0], f"\nerror: {STOPPED}\n".encode())
    os._exit(128 + number)


def ignore_stops() -> None:
    """Ignores Ctrl-C and SIGTERM: all is done, and while Python ends, a second, it gives up its handlers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def quiet_startup() -> Iterator[None]:
    """TensorFlow's libraries write notes to the process' standard error while they load."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = _readable[0] = os.dup(STDERR)
    with Path(os.devnull).open("w") as devnull:
        os.dup2(devnull.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, STDERR)
            _readable[0] = STDERR
            os.close(stderr)


def import_quietly() -> None:
    """Imports TensorFlow, and keeps it from warning of what is meant to be so."""
    with quiet_startup():
        import tensorflow as tf
        from absl import logging
    # Each candidate, or trial, is a new model and so a new function to trace; TensorFlow takes that for a mistake.
    tf.get_logger().setLevel("ERROR")
    logging.set_verbosity(logging.ERROR)


def one_line(box: str) -> str:
    """The words of an error that was drawn in a box, without the title, which they repeat."""
    inside = re.sub(r"\x1b\[[0-9;]*m", "", box).split("For full helptext")[0]
    words = re.sub(r"^╭.*╮$|[─-╿]", " ", inside, flags=re.MULTILINE)
    return " ".join(words.split())
