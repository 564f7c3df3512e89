"""Command line: `python -m experiments` lists the experiments, `… EXPERIMENT --help` explains one."""

import os
import signal
import sys

from experiments import cli

if __name__ == "__main__":
    status = cli.main(sys.argv[1:])
    if status == cli.RESTART:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "experiments", *sys.argv[1:]])
    # The library has `ignore_stops` for this, but make lists the experiments before it is installed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(status)
