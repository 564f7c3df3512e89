"""Files and folders that are there whole or not at all."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

BUILDING = ".building-"
OLDEST_SECONDS = 24 * 3600


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A new path beside `path` to write to; it takes the place of `path` at the end, or goes if the writing fails.

    The new path ends in the name of `path`, so that writers which look at the suffix work. Each call has its own, so
    that of two processes the last one wins and neither fails.

    Raises:
        OSError: it cannot be written; of a full disk the message says which file and what is free.
    """
    temporary = unfinished_path(path)
    try:
        with full_disk_named(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Makes the OSError of a full disk or quota say which file was being written and how much is free."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        usage = shutil.disk_usage(_existing_folder(path))
        message = (
            f"no space to write {path}: {usage.free / 1e6:,.1f} of {usage.total / 1e6:,.1f} MB are free; "
            "free some or choose another folder"
        )
        raise OSError(error.errno, message) from error


def unfinished_path(path: Path) -> Path:
    """A hidden path beside `path`, not there yet, whose name says which process of which machine writes it."""
    return path.with_name(f"{BUILDING}{os.getpid()}@{_machine()}-{secrets.token_hex(4)}-{path.name}")


def sweep_unfinished(folder: Path) -> list[Path]:
    """Deletes what killed processes left unfinished in a folder.

    What a living process of this machine writes stays; so does another machine's, for a day after its last change.

    Returns:
        The paths deleted.
    """
    deleted = []
    for path in folder.glob(f"{BUILDING}*"):
        if _is_abandoned(path):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            deleted.append(path)
    return deleted


def _machine() -> str:
    """The name of this machine, with the number of its processes' namespace: containers may share the name alone."""
    namespace = Path("/proc/self/ns/pid")
    number = re.sub(r"\D", "", str(namespace.readlink())) if namespace.is_symlink() else ""
    return f"{socket.gethostname()}.{number}"


def _is_abandoned(path: Path) -> bool:
    ours = re.fullmatch(rf"{re.escape(BUILDING)}(\d+)@{re.escape(_machine())}-[0-9a-f]{{8}}-.*", path.name)
    if ours and not _is_alive(int(ours[1])):
        return True
    try:
        changed = max(entry.stat().st_mtime for entry in (path, *path.glob("*")))
    except FileNotFoundError:
        return False
    return time.time() - changed > OLDEST_SECONDS


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _existing_folder(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.is_dir())
