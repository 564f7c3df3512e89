"""Arrays on disk: decoded once, checked at every opening, rebuilt when damaged."""

import hashlib
import json
import shutil
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.files import full_disk_named, sweep_unfinished, unfinished_path
from kdsuite.data.images import fit_image
from kdsuite.data.source import Source

META = "meta.json"
NAME_LENGTH = 40
KINDS = ("images", "labels", "digests")


@dataclass(frozen=True)
class StoredPart:
    """One part of a source ("train", "test") as arrays on disk.

    Attributes:
        images_path: an .npy file, uint8 (n, height, width, channels).
        labels: int64 (n,).
        digests: uint64 (n,), equal for identical pictures.
        checksum: CRC-32 of the image file.
    """

    images_path: Path
    labels: np.ndarray
    digests: np.ndarray
    checksum: int

    def images(self) -> np.ndarray:
        return np.load(self.images_path, mmap_mode="r")


class DiskArray:
    """Rows of an .npy file left on disk; each look-up maps the file anew, so resident memory does not grow.

    Attributes:
        path: the file.
        rows: integers (n,), the rows of the file that are its own, in order; None takes all.
        shape, dtype: as of an array in memory.
    """

    def __init__(self, path: Path, rows: np.ndarray | None = None):
        stored = np.load(path, mmap_mode="r")
        self.path, self.rows, self.dtype = path, rows, stored.dtype
        self.shape = stored.shape if rows is None else (len(rows), *stored.shape[1:])

    def __getitem__(self, positions) -> np.ndarray:
        """The values at integers (b,), or of the axes after the first too at a tuple of such."""
        first, *others = positions if isinstance(positions, tuple) else (positions,)
        first = first if self.rows is None else self.rows[first]
        return np.load(self.path, mmap_mode="r")[(first, *others)]

    def rows_at(self, positions: np.ndarray) -> "DiskArray":
        """The rows at integers (b,) as another such array, still on disk."""
        return DiskArray(self.path, positions if self.rows is None else self.rows[positions])

    def __len__(self) -> int:
        return self.shape[0]


class _Damage(Exception):
    """What is wrong with a cache folder."""


def open_store(source: Source, cache: Path, image_size: int | None, channels: int | None) -> dict[str, StoredPart]:
    """The source's parts as arrays on disk, built if missing, rebuilt (and said so) if damaged.

    Several processes may do so at once: each builds a copy of its own, and the first whole one is used by all.

    Raises:
        DataError: an image cannot be read, or image sizes differ and no `image_size` is given.
        OSError: the cache cannot be written.
    """
    size = "native" if image_size is None else str(image_size)
    folder = cache / "data" / f"{source.name[:NAME_LENGTH]}-{source.version}-{size}-{channels or 'native'}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(folder.parent)
    if folder.exists():
        try:
            return _read(folder, source)
        except _Damage as damage:
            print(f"cache {folder} is damaged ({damage}): rebuilding it", file=sys.stderr)
    built = unfinished_path(folder)
    try:
        with full_disk_named(folder):
            built.mkdir()
            _build(source, built, image_size, channels)
        return _install(built, folder, source)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _install(built: Path, folder: Path, source: Source) -> dict[str, StoredPart]:
    """Renames what was built to its place, unless another process has put a whole copy there."""
    while True:
        try:
            if folder.exists():
                return _read(folder, source)
        except _Damage:
            # Renamed before it is deleted, so that no process ever sees half a folder.
            discarded = unfinished_path(folder)
            try:
                folder.rename(discarded)
            except FileNotFoundError:
                continue
            _delete(discarded)
        try:
            built.rename(folder)
        except OSError:
            if not folder.exists():
                raise


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _build(source: Source, folder: Path, image_size: int | None, channels: int | None) -> None:
    files, shape = {}, None
    for part, count in source.parts.items():
        labels, digests = np.empty(count, np.int64), np.empty(count, np.uint64)
        # Written one after the other: of a memory map all pages would stay resident.
        with (folder / f"{part}-images.npy").open("wb") as file:
            row = -1
            for row, (picture, label) in enumerate(source.read(part)):
                if row == count:
                    break
                image = np.ascontiguousarray(fit_image(picture, image_size, channels))
                shape = shape or image.shape
                if row == 0:
                    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
                    np.lib.format.write_array_header_1_0(file, header)
                if image.shape != shape:
                    raise DataError(
                        f"{source.name}: image {row} of {part} is {image.shape}, earlier ones {shape}: "
                        "give an image_size to resize them all"
                    )
                file.write(image.data)
                labels[row] = label
                digests[row] = int.from_bytes(hashlib.blake2b(image.data, digest_size=8).digest(), "little")
        if row + 1 != count:
            raise DataError(f"{source.name}: {part} does not hold the {count} examples it lists: prepare it again")
        np.save(folder / f"{part}-labels.npy", labels)
        np.save(folder / f"{part}-digests.npy", digests)
        for kind in KINDS:
            path = folder / f"{part}-{kind}.npy"
            files[path.name] = {"bytes": path.stat().st_size, "crc32": _crc32(path)}
    (folder / META).write_text(json.dumps({"files": files}))


def _read(folder: Path, source: Source) -> dict[str, StoredPart]:
    """The parts, after a look at every byte.

    Raises:
        _Damage: a file is missing, unreadable, or not as it was written.
    """
    name = META
    try:
        files, checksums = json.loads((folder / META).read_text())["files"], {}
        for part in source.parts:
            for name in (f"{part}-{kind}.npy" for kind in KINDS):
                checksums[name] = _checksum(folder / name, files[name])
        return {
            part: StoredPart(
                images_path=folder / f"{part}-images.npy",
                labels=np.load(folder / f"{part}-labels.npy"),
                digests=np.load(folder / f"{part}-digests.npy"),
                checksum=checksums[f"{part}-images.npy"],
            )
            for part in source.parts
        }
    # KeyError and so on: the JSON is not what was written.
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__} {error}"
        raise _Damage(f"{name}: {' '.join(str(reason).split())[:200]}") from error


def _checksum(path: Path, expected: dict) -> int:
    """The CRC-32 of a file that has the size and CRC-32 that were noted."""
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise _Damage(f"{path.name} has {size} bytes, expected {expected['bytes']}")
    checksum = _crc32(path)
    if checksum != expected["crc32"]:
        raise _Damage(f"{path.name} does not match its checksum")
    return checksum


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            value = zlib.crc32(chunk, value)
    return value
