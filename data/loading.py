"""`load`: a named data set or a folder, cut into train, validation and test."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.sources import find_source
from kdsuite.data.split import Split
from kdsuite.data.store import DiskImages, StoredPart, open_store

RAM_BYTES = 256 << 20
DEFAULT_TEST_SHARE = 0.2
DEFAULT_VALIDATION_SHARE = 0.1
DEFAULT_VALIDATION_LIMIT = 5000


@dataclass(frozen=True)
class Dataset:
    """A data set cut into three splits.

    Attributes:
        name: TFDS name or folder name.
        source: where the bytes came from: "tfds", "embedded", "folder" or "synthetic".
        class_names: name of each label.
        train, validation, test: the splits; validation is taken from train.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split


def load(
    name: str,
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
        name: a TFDS name ("mnist", "cifar10", "cats_vs_dogs", …) or a folder with one sub-folder a class.
        image_size: height and width in pixels; None keeps the images' own, which must then be equal.
        channels: 1 (grey) or 3 (RGB); None keeps the images' own.
        train_size, validation_size, test_size: examples a split. By default the source's own test part (or a fifth,
            where it has none), a tenth of the rest but at most 5,000 for validation, and all that is left for train.
        seed: of the cut; identical pictures of one part stay in one split.
        cache: folder of the disk cache.

    Raises:
        DataError: unknown name, unreadable image, no network, or sizes the source cannot give.
    """
    source = find_source(name)
    parts = open_store(source, Path(cache), image_size, channels)
    order = {part: _order(stored, seed) for part, stored in parts.items()}
    if "test" in parts:
        test_part, test_pool, rest = parts["test"], order["test"], order["train"]
        test_size = len(test_pool) if test_size is None else test_size
    else:
        test_part, test_pool = parts["train"], order["train"]
        test_size = int(len(test_pool) * DEFAULT_TEST_SHARE) if test_size is None else test_size
        rest = test_pool[test_size:]
    if validation_size is None:
        validation_size = min(int(len(rest) * DEFAULT_VALIDATION_SHARE), DEFAULT_VALIDATION_LIMIT)
    train_size = len(rest) - validation_size if train_size is None else train_size
    for split, wanted, available in (
        ("test", test_size, len(test_pool)),
        ("validation", validation_size, len(rest)),
        ("train", train_size, len(rest) - validation_size),
    ):
        if not 0 < wanted <= available:
            raise DataError(f"{split} size {wanted}: {name} has {available} examples left for it, expected 1 or more")
    return Dataset(
        name=source.name,
        source=source.kind,
        class_names=source.class_names,
        train=_split(parts["train"], rest[validation_size : validation_size + train_size]),
        validation=_split(parts["train"], rest[:validation_size]),
        test=_split(test_part, test_pool[:test_size]),
    )


def _order(stored: StoredPart, seed: int) -> np.ndarray:
    """A permutation of the part's rows with those that have an identical twin last.

    Test and validation are cut from the front, so twins are together in what is left for train.
    """
    order = np.random.default_rng(seed).permutation(len(stored.labels))
    _, group, sizes = np.unique(stored.digests, return_inverse=True, return_counts=True)
    has_twin = sizes[group] > 1
    return np.concatenate([order[~has_twin[order]], order[has_twin[order]]])


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
        images = DiskImages(stored.images_path, rows, shape)
    return Split(images, labels, digest.hexdigest())
