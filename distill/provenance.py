"""What a network was trained on, carried in its .keras file, so that no one tests it on its own training images."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kdsuite.distill.errors import DistillationError

DESCRIPTION, DIGESTS = "training_data.json", "training_data.digests"
DIGEST_BYTES = 8
CHUNK = 1024
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class TrainingData:
    """The data set that a network was trained on, and how it was split.

    Attributes:
        name, source, class_names: those of the `data.Dataset`.
        seed: of its split, or None.
        sizes: examples in "train", "validation" and "test".
        test_fingerprint: the test split's `fingerprint`.
        digests: sorted uint64, one for each image trained on (64 bits of BLAKE2 of its pixels): two images share one
            by chance in 1 of 10¹⁹ pairs.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    seed: int | None
    sizes: dict[str, int]
    test_fingerprint: str
    digests: np.ndarray

    @classmethod
    def of(cls, dataset, also: Sequence = ()) -> "TrainingData":
        """Reads the training images of a data set once.

        Args:
            dataset: a `data.Dataset`.
            also: further splits that the network, or its teacher, was trained on, or the `TrainingData` of either.
        """
        digests = [one.digests if isinstance(one, cls) else image_digests(one) for one in (dataset.train, *also)]
        return cls(
            name=dataset.name,
            source=dataset.source,
            class_names=tuple(dataset.class_names),
            seed=dataset.seed,
            sizes={split: len(getattr(dataset, split)) for split in SPLITS},
            test_fingerprint=dataset.test.fingerprint,
            digests=np.unique(np.concatenate(digests)),
        )

    def trained_on(self, split) -> int:
        """The number of images of a split that are among the training images, pixel for pixel."""
        return int(np.isin(image_digests(split), self.digests).sum())

    def write(self, path: Path) -> None:
        """Adds it to a .keras file that has none."""
        described = {name: value for name, value in asdict(self).items() if name != "digests"}
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(DESCRIPTION, json.dumps(described, ensure_ascii=False))
            archive.writestr(DIGESTS, self.digests.astype("<u8").tobytes())


def training_data(path: Path | str) -> TrainingData | None:
    """What `save_student` wrote into a .keras file of the data that the network was trained on; None where it did not.

    Raises:
        DistillationError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if DESCRIPTION not in archive.namelist():
                return None
            described = json.loads(archive.read(DESCRIPTION))
            digests = np.frombuffer(archive.read(DIGESTS), "<u8").astype(np.uint64)
        return TrainingData(**described | {"class_names": tuple(described["class_names"]), "digests": digests})
    # A damaged zip raises nearly anything, as of the teacher's cache.
    except Exception as error:
        raise DistillationError(f"cannot read {path} ({error}): expected a .keras file") from error


def training_data_bytes(path: Path | str) -> int:
    """How many bytes of a .keras file say what the network was trained on."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.compress_size for entry in archive.infolist() if entry.filename in (DESCRIPTION, DIGESTS))


def image_digests(split) -> np.ndarray:
    """A digest of each image's pixels, uint64 (n,)."""
    digests = np.empty(len(split), np.uint64)
    for start in range(0, len(split), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(split)))
        for row, image in zip(rows, split.images[rows], strict=True):
            digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST_BYTES).digest()
            digests[row] = int.from_bytes(digest, "little")
    return digests
