from types import SimpleNamespace

import numpy as np
import pytest

from kdsuite.data import DataError, Jitter, Split
from kdsuite.data.store import DiskArray


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
    on_disk = DiskArray(tmp_path / "images.npy", np.arange(50)[::-1])
    np.testing.assert_array_equal(
        drawn(split.batches(16, seed=3, epoch=2)),
        drawn(Split(on_disk, split.labels, split.fingerprint).batches(16, seed=3, epoch=2)),
    )


def test_without_a_remainder_all_batches_have_one_static_size(tmp_path):
    split = numbered_split()
    np.save(tmp_path / "images.npy", split.images)
    on_disk = Split(DiskArray(tmp_path / "images.npy"), split.labels, split.fingerprint)
    for shown in (split, split.with_views(Jitter(0, 0)), on_disk):
        for order in ({}, {"seed": 1}, {"seed": 1, "epoch": 3}):
            batches = shown.batches(16, drop_remainder=True, **order)
            assert batches.element_spec[0].shape == (16, 4, 4, 1)
            assert batches.element_spec[1].shape == (16,)
            assert len(batches) == 3
            labels = drawn(batches)
            assert len(set(labels)) == 48
            whole = drawn(shown.batches(16, **order))
            if order != {"seed": 1}:
                np.testing.assert_array_equal(labels, whole[:48])
    assert len(split.batches(25, drop_remainder=True)) == 2


class Indexable:
    """Outputs that are no NumPy array: `shape`, `dtype` and indexing by integer arrays."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.rows = array, array.shape, array.dtype, 0

    def __getitem__(self, places):
        self.rows += len(places[0] if isinstance(places, tuple) else places)
        return self.array[places]


@pytest.mark.parametrize("views", [None, Jitter(1, 1)])
@pytest.mark.parametrize("kind", ["memmap", "disk", "object", "large"])
def test_outputs_left_where_they_are_come_with_their_image(tmp_path, monkeypatch, views, kind):
    split = numbered_split() if views is None else numbered_split().with_views(views)
    shape = (50, 3) if views is None else (50, 9, 3)
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.float16)
    np.save(tmp_path / "outputs.npy", array)
    if kind == "large":
        monkeypatch.setattr("kdsuite.data.gathering.TENSOR_BYTES", array.nbytes - 1)
    outputs = {
        "memmap": lambda: np.load(tmp_path / "outputs.npy", mmap_mode="r"),
        "disk": lambda: DiskArray(tmp_path / "outputs.npy"),
        "object": lambda: Indexable(array),
        "large": lambda: array,
    }[kind]()

    def taught(values):
        teacher = SimpleNamespace(arrays={"logits": values}, data_fingerprint=split.fingerprint)
        return split.batches(16, seed=3, epoch=1, teacher=teacher)

    assert taught(outputs).element_spec[1]["teacher"]["logits"].shape == (None, 3)
    for (images, y), (expected_images, expected) in zip(taught(outputs), taught(array), strict=True):
        np.testing.assert_array_equal(images, expected_images)
        assert y["teacher"]["logits"].dtype == np.float16
        np.testing.assert_array_equal(y["teacher"]["logits"], expected["teacher"]["logits"])
        np.testing.assert_array_equal(y["teacher"]["logits"][:, 0] // shape[-1] // (9 if views else 1), y["labels"])
    if kind == "object":
        assert outputs.rows == 50


def test_parts_of_a_memory_map_are_read_where_they_are(tmp_path):
    np.save(tmp_path / "outputs.npy", np.arange(200, dtype=np.float32).reshape(100, 2))
    split = numbered_split()
    part = np.load(tmp_path / "outputs.npy", mmap_mode="r")[20:70]
    teacher = SimpleNamespace(arrays={"logits": part}, data_fingerprint=split.fingerprint)
    for _, y in split.batches(16, seed=0, teacher=teacher):
        np.testing.assert_array_equal(y["teacher"]["logits"][:, 0], 2 * (y["labels"] + 20))


def test_outputs_of_another_shape_are_refused():
    split = numbered_split()
    for shape in ((49, 2), (51, 2)):
        teacher = SimpleNamespace(arrays={"logits": np.zeros(shape)}, data_fingerprint=split.fingerprint)
        with pytest.raises(DataError, match=r"'logits' has shape .*: expected \(50,\) to begin it"):
            split.batches(4, teacher=teacher)
    views = split.with_views(Jitter(1, 1))
    teacher = SimpleNamespace(arrays={"logits": np.zeros((50, 10))}, data_fingerprint=views.fingerprint)
    with pytest.raises(DataError, match=r"expected \(50, 9\) to begin it"):
        views.batches(4, teacher=teacher)
    other = SimpleNamespace(arrays={"logits": np.zeros((50, 10))}, data_fingerprint=split.fingerprint)
    with pytest.raises(DataError, match="other data"):
        views.batches(4, teacher=other)


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
        (lambda split: split.batches(51, drop_remainder=True), "batch size 51: expected 1 or more, at most 50"),
        (lambda split: Split.from_arrays(split.images.astype(float), split.labels), "expected uint8"),
        (lambda split: Split.from_arrays(split.images, split.labels[:-1]), "one an image"),
    ],
)
def test_refusals(act, message):
    with pytest.raises(DataError, match=message):
        act(numbered_split())


def test_a_transfer_set_holds_no_example_of_an_omitted_class_in_any_view():
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    split = Split.from_arrays(images, np.arange(20) % 5)
    transfer_set = split.of_classes([0, 1, 2, 4]).with_views(Jitter(1, 1))
    assert len(transfer_set) == 16
    for view in range(9):
        for pictures, labels in transfer_set.batches(5, view=view):
            assert 3 not in labels
            np.testing.assert_array_equal(pictures.numpy().max((1, 2, 3)) % 5, labels)
    assert len({split.fingerprint, transfer_set.fingerprint, split.of_classes([0, 1, 2, 4]).fingerprint}) == 3
    with pytest.raises(DataError, match="class 7: expected one of \\[0, 1, 2, 3, 4\\]"):
        split.of_classes([7])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, 0.9], "label 0.9: expected a whole number"),
        ([0.0, np.nan], "label nan: expected a whole number"),
        (np.array([0, 2**63], np.uint64), "label 9223372036854775808: expected a whole number"),
        (["0", "1"], "labels are <U1: expected the number of each image's class"),
    ],
)
def test_labels_that_are_no_whole_numbers_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Split.from_arrays(np.zeros((2, 4, 4, 1), np.uint8), np.asarray(labels))


def test_classes_of_images_on_disk_stay_on_disk(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    on_disk = DiskArray(tmp_path / "images.npy", np.array([5, 3, 1, 0]))
    chosen = Split(on_disk, np.array([0, 1, 2, 1]), "f").of_classes([1])
    assert isinstance(chosen.images, DiskArray)
    np.testing.assert_array_equal(chosen.images[np.arange(2)], images[[3, 0]])
