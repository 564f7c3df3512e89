"""`kdsuite compress`: parses options before TensorFlow is imported; errors are one line.

Exit status: 0 where the goal was reached, 3 where it was missed, 2 for bad input, 130 or 143 where it was stopped.
"""

import contextlib
import io
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from kdsuite.compress.errors import CompressionError
from kdsuite.compress.goals import goal_of
from kdsuite.compress.terminal import STOPPED, ignore_stops, import_quietly, one_line, stop_at_once

USAGE = "usage: kdsuite compress MODEL DATA --target-macs 0.5 … (kdsuite compress --help explains all options)"
MISSED = 3


@dataclass(frozen=True)
class Options:
    """Makes a smaller model that answers as the given one does, and files of it that are ready to ship."""

    model: tyro.conf.Positional[Path]
    """A .keras file of a functional or Sequential classifier of images, pixels 0 to 255."""
    data: tyro.conf.Positional[str]
    """A folder with one sub-folder a class, or a TFDS name."""
    max_drop: float | None = None
    """Largest fall of accuracy, as a fraction: 0.01 is one point."""
    target_params: float | None = None
    """Largest share of the parameters."""
    target_macs: float | None = None
    """Largest share of the multiply-accumulates."""
    target_bytes: float | None = None
    """Largest share of the .keras file, or from 1 up bytes of the smallest file."""
    target_ms: float | None = None
    """Milliseconds for one image in Keras on this machine."""
    minutes: float = 20.0
    """Budget for all of it."""
    folder: Path = Path("compressed")
    """Takes student.keras, the LiteRT and ONNX files, report.html and result.json."""
    views: Literal["none", "flip", "shift", "shift-flip"] = "none"
    """Augmentation under which the student learns: mirror images, shifts by up to 2 pixels, or both."""
    cache: Path = Path(".cache")
    """Folder of decoded images and teacher outputs."""
    plan: bool = False
    """Only say what can go, what is refused and why, and how long it would take; trains nothing."""


def script(arguments: list[str] | None = None) -> None:
    """`kdsuite`, as pip installs it: ends the process. Arguments are by default those of the command line."""
    status = main(sys.argv[1:] if arguments is None else arguments)
    ignore_stops()
    sys.exit(status)


def main(arguments: list[str]) -> int:
    """Runs the command; gives its exit status."""
    command, *options = arguments or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE)
        return 0
    stop_at_once()
    try:
        if command != "compress":
            raise CompressionError(f"unknown command {command!r}: expected compress; {USAGE}")
        return _compress(_parsed(options), ["kdsuite", command, *options])
    except CompressionError as error:
        return _fail(error)


def _parsed(options: list[str]) -> Options:
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            return tyro.cli(Options, args=options, prog="kdsuite compress")
    except SystemExit as exit_:
        if exit_.code in (0, None):
            raise
        raise CompressionError(one_line(stderr.getvalue())) from None


def _compress(options: Options, words: list[str]) -> int:
    goal = {
        name: getattr(options, name)
        for name in ("max_drop", "target_params", "target_macs", "target_bytes", "target_ms")
    }
    if not options.plan:
        goal_of(**goal)
    import_quietly()
    from kdsuite import compress, data, distill, prune

    views = {"none": None, "flip": data.Flip(), "shift": data.Jitter(), "shift-flip": data.ShiftFlip()}[options.views]
    # Exceptions, so that files under way are cleared up.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if options.plan:
            print(compress.plan(options.model, options.data, cache=options.cache))
            return 0
        result = compress.compress(
            options.model,
            options.data,
            **goal,
            minutes=options.minutes,
            folder=options.folder,
            views=views,
            cache=options.cache,
            command=shlex.join(words),
        )
    except (CompressionError, data.DataError, distill.DistillationError, prune.PruneError, OSError) as error:
        return _fail(error)
    except (KeyboardInterrupt, Terminated) as stop:
        print(STOPPED, file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    print(result.table())
    print(f"\n{result.summary}\nreport: {options.folder / 'report.html'}")
    return 0 if result.reached else MISSED


class Terminated(BaseException):
    """SIGTERM came."""


def _terminate(number, frame):
    raise Terminated


def _fail(error: Exception) -> int:
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return 2
