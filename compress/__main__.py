"""`python -m kdsuite.compress MODEL DATA …`, the same as `kdsuite compress MODEL DATA …`."""

import sys

from kdsuite.compress.command import script

if __name__ == "__main__":
    script(["compress", *sys.argv[1:]])
