"""Files and folders that are there whole or not at all.

The names of unfinished ones are those of `kdsuite.data.files`, whose `sweep_unfinished` deletes what killed processes
left.
"""

import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives the path of an unfinished file that takes the place of `path`, whose suffix it has, when the block ends.

    If the block raises, `path` stays as it was and the unfinished file is removed.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _unfinished_path(path)
    try:
        yield unfinished
        # A name that is there after a power failure has its content, too.
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """As `whole_file`, for a folder. A folder that another process finished meanwhile stays.

    Raises:
        OSError: the parent folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _unfinished_path(path)
    unfinished.mkdir()
    try:
        yield unfinished
        if not path.exists():
            unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unfinished_path(path: Path) -> Path:
    namespace = Path("/proc/self/ns/pid")
    number = re.sub(r"\D", "", str(namespace.readlink())) if namespace.is_symlink() else ""
    machine = f"{socket.gethostname()}.{number}"
    return path.with_name(f".building-{os.getpid()}@{machine}-{secrets.token_hex(4)}-{path.name}")
