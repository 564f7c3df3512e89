import os
import shutil

import numpy as np
import pytest

from kdsuite import data
from kdsuite.data import prepared
from kdsuite.data.prepared import ORIGINALS, Original
from kdsuite.data.sources import find_source

MNIST = ("mnist", "3.0.1", {"train": 30, "test": 7}, (28, 28, 1), [str(label) for label in range(10)])


def test_a_copy_says_in_what_it_differs_from_the_original(prepare_copy, monkeypatch):
    files, _ = prepare_copy(*MNIST, encoding="jpeg")
    assert find_source("mnist").provenance == "tfds, re-encoded as JPEG, 37 of 70,000 pictures"
    monkeypatch.setitem(ORIGINALS, "mnist", Original("PNG", 37))
    assert find_source("mnist").provenance == "tfds, re-encoded as JPEG"
    shutil.rmtree(files)
    prepare_copy(*MNIST)
    assert find_source("mnist").provenance == "tfds"


def test_a_copy_and_its_re_encoding_share_neither_cache_nor_fingerprint(prepare_copy, tmp_path):
    datasets = []
    for encoding in ("png", "jpeg"):
        files, _ = prepare_copy(*MNIST, encoding=encoding)
        datasets.append(data.load("mnist", cache=tmp_path / "cache"))
        shutil.rmtree(files)
    assert len(list((tmp_path / "cache" / "data").iterdir())) == 2
    for split in ("train", "validation", "test"):
        assert len({getattr(dataset, split).fingerprint for dataset in datasets}) == 2
    np.testing.assert_array_equal(datasets[0].train.labels, datasets[1].train.labels)


def test_a_validation_part_of_its_own_is_taken(prepare_copy, tmp_path):
    _, parts = prepare_copy("own_parts", "1.0.0", {"train": 20, "validation": 6, "test": 4}, (8, 8, 3), ["a", "b"])
    dataset = data.load("own_parts", cache=tmp_path / "cache")
    for part, arrays in parts.items():
        images = getattr(dataset, part).images
        assert sorted(map(bytes, images)) == sorted(map(bytes, arrays["image"]))


@pytest.mark.parametrize("hashed_bytes", [1 << 20, 0])
def test_the_version_follows_the_content_of_the_files(prepare_copy, monkeypatch, hashed_bytes):
    monkeypatch.setattr(prepared, "HASHED_BYTES", hashed_bytes)
    monkeypatch.setattr(prepared, "EDGE_BYTES", 100)
    files, _ = prepare_copy("own_set", "1.0.0", {"train": 30, "test": 7}, (6, 6, 1), ["a", "b"])
    shard = files / "own_set-test.tfrecord-00000-of-00001"
    content, changed = shard.read_bytes(), shard.stat().st_mtime
    versions = [find_source("own_set").version]
    for place in (20, len(content) - 20):
        shard.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        os.utime(shard, (changed, changed))
        versions.append(find_source("own_set").version)
    # A label in the middle has no size to give it away: where the middle is not read, the time is.
    middle = len(content) // 2
    shard.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    os.utime(shard, (changed + 10, changed + 10))
    versions.append(find_source("own_set").version)
    assert len(set(versions)) == 4
    shard.write_bytes(content)
    os.utime(shard, (changed, changed))
    assert find_source("own_set").version == versions[0]


def test_names_of_one_data_set_are_one_data_set(prepare_copy):
    prepare_copy(*MNIST)
    assert {find_source(name).name for name in ("mnist", "mnist:3.0.1", "MNIST")} == {"mnist"}


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "empty", "information"])
def test_a_damaged_copy_is_refused_in_one_line(prepare_copy, tmp_path, damage):
    files, _ = prepare_copy("own_set", "1.0.0", {"train": 30, "test": 7}, (6, 6, 1), ["a", "b"])
    shard = files / "own_set-train.tfrecord-00000-of-00001"
    content = shard.read_bytes()
    if damage == "truncate":
        shard.write_bytes(content[:-10])
    elif damage == "flip":
        shard.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    elif damage == "remove":
        shard.unlink()
    elif damage == "empty":
        shard.write_bytes(b"")
    else:
        (files / "dataset_info.json").write_text("{")
    with pytest.raises(data.DataError, match="own_set") as raised:
        data.load("own_set", cache=tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").glob("data/*"))


def test_images_of_more_than_8_bits_are_refused(prepare_copy, tmp_path, monkeypatch):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(6, 6, 1), dtype=np.uint16),
            "label": tfds.features.ClassLabel(num_classes=2),
        }
    )
    deep = {"image": np.zeros((4, 6, 6, 1), np.uint16), "label": np.arange(4) % 2}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="deep",
        version="1.0.0",
        features=features,
        split_datasets={"train": tf.data.Dataset.from_tensor_slices(deep)},
        data_dir=str(tmp_path / "tfds"),
    )
    with pytest.raises(data.DataError, match="deep has no 8-bit images"):
        find_source("deep")
