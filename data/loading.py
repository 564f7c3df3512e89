"""`load`: a named data set or a folder, split into train, validation and test."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.sources import find_source
from kdsuite.data.split import Split
from kdsuite.data.store import DiskArray, StoredPart, open_store

RAM_BYTES = 256 << 20
MAX_IMAGE_SIZE = 4096
DEFAULT_TEST_SHARE = 0.2
DEFAULT_VALIDATION_SHARE = 0.1
DEFAULT_VALIDATION_LIMIT = 5000


@dataclass(frozen=True)
class Dataset:
    """A data set in three splits.

    Attributes:
        name: TFDS name or folder name.
        source: where the pictures came from: "folder", "embedded", "synthetic", or "tfds" and what is known to differ
            from the original ("tfds, re-encoded as JPEG", "tfds, 10,000 of 23,262 pictures").
        class_names: name of each label.
        train, validation, test: the splits; validation is taken from train.
        seed: of the split, or None where nobody drew it.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    seed: int | None = None


def load(
    name: str | Path,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    seed: int = 0,
    cache: Path | str = ".cache",
) -> Dataset:
    """Loads a data set, decoding and resizing it once into a cache on disk.

    Args:
        name: a TFDS name ("mnist", "cifar10", "cats_vs_dogs", …) or a folder with one sub-folder a class, or with
            train/ and test/ or validation/ that hold these.
        image_size: height and width in pixels; None keeps the images' own, which must then be equal.
        channels: 1 (grey) or 3 (RGB); None keeps the images' own.
        train_size, validation_size, test_size: examples a split. By default the source's own test part (or a fifth,
            where it has none), its own validation part (or a tenth of the rest, but at most 5,000), and all that is
            left for train.
        seed: of the split, 0 to 2³² − 1; identical pictures of one part stay in one split.
        cache: folder of the disk cache.

    Raises:
        DataError: a value out of range, an unknown name, an unreadable image, no network, sizes the source cannot
            give, or too few pictures without an identical twin to validate or test on.
        OSError: the cache cannot be written.
    """
    _check_whole("image_size", image_size, 1, MAX_IMAGE_SIZE)
    _check_whole("seed", seed, 0, 2**32 - 1)
    if channels not in (None, 1, 3):
        raise DataError(f"channels {channels}: expected 1 (grey), 3 (RGB), or None to keep the images' own")
    sizes = {"train": train_size, "validation": validation_size, "test": test_size}
    for split, size in sizes.items():
        _check_whole(f"{split} size", size, 1)
    source = find_source(str(name))
    parts = open_store(source, Path(cache), image_size, channels)
    taken = _taken({part: _pool(stored, seed) for part, stored in parts.items()}, sizes, source.name)
    return Dataset(
        name=source.name,
        source=source.provenance,
        class_names=source.class_names,
        **{split: _split(parts.get(split, parts["train"]), rows) for split, rows in taken.items()},
        seed=seed,
    )


def _check_whole(what: str, value: int | None, least: int, most: int | None = None) -> None:
    """Refuses what is neither None nor a whole number in that range."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if value is not None and not (is_whole and least <= value and (most is None or value <= most)):
        expected = f"{least} or more" if most is None else f"a whole number from {least} to {most:,}"
        raise DataError(f"{what} {value}: expected {expected}")


@dataclass(frozen=True)
class _Pool:
    """Rows to take splits from.

    Attributes:
        rows: those that have an identical twin last, so that twins are together in what is left for train.
        alone: how many have none.
    """

    rows: np.ndarray
    alone: int


def _taken(pools: dict[str, _Pool], sizes: dict[str, int | None], name: str) -> dict[str, np.ndarray]:
    """Rows of each split: of the part of its name, where the source has one, else of the front of train."""
    rest, taken = pools["train"], {}
    for split, default in (
        ("test", lambda count: int(count * DEFAULT_TEST_SHARE)),
        ("validation", lambda count: min(int(count * DEFAULT_VALIDATION_SHARE), DEFAULT_VALIDATION_LIMIT)),
        ("train", lambda count: count),
    ):
        has_part = split in pools and split != "train"
        pool = pools[split] if has_part else rest
        size = sizes[split]
        if size is None:
            size = len(pool.rows) if has_part else default(len(pool.rows))
        if not 0 < size <= len(pool.rows):
            raise DataError(
                f"{split} size {size}: {name} has {len(pool.rows)} examples left for it, expected 1 or more"
            )
        # What stands behind the front goes to another split: twins would be on both sides.
        if not has_part and split != "train" and size > pool.alone:
            raise DataError(
                f"{split} size {size}: {name} has {pool.alone} pictures left without an identical twin, which would be "
                "trained on: expected no more than these, or a folder without duplicates"
            )
        taken[split] = pool.rows[:size]
        if not has_part:
            rest = _Pool(rest.rows[size:], rest.alone - size)
    return taken


def _pool(stored: StoredPart, seed: int) -> _Pool:
    """The part's rows, in an order of the seed."""
    order = np.random.default_rng(seed).permutation(len(stored.labels))
    _, group, sizes = np.unique(stored.digests, return_inverse=True, return_counts=True)
    has_twin = sizes[group] > 1
    return _Pool(np.concatenate([order[~has_twin[order]], order[has_twin[order]]]), int(np.sum(~has_twin)))


def _split(stored: StoredPart, rows: np.ndarray) -> Split:
    # Sorted rows read the file front to back; batches are shuffled by index anyway.
    rows = np.sort(rows)
    labels = stored.labels[rows]
    digest = hashlib.sha256(f"{stored.checksum} {stored.images().shape}".encode())
    digest.update(rows.data)
    digest.update(labels.data)
    shape = stored.images().shape[1:]
    if len(rows) * int(np.prod(shape)) <= RAM_BYTES:
        images = np.ascontiguousarray(stored.images()[rows])
    else:
        images = DiskArray(stored.images_path, rows)
    return Split(images, labels, digest.hexdigest())
