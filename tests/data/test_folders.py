import os
import shutil
import socket

import numpy as np
import pytest
from PIL import Image

from kdsuite import data
from kdsuite.data.folders import folder_source


def listed(folder):
    source = folder_source(folder)
    return {part: [(int(image[0, 0, 0]), label) for image, label in source.read(part)] for part in source.parts}


WHOLE = [(100 * label + number, label) for label in range(2) for number in range(10)]


def test_what_is_no_picture_is_skipped_and_counted(folder, capsys):
    assert listed(folder) == {"train": WHOLE}
    assert capsys.readouterr().err == ""
    os.mkfifo(folder / "bird" / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "bird" / "socket.png"))
    (folder / "bird" / "folder.png").mkdir()
    shutil.copy(folder / "bird" / "00.png", folder / "bird" / "folder.png" / "11.png")
    (folder / "bird" / "dangling.png").symlink_to(folder / "nothing")
    (folder / "bird" / "loop").symlink_to(folder)
    (folder / "bird" / "._00.png").write_bytes(b"resource fork")
    for hidden in (folder / ".cache", folder / "car" / ".thumbnails"):
        hidden.mkdir()
        shutil.copy(folder / "car" / "00.png", hidden / "00.png")
    shutil.copy(folder / "car" / "00.png", os.fsencode(folder / "car") + b"/\xff.png")
    (folder / "car" / "labels.txt").write_text("not a picture")
    shutil.copy(folder / "car" / "00.png", folder / "00.png")
    assert listed(folder) == {"train": WHOLE}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder}: skipped 11 files or folders: ")
    for reason in (
        "4 named like an image, but no regular file",
        "3 hidden",
        "1 linked folders",
        "1 with a name that is not UTF-8",
        "1 without the suffix of an image",
        "1 outside of the class folders",
    ):
        assert reason in line


def test_pictures_are_found_in_folders_below_their_class(folder):
    (folder / "car" / "old" / "red").mkdir(parents=True)
    (folder / "car" / "09.png").rename(folder / "car" / "old" / "red" / "09.PNG")
    assert listed(folder) == {"train": WHOLE}


def as_parts(folder, **counts):
    """Moves the first pictures of each class to folders of parts."""
    root, begin = folder.parent / "parts", 0
    for part, count in counts.items():
        for name in ("bird", "car"):
            (root / part / name).mkdir(parents=True)
            for number in range(begin, begin + count):
                shutil.copy(folder / name / f"{number:02}.png", root / part / name)
        begin += count
    return root


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Train", "validation", "TEST"), ("training", "valid", "testing")]
)
def test_train_validation_and_test_folders_are_splits(folder, names):
    root = as_parts(folder, **dict(zip(names, (5, 3, 2), strict=True)))
    dataset = data.load(str(root), cache=folder.parent / "cache")
    assert dataset.class_names == ("bird", "car")
    for split, numbers in ((dataset.train, range(5)), (dataset.validation, range(5, 8)), (dataset.test, (8, 9))):
        greys = split.images[:, 0, 0, 0]
        assert sorted(greys) == [*numbers, *(100 + number for number in numbers)]
        np.testing.assert_array_equal(split.labels, greys >= 100)


def test_what_has_no_folder_of_its_own_is_cut_from_train(folder):
    dataset = data.load(str(as_parts(folder, train=8, test=2)), cache=folder.parent / "cache", validation_size=5)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [11, 5, 4]
    assert set(dataset.test.images[:, 0, 0, 0]) == {8, 9, 108, 109}


def test_classes_named_train_and_test_are_classes_without_folders_below(folder):
    for old, new in (("bird", "test"), ("car", "train")):
        (folder / old).rename(folder / new)
    assert folder_source(folder).class_names == ("test", "train")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "test" / "plane").mkdir(), "hold different classes: plane must be in both"),
        (lambda root: shutil.rmtree(root / "test" / "car"), "hold different classes: car must be in both"),
        (lambda root: (root / "extra").mkdir(), "holds extra, test, train: expected train, test and validation alone"),
        (lambda root: (root / "test").rename(root / "unseen"), "holds train, unseen: expected train, test and"),
        (
            lambda root: (root / "val").mkdir(),
            "holds test, train, val: expected train, .*, each with one folder a class",
        ),
        (lambda root: (root / "tests" / "bird").mkdir(parents=True), "holds test, tests, train: expected train"),
        (lambda root: shutil.rmtree(root / "test"), "holds train: expected train, test and validation alone"),
        (lambda root: [file.unlink() for file in (root / "test" / "car").iterdir()], "car holds no image"),
    ],
)
def test_parts_that_do_not_match_are_refused(folder, spoil, message):
    root = as_parts(folder, train=6, test=4)
    spoil(root)
    with pytest.raises(data.DataError, match=message):
        folder_source(root)


def test_parts_have_pictures_of_one_size(folder):
    root = as_parts(folder, train=6, test=4)
    Image.new("RGB", (9, 9)).save(root / "test" / "car" / "06.png")
    with pytest.raises(data.DataError, match="give an image_size"):
        data.load(str(root), cache=folder.parent / "cache")
    assert data.load(str(root), image_size=5, cache=folder.parent / "cache").test.images.shape == (8, 5, 5, 3)
