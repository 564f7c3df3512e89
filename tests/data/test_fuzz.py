"""Random folders, image bytes and caches: a right result or one line that says what is wrong, nothing else."""

import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kdsuite import data
from kdsuite.data.folders import IMAGE_SUFFIXES
from kdsuite.data.images import MAX_PIXELS, read_image
from kdsuite.data.source import Source
from kdsuite.data.sources import find_source
from kdsuite.data.store import KINDS, META, open_store
from tests.fuzzing import fuzz

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")


def is_one_line(error: data.DataError) -> bool:
    return str(error).isprintable() and len(str(error)) > 10


def encoded(mode: str, kind: str, orientation: int | None = None) -> bytes:
    """A small picture, or b"" where the format does not know the mode."""
    image = Image.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12) * 2).convert("RGB")
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    try:
        image = Image.fromarray(np.zeros((10, 12), np.uint16)) if mode == "I;16" else image.convert(mode)
        image.save(file, kind, exif=exif)
    except (OSError, ValueError, KeyError):
        return b""
    return file.getvalue()


def changed(content: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    array = bytearray(content)
    for place, value in changes:
        array[int(place * (len(array) - 1))] = value
    return bytes(array[: round(kept * len(array))])


CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3)
KEPT = st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1))
PICTURES = st.builds(encoded, st.sampled_from(MODES), st.sampled_from(FORMATS), st.none() | st.integers(0, 9))


@fuzz(1000)
@given(content=PICTURES, changes=CHANGES, kept=KEPT)
def test_image_bytes(tmp_path, content, changes, kept):
    path = tmp_path / "picture.png"
    path.write_bytes(changed(content, changes, kept) if content else b"")
    try:
        image = read_image(path)
    except data.DataError as error:
        assert is_one_line(error)
        assert str(path) in str(error)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[-1] == 3
        assert image.size <= 3 * MAX_PIXELS
    finally:
        path.unlink()


# Names of every sort, among them parts, hidden ones, and such that only bytes can say.
NAMES = st.one_of(
    st.sampled_from(
        ["train", "test", "val", "validation", "a", "b", "日本", "with space", ".hidden", "._x.png", "x.png"]
    ),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(["\udcff", "\udc80.png", "a\nb", "a\nb.png", "-", "~", "%s", "{}.png"]),
).filter(lambda name: name not in (".", ".."))
FILES = st.dictionaries(
    st.one_of(NAMES, st.builds("{}{}".format, NAMES, st.sampled_from(sorted(IMAGE_SUFFIXES)))),
    st.sampled_from(["picture"] * 8 + ["broken", "empty", "folder", "link"]),
    max_size=4,
)
GOOD = {f"{number}.png": "picture" for number in range(8)}
CLASSES = st.dictionaries(
    NAMES, st.builds(dict.__or__, st.sampled_from([*[GOOD] * 8, {}]), FILES), min_size=1, max_size=3
)
PARTS = st.sampled_from([("train", "test"), ("train", "val"), ("train", "test", "val"), ("train", "other")])
TREES = st.one_of(
    CLASSES,
    st.dictionaries(st.sampled_from(["train", "test", "val", "other"]), CLASSES, max_size=3),
    st.builds(dict.fromkeys, PARTS, CLASSES),
)


def plant(folder: Path, tree: dict, pictures: list[Path]) -> None:
    """Makes files and folders; red and green of a picture are its place in `pictures`."""
    for name, content in tree.items():
        path = folder / name
        if isinstance(content, dict):
            path.mkdir()
            plant(path, content, pictures)
        elif content == "folder":
            path.mkdir()
        elif content == "link":
            path.symlink_to(folder)
        else:
            file = io.BytesIO()
            Image.new("RGB", (6, 6), (*divmod(len(pictures), 256), 0)).save(file, "PNG")
            path.write_bytes({"picture": file.getvalue(), "broken": file.getvalue()[:30], "empty": b""}[content])
            pictures.append(path)


@fuzz(400)
@given(tree=TREES)
def test_folders(tree):
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "pictures"
        folder.mkdir()
        pictures: list[Path] = []
        try:
            plant(folder, tree, pictures)
        except OSError:
            # This file system does not take such a name.
            return
        try:
            dataset = data.load(str(folder), cache=Path(root) / "cache")
        except data.DataError as error:
            assert is_one_line(error)
            return
        splits = (dataset.train, dataset.validation, dataset.test)
        assert all(len(split) for split in splits)
        for split in splits:
            assert split.images.shape[1:] == (6, 6, 3)
            for (red, green, _), label in zip(split.images[:, 0, 0].tolist(), split.labels, strict=True):
                path = pictures[256 * red + green]
                assert dataset.class_names[label] in path.relative_to(folder).parts[:2]
        assert list(dataset.class_names) == sorted(dataset.class_names)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["files", "bytes", "x"]), inner),
    max_leaves=6,
)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 3, 1), np.uint8)
SOURCE = Source("", "set", "1", ("a", "b"), {"train": 5}, lambda part: ((image, 1) for image in IMAGES))


@pytest.fixture(scope="module")
def whole_cache(tmp_path_factory):
    cache = tmp_path_factory.mktemp("whole")
    return cache, open_store(SOURCE, cache, None, None)["train"].checksum


@fuzz(150)
@given(
    meta=JSON,
    entries=st.dictionaries(st.sampled_from([f"train-{kind}.npy" for kind in KINDS]), JSON),
    name=st.sampled_from([META, *(f"train-{kind}.npy" for kind in KINDS)]),
    changes=CHANGES,
    kept=KEPT,
    what=st.sampled_from(["meta", "entries", "bytes", "more"]),
)
def test_caches(whole_cache, capsys, meta, entries, name, changes, kept, what):
    whole, checksum = whole_cache
    with tempfile.TemporaryDirectory() as root:
        cache = Path(root) / "cache"
        shutil.copytree(whole, cache)
        (stored,) = (cache / "data").iterdir()
        if what == "meta":
            (stored / META).write_text(json.dumps(meta))
        elif what == "entries":
            files = json.loads((stored / META).read_text())["files"]
            (stored / META).write_text(json.dumps({"files": files | entries}))
        elif what == "more":
            (stored / name).write_bytes((stored / name).read_bytes() * 2)
        else:
            (stored / name).write_bytes(changed((stored / name).read_bytes(), changes, kept))
        part = open_store(SOURCE, cache, None, None)["train"]
        np.testing.assert_array_equal(part.images(), IMAGES)
        np.testing.assert_array_equal(part.labels, [1] * 5)
        assert part.checksum == checksum
        said = capsys.readouterr().err.splitlines()
        assert not said or (len(said) == 1 and "is damaged" in said[0])


@fuzz(150)
@given(name=st.one_of(st.text(max_size=30), st.from_regex(r"[a-z_]{1,8}(/[a-z]{1,4})?(:[0-9.]{1,5})?", fullmatch=True)))
def test_names(no_tfds_no_network, name):
    if Path(name).is_dir():
        return
    try:
        source = find_source(name)
    except data.DataError as error:
        assert is_one_line(error)
    else:
        assert source.name in ("mnist", "synthetic")
