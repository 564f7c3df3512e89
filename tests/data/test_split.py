from types import SimpleNamespace

import numpy as np
import pytest

from kdsuite.data import DataError, Jitter, Split
from kdsuite.data.store import DiskImages


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


def shifted(image, down, right):
    """The image moved by whole pixels, zeros where nothing came from; by slices."""
    height, width = image.shape[:2]
    moved = np.zeros_like(image)
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved


@pytest.mark.parametrize(("horizontal", "vertical", "count"), [(2, 2, 25), (2, 0, 5), (0, 1, 3)])
def test_each_view_is_a_shift(horizontal, vertical, count):
    jitter = Jitter(horizontal, vertical)
    assert jitter.count == len(set(jitter.offsets())) == count
    images = np.random.default_rng(0).integers(1, 256, (count, 6, 5, 2), np.uint8)
    moved = jitter.apply(images, np.arange(count)).numpy()
    for image, result, (down, right) in zip(images, moved, jitter.offsets(), strict=True):
        assert abs(down) <= vertical
        assert abs(right) <= horizontal
        np.testing.assert_array_equal(result, shifted(image, down, right))
    assert jitter.offsets()[jitter.unshifted] == (0, 0)


def test_the_view_a_batch_uses_is_the_view_whose_teacher_output_it_gets():
    random = np.random.default_rng(0)
    images = random.integers(1, 256, (40, 6, 6, 1), np.uint8)
    split = Split.from_arrays(images, np.arange(40)).jittered(Jitter(2, 2))
    # The "teacher" says which image and which view it saw.
    answers = np.stack(np.meshgrid(np.arange(40), np.arange(25), indexing="ij"), axis=-1).astype(np.float32)
    outputs = SimpleNamespace(arrays={"logits": answers}, data_fingerprint=split.fingerprint)
    seen = []
    for epoch in range(4):
        for pictures, y in split.batches(16, seed=3, epoch=epoch, teacher=outputs):
            for picture, label, answer in zip(
                pictures.numpy(), y["labels"].numpy(), y["teacher"]["logits"], strict=True
            ):
                index, view = map(int, answer)
                assert index == label
                np.testing.assert_array_equal(picture, shifted(images[index], *split.views.offsets()[view]))
                seen.append(view)
    assert set(seen) == set(range(25))


def test_views_depend_on_seed_epoch_and_image_alone():
    split = Split.from_arrays(np.full((30, 5, 5, 1), 9, np.uint8), np.arange(30)).jittered(Jitter(1, 1))

    def pictures(batch_size, **order):
        drawn = [
            (int(label), image.tobytes())
            for images, y in split.batches(batch_size, **order)
            for image, label in zip(images.numpy(), y.numpy(), strict=True)
        ]
        return dict(drawn)

    first = pictures(7, seed=1, epoch=2)
    assert first == pictures(30, seed=1, epoch=2)
    assert first != pictures(7, seed=1, epoch=3)
    assert first != pictures(7, seed=2, epoch=2)


def test_without_a_seed_a_jittered_split_shows_one_view():
    images = np.random.default_rng(0).integers(0, 256, (10, 5, 5, 1), np.uint8)
    split = Split.from_arrays(images, np.arange(10)).jittered(Jitter(1, 1))
    ((in_order, _),) = split.batches(10)
    np.testing.assert_array_equal(in_order, images)
    ((moved, _),) = split.batches(10, view=0)
    np.testing.assert_array_equal(moved[3], shifted(images[3], -1, -1))
    with pytest.raises(DataError, match="view 9: this split has 9"):
        split.batches(10, view=9)
    with pytest.raises(DataError, match="view 0: this split has none"):
        numbered_split().batches(10, view=0)


def test_a_transfer_set_holds_no_example_of_an_omitted_class_in_any_view():
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    split = Split.from_arrays(images, np.arange(20) % 5)
    transfer_set = split.of_classes([0, 1, 2, 4]).jittered(Jitter(1, 1))
    assert len(transfer_set) == 16
    for view in range(9):
        for pictures, labels in transfer_set.batches(5, view=view):
            assert 3 not in labels
            np.testing.assert_array_equal(pictures.numpy().max((1, 2, 3)) % 5, labels)
    assert len({split.fingerprint, transfer_set.fingerprint, split.of_classes([0, 1, 2, 4]).fingerprint}) == 3
    with pytest.raises(DataError, match="class 7: expected one of \\[0, 1, 2, 3, 4\\]"):
        split.of_classes([7])
