"""`python -m kdsuite.compress MODEL DATA …`, the same as `kdsuite compress MODEL DATA …`."""

import sys

from kdsuite.compress.command import main

if __name__ == "__main__":
    sys.exit(main(["compress", *sys.argv[1:]]))
