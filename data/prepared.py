"""Prepared copies of TFDS data sets: what is in them, and how they differ from the originals."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from kdsuite.data.errors import DataError
from kdsuite.data.source import Source

PARTS = ("train", "validation", "test")
HASHED_BYTES = 256 << 20
EDGE_BYTES = 1 << 20


@dataclass(frozen=True)
class Original:
    """What TFDS prepares from the published files (its catalog): pictures of all splits, and how they are encoded."""

    encoding: str
    pictures: int


ORIGINALS = {
    "cats_vs_dogs": Original("JPEG", 23_262),
    "cifar10": Original("PNG", 60_000),
    "mnist": Original("PNG", 70_000),
}


def prepared_source(builder) -> Source:
    """The train, validation and test splits of a builder that is prepared, as far as it has them.

    Raises:
        DataError: no train split of 8-bit images with class labels, or files that are missing or damaged.
    """
    info, name = builder.info, _full_name(builder)
    features = info.features
    if not {"image", "label"} <= set(features) or not info.splits.get("train"):
        raise DataError(f"{name} has no split 'train' with 'image' and 'label': expected an image classification set")
    if features["image"].np_dtype != np.uint8 or not hasattr(features["label"], "names"):
        raise DataError(f"{name} has no 8-bit images or no class labels: expected an image classification set")
    parts = {part: info.splits[part].num_examples for part in PARTS if part in info.splits}
    files = [path for part in parts for path in info.splits[part].filepaths]

    def read(part: str):
        for example in _examples(builder, part):
            yield example["image"], int(example["label"])

    return Source(
        provenance=_provenance(builder, sum(parts.values())),
        name=name,
        version=f"{builder.version}-{_contents(builder, files)}",
        class_names=tuple(features["label"].names),
        parts=parts,
        read=read,
    )


def _full_name(builder) -> str:
    config = builder.builder_config
    return f"{builder.name}_{config.name}" if config else builder.name


def _examples(builder, part: str, **arguments):
    import tensorflow as tf

    try:
        yield from builder.as_dataset(split=part, shuffle_files=False, **arguments).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise _damaged(builder) from error


def _damaged(builder) -> DataError:
    return DataError(
        f"the prepared copy of {builder.name} under {builder.data_dir} is damaged: delete it and prepare it again"
    )


def _provenance(builder, pictures: int) -> str:
    """ "tfds", and in what the copy differs from the known original."""
    import tensorflow_datasets as tfds

    original = ORIGINALS.get(builder.name)
    if original is None:
        return "tfds"
    first = next(_examples(builder, "train[:1]", decoders={"image": tfds.decode.SkipDecoding()}))
    try:
        with Image.open(io.BytesIO(first["image"])) as image:
            encoding = image.format
    except OSError as error:
        raise _damaged(builder) from error
    words = ["tfds"]
    if encoding != original.encoding:
        words.append(f"re-encoded as {encoding}")
    if pictures != original.pictures:
        words.append(f"{pictures:,} of {original.pictures:,} pictures")
    return ", ".join(words)


def _contents(builder, files: list) -> str:
    """Hex digest of the files' names, sizes and bytes.

    Of copies beyond `HASHED_BYTES` in all only the first and last `EDGE_BYTES` of a file are read, and the time of its
    last change stands for the rest, so that an edit in the middle (labels have no size to give them away) still shows.
    """
    digest = hashlib.blake2b(digest_size=6)
    try:
        sizes = [(path, path.stat()) for path in sorted(files)]
        whole = sum(stat.length for _, stat in sizes) <= HASHED_BYTES
        for path, stat in sizes:
            digest.update(f"{path.name}\0{stat.length}\0{'' if whole else stat.mtime}\0".encode())
            with path.open("rb") as file:
                while whole and (chunk := file.read(EDGE_BYTES)):
                    digest.update(chunk)
                if not whole:
                    digest.update(file.read(EDGE_BYTES))
                    file.seek(max(stat.length - EDGE_BYTES, 0))
                    digest.update(file.read(EDGE_BYTES))
    except OSError as error:
        raise _damaged(builder) from error
    return digest.hexdigest()
