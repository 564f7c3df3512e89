"""Pictures in folders: one sub-folder a class, or train/ and test/ that hold these."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kdsuite.data.errors import DataError
from kdsuite.data.images import DECODING, read_image
from kdsuite.data.source import Source

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
PART_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}


def folder_source(folder: Path) -> Source:
    """The pictures of a folder.

    Its sub-folders are the classes, at any depth of folders below them. Where they are train/ and at least one of
    test/ and validation/ (or training/, testing/, valid/, val/), all with sub-folders, they are the parts, and what
    they hold are the classes.
    Hidden files and folders, names that are not UTF-8, folders linked within a class, and what is not a regular file
    with the suffix of an image are skipped; one line on stderr counts them.

    Raises:
        DataError: fewer than two classes, a class without pictures, or parts with different classes.
    """
    name = folder.resolve().name or "root"
    if not _is_utf8(name):
        raise DataError(f"the name of the folder {name!r} is not UTF-8: rename it")
    skipped: dict[Path, str] = {}
    try:
        parts = _parts(folder, skipped)
        class_names = _class_names(folder, parts, skipped)
        files = {
            part: [(path, label) for label, name in enumerate(class_names) for path in _images(sub / name, skipped)]
            for part, sub in parts.items()
        }
        version = _version(folder, [path for pairs in files.values() for path, _ in pairs])
    except OSError as error:
        raise DataError(f"cannot read the folder {folder} ({error}): make it readable") from error
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(skipped.values()).most_common())
        print(f"{folder}: skipped {len(skipped)} files or folders: {reasons}", file=sys.stderr)

    def read(part: str):
        return ((read_image(path), label) for path, label in files[part])

    counts = {part: len(pairs) for part, pairs in files.items()}
    return Source("folder", name, version, class_names, counts, read)


def _parts(folder: Path, skipped: dict[Path, str]) -> dict[str, Path]:
    """Part → its folder; {"train": folder} where the sub-folders are classes."""
    subfolders = _subfolders(folder, skipped)
    parts = {PART_NAMES[sub.name.lower()]: sub for sub in subfolders if sub.name.lower() in PART_NAMES}
    if "train" not in parts or not _subfolders(parts["train"], {}):
        return {"train": folder}
    if len(parts) < 2 or len(parts) < len(subfolders) or not all(_subfolders(sub, {}) for sub in parts.values()):
        names = ", ".join(sub.name for sub in subfolders)
        raise DataError(
            f"{folder} holds {names}: expected train, test and validation alone, each with one folder a class, or one "
            "folder a class"
        )
    return parts


def _class_names(folder: Path, parts: dict[str, Path], skipped: dict[Path, str]) -> tuple[str, ...]:
    names = {part: tuple(path.name for path in _subfolders(sub, skipped)) for part, sub in parts.items()}
    for part, others in names.items():
        if odd := set(others) ^ set(names["train"]):
            raise DataError(
                f"{parts['train']} and {parts[part]} hold different classes: "
                f"{', '.join(sorted(odd))} must be in both or in neither"
            )
    if len(names["train"]) < 2:
        count = len(names["train"])
        raise DataError(f"{parts['train']} has {count} sub-folder(s): expected one for each of 2 or more classes")
    return names["train"]


def _subfolders(folder: Path, skipped: dict[Path, str]) -> list[Path]:
    subfolders = []
    for path in sorted(folder.iterdir()):
        fault = _name_fault(path) or (None if path.is_dir() else "outside of the class folders")
        if fault:
            skipped[path] = fault
        else:
            subfolders.append(path)
    return subfolders


def _images(folder: Path, skipped: dict[Path, str]) -> list[Path]:
    images = list(_walk(folder, skipped))
    if not images:
        raise DataError(f"{folder} holds no image: expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}")
    return images


def _walk(folder: Path, skipped: dict[Path, str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        fault = _name_fault(path) or _file_fault(path)
        if fault:
            skipped[path] = fault
        elif path.is_dir():
            yield from _walk(path, skipped)
        else:
            yield path


def _name_fault(path: Path) -> str | None:
    if path.name.startswith("."):
        return "hidden"
    return None if _is_utf8(path.name) else "with a name that is not UTF-8"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file_fault(path: Path) -> str | None:
    """Why something in a class folder is neither a picture nor a folder to look into."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return None if path.is_file() else "named like an image, but no regular file"
    if not path.is_dir():
        return "without the suffix of an image"
    return "linked folders" if path.is_symlink() else None


def _version(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(f"{DECODING}\0".encode())
    for path in files:
        stat = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:12]
