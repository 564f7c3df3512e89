from types import SimpleNamespace

import numpy as np
import pytest

from data import DataError, Split
from data.store import DiskImages


def numbered_split(count=50):
    """Image i has the value i in each pixel and the label i."""
    values = np.arange(count, dtype=np.uint8)
    return Split.from_arrays(np.tile(values[:, None, None, None], (1, 4, 4, 1)), values.astype(np.int64))


def drawn(batches):
    """Labels in the order drawn, after checking that each image came with its own label."""
    labels = []
    for images, y in batches:
        np.testing.assert_array_equal(images[:, 0, 0, 0], y)
        labels.append(y.numpy())
    return np.concatenate(labels)


def test_batches_in_order_cover_the_split_once():
    split = numbered_split()
    batches = split.batches(16)
    assert [len(y) for _, y in batches] == [16, 16, 16, 2]
    assert len(batches) == 4
    np.testing.assert_array_equal(drawn(batches), np.arange(50))


def test_an_epoch_is_a_permutation_fixed_by_seed_and_epoch():
    split = numbered_split()
    first = drawn(split.batches(16, seed=1, epoch=0))
    assert len(split.batches(16, seed=1, epoch=0)) == 4
    assert sorted(first) == list(range(50))
    np.testing.assert_array_equal(first, drawn(split.batches(7, seed=1, epoch=0)))
    for other in ({"seed": 1, "epoch": 1}, {"seed": 2, "epoch": 0}):
        assert np.any(first != drawn(split.batches(16, **other)))


def test_without_an_epoch_each_iteration_is_shuffled_anew_and_repeatably():
    split = numbered_split()
    batches, again = split.batches(16, seed=1), split.batches(16, seed=1)
    first, second = drawn(batches), drawn(batches)
    assert sorted(first) == sorted(second) == list(range(50))
    assert np.any(first != second)
    np.testing.assert_array_equal(first, drawn(again))
    np.testing.assert_array_equal(second, drawn(again))


def test_teacher_outputs_come_with_their_image():
    split = numbered_split()

    logits = np.arange(100, dtype=np.float32).reshape(50, 2)
    outputs = SimpleNamespace(arrays={"logits": logits}, data_fingerprint=split.fingerprint)
    for _, y in split.batches(8, seed=4, teacher=outputs):
        np.testing.assert_array_equal(y["teacher"]["logits"][:, 0], 2 * y["labels"].numpy())


def test_images_on_disk_give_the_same_batches(tmp_path):
    split = numbered_split()
    np.save(tmp_path / "images.npy", split.images[::-1])
    on_disk = DiskImages(tmp_path / "images.npy", np.arange(50)[::-1], (4, 4, 1))
    np.testing.assert_array_equal(
        drawn(split.batches(16, seed=3, epoch=2)),
        drawn(Split(on_disk, split.labels, split.fingerprint).batches(16, seed=3, epoch=2)),
    )


def test_fingerprint_follows_the_content():
    split = numbered_split()
    images, labels = split.images.copy(), split.labels.copy()
    assert Split.from_arrays(images, labels).fingerprint == split.fingerprint
    images[3, 0, 0, 0] ^= 1
    assert Split.from_arrays(images, split.labels).fingerprint != split.fingerprint
    labels[3] ^= 1
    assert Split.from_arrays(split.images, labels).fingerprint != split.fingerprint


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda split: split.batches(0), "batch size 0"),
        (lambda split: Split.from_arrays(split.images.astype(float), split.labels), "expected uint8"),
        (lambda split: Split.from_arrays(split.images, split.labels[:-1]), "one an image"),
    ],
)
def test_refusals(act, message):
    with pytest.raises(DataError, match=message):
        act(numbered_split())
