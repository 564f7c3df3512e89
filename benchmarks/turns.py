"""What benchmarks share whose sides take turns. Imports no TensorFlow: a side may be to choose how it loads."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Of a row: what was measured on, by what, and when.
MADE_ON = ("cores", "processor", "keras", "tensorflow", "commit", "finished_at")


@dataclass(frozen=True)
class Turns:
    """What to measure."""

    turns: int = 5
    """Turns; the median is reported, with the lowest and the highest ratio."""


@dataclass(frozen=True)
class Config(Turns):
    """What to measure."""

    seconds: float = 2.0
    """How long a side trains in a turn, at least."""
    results: Path = Path("build")
    """Folder of the benchmark's CSV file."""


def print_seconds(ours: tuple[str, Callable[[], float]], theirs: tuple[str, Callable[[], float]], turns: int) -> None:
    """Prints the median seconds of two sides, each a name and what measures it, and their ratio, theirs / ours."""
    # What is made once in a process is made before the first turn.
    for _, measure in (ours, theirs):
        measure()
    measured = [(ours[1](), theirs[1]()) for _ in range(turns)]
    for (name, _), own in zip((ours, theirs), zip(*measured, strict=True), strict=True):
        print(f"{name:14}{statistics.median(own):>8.2f} s")
    ratios = [other / own for own, other in measured]
    print(f"{'ratio':14}{statistics.median(ratios):>8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
