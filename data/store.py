"""Arrays on disk: decoded once, checked at every opening, rebuilt when damaged."""

import hashlib
import json
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.images import fit_image
from kdsuite.data.sources import Source

META = "meta.json"
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


class DiskImages:
    """Images of a split left on disk; each look-up maps the file anew, so resident memory does not grow."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, rows: np.ndarray, shape: tuple[int, ...]):
        self.path, self.rows, self.shape = path, rows, (len(rows), *shape)

    def __getitem__(self, positions) -> np.ndarray:
        return np.load(self.path, mmap_mode="r")[self.rows[positions]]

    def __len__(self) -> int:
        return len(self.rows)


def open_store(source: Source, cache: Path, image_size: int | None, channels: int | None) -> dict[str, StoredPart]:
    """The source's parts as arrays on disk, built if missing, rebuilt (and said so) if damaged.

    Raises:
        DataError: an image cannot be read, or image sizes differ and no `image_size` is given.
        OSError: the cache cannot be written.
    """
    size = "native" if image_size is None else str(image_size)
    folder = cache / "data" / f"{source.name}-{source.version}-{size}-{channels or 'native'}"
    if folder.exists():
        damage = _damage(folder)
        if damage is None:
            return _read(folder)
        print(f"cache {folder} is damaged ({damage}): rebuilding it", file=sys.stderr)
        shutil.rmtree(folder)
    _replace_folder(folder, lambda target: _build(source, target, image_size, channels))
    return _read(folder)


def _replace_folder(folder: Path, build: Callable[[Path], None]) -> None:
    """Builds into a temporary sibling and renames it: the folder is whole or absent."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".building-"))
    try:
        build(target)
        if not folder.exists():
            target.rename(folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _build(source: Source, folder: Path, image_size: int | None, channels: int | None) -> None:
    checksums = {}
    for part, count in source.parts.items():
        shape, labels, digests = None, np.empty(count, np.int64), np.empty(count, np.uint64)
        # Written one after the other: of a memory map all pages would stay resident.
        with (folder / f"{part}-images.npy").open("wb") as file:
            for row, (picture, label) in enumerate(source.read(part)):
                image = np.ascontiguousarray(fit_image(picture, image_size, channels))
                if shape is None:
                    shape = image.shape
                    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
                    np.lib.format.write_array_header_1_0(file, header)
                if image.shape != shape:
                    raise DataError(
                        f"{source.name}: image {row} of {part} is {image.shape}, earlier ones {shape}: "
                        "give an image_size to resize them all"
                    )
                file.write(image.data)
                labels[row] = label
                digests[row] = int.from_bytes(hashlib.blake2b(image, digest_size=8).digest(), "little")
        np.save(folder / f"{part}-labels.npy", labels)
        np.save(folder / f"{part}-digests.npy", digests)
        for kind in KINDS:
            path = folder / f"{part}-{kind}.npy"
            checksums[path.name] = {"bytes": path.stat().st_size, "crc32": _crc32(path)}
    (folder / META).write_text(json.dumps({"files": checksums, "parts": list(source.parts)}))


def _damage(folder: Path) -> str | None:
    """What is wrong with a cache folder, or None."""
    try:
        meta = json.loads((folder / META).read_text())
        files = {
            name: meta["files"][name] for part in meta["parts"] for kind in KINDS for name in [f"{part}-{kind}.npy"]
        }
    except (OSError, ValueError, KeyError) as error:
        return f"{META}: {error}"
    for name, expected in files.items():
        path = folder / name
        if not path.exists():
            return f"{name} is missing"
        if path.stat().st_size != expected["bytes"]:
            return f"{name} has {path.stat().st_size} bytes, expected {expected['bytes']}"
        if _crc32(path) != expected["crc32"]:
            return f"{name} does not match its checksum"
    return None


def _read(folder: Path) -> dict[str, StoredPart]:
    meta = json.loads((folder / META).read_text())
    return {
        part: StoredPart(
            images_path=folder / f"{part}-images.npy",
            labels=np.load(folder / f"{part}-labels.npy"),
            digests=np.load(folder / f"{part}-digests.npy"),
            checksum=meta["files"][f"{part}-images.npy"]["crc32"],
        )
        for part in meta["parts"]
    }


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            value = zlib.crc32(chunk, value)
    return value
