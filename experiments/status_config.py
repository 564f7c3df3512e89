"""Options of the status. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StatusConfig:
    """Whose state is shown."""

    results: Path = Path("results")
    """Root folder of the rows."""
    cache: Path = Path(".cache")
    """Folder of decoded data, as in the runs."""
