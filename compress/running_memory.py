"""How much memory this process takes, and the most that it took since it was last asked."""

import resource
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def reset_peak() -> int | None:
    """Forgets the peak of resident memory; gives what is resident now, in bytes, or None where none can be reset."""
    if not STATUS.exists():
        return peak()
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        return None
    return _status("VmRSS")


def peak() -> int | None:
    """The peak of resident memory since `reset_peak`, in bytes, or None where the system does not tell.

    On Linux it is VmHWM: getrusage's ru_maxrss starts with the peak of the process that started this one. Where there
    is no /proc it is ru_maxrss, which no one can reset.
    """
    if STATUS.exists():
        return _status("VmHWM")
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_a_unit


def _status(name: str) -> int | None:
    lines = [line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")]
    return 1024 * int(lines[0].split()[1]) if lines else None
