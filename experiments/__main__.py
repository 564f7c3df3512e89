"""Command line: `python -m experiments` lists the experiments, `… EXPERIMENT --help` explains one."""

import os
import sys

from experiments import cli
from kdsuite.compress.terminal import ignore_stops

if __name__ == "__main__":
    status = cli.main(sys.argv[1:])
    if status == cli.RESTART:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "experiments", *sys.argv[1:]])
    ignore_stops()
    sys.exit(status)
