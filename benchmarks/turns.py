"""What benchmarks share whose sides train in turns. Imports no TensorFlow: a side may be to choose how it loads."""

from dataclasses import dataclass
from pathlib import Path

# Of a row: what was measured on, by what, and when.
MADE_ON = ("cores", "processor", "keras", "tensorflow", "commit", "finished_at")


@dataclass(frozen=True)
class Config:
    """What to measure."""

    turns: int = 5
    """Turns; the median is reported, with the lowest and the highest ratio."""
    seconds: float = 2.0
    """How long a side trains in a turn, at least."""
    results: Path = Path("build")
    """Folder of the benchmark's CSV file."""
