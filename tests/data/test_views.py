from types import SimpleNamespace

import numpy as np
import pytest

from kdsuite.data import DataError, Flip, Jitter, ShiftFlip, Split


def shifted(image, down, right, mode="constant"):
    """The image moved by whole pixels; by padding and slicing."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((abs(down),) * 2, (abs(right),) * 2, (0, 0)), mode)
    return padded[abs(down) - down :, abs(right) - right :][:height, :width]


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
    assert jitter.offsets()[jitter.identity] == (0, 0)


@pytest.mark.parametrize(("padding", "mode"), [("reflect", "reflect"), ("black", "constant")])
def test_shifts_and_flips_are_all_pairs_of_a_shift_and_a_flip(padding, mode):
    views = ShiftFlip(pixels=2, padding=padding)
    assert (views.count, views.identity) == (50, 12)
    image = np.random.default_rng(0).integers(1, 256, (6, 7, 3), np.uint8)
    shown = views.apply(np.stack([image] * 50), np.arange(50)).numpy()
    for half, picture in enumerate((image, image[:, ::-1])):
        for view, offset in enumerate(views.shifts.offsets()):
            np.testing.assert_array_equal(shown[25 * half + view], shifted(picture, *offset, mode))
    np.testing.assert_array_equal(shown[views.identity], image)
    assert len({picture.tobytes() for picture in shown}) == 50


def test_a_flip_mirrors_left_and_right():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 1), np.uint8)
    shown = Flip().apply(images, np.array([0, 1])).numpy()
    np.testing.assert_array_equal(shown[0], images[0])
    np.testing.assert_array_equal(shown[1], np.fliplr(images[1]))


def answering(split):
    """A "teacher" that says which image it saw and under which of its views."""
    places = np.stack(np.meshgrid(np.arange(len(split)), np.arange(split.views.count), indexing="ij"), axis=-1)
    return SimpleNamespace(arrays={"logits": places.astype(np.float32)}, data_fingerprint=split.fingerprint)


def shown(split, **order):
    """(index, number of its view, picture) of each image of an epoch, by the answers of the teacher."""
    for pictures, y in split.batches(16, teacher=answering(split), **order):
        for picture, label, answer in zip(pictures.numpy(), y["labels"].numpy(), y["teacher"]["logits"], strict=True):
            index, view = map(int, answer)
            assert index == label
            yield index, view, picture


def random_split(count=40, size=6):
    images = np.random.default_rng(0).integers(1, 256, (count, size, size, 1), np.uint8)
    return Split.from_arrays(images, np.arange(count))


def test_the_view_a_batch_uses_is_the_view_whose_teacher_output_it_gets():
    plain = random_split()
    split = plain.with_views(Jitter(2, 2))
    seen = set()
    for epoch in range(4):
        for index, view, picture in shown(split, seed=3, epoch=epoch):
            offset = split.views.offsets()[view]
            np.testing.assert_array_equal(picture, shifted(plain.images[index], *offset))
            seen.add(view)
    assert seen == set(range(25))


def test_of_k_views_an_image_the_one_shown_is_the_one_the_teacher_answers_for():
    plain = random_split()
    split = plain.with_views(ShiftFlip(1), drawn=4)
    numbers = split.views.numbers
    assert (split.views.count, numbers.shape) == (4, (40, 4))
    seen = set()
    for epoch in range(6):
        for index, slot, picture in shown(split, seed=3, epoch=epoch):
            half, view = divmod(int(numbers[index, slot]), 9)
            image = plain.images[index][:, ::-1] if half else plain.images[index]
            offset = split.views.views.shifts.offsets()[view]
            np.testing.assert_array_equal(picture, shifted(image, *offset, "reflect"))
            seen.add((index, slot))
    assert len(seen) > 0.75 * 160
    # What a teacher is shown, view by view, is what its answers are looked up for.
    for slot in range(4):
        ((pictures, _),) = split.batches(40, view=slot)
        expected = split.views.views.apply(plain.images, numbers[:, slot])
        np.testing.assert_array_equal(pictures, expected)


def test_k_views_are_different_uniform_and_fixed_by_seed_and_index():
    plain = random_split(3000, 4)
    drawn = {k: plain.with_views(ShiftFlip(1), drawn=k).views.numbers for k in (1, 4, 18)}
    assert all(len(set(row)) == 4 for row in drawn[4].tolist())
    np.testing.assert_array_equal(drawn[1], drawn[4][:, :1])
    np.testing.assert_array_equal(np.sort(drawn[18], axis=1), np.tile(np.arange(18), (3000, 1)))
    # 3,000 draws of 18 views: 167 of each, ± 5 standard deviations.
    assert np.abs(np.bincount(drawn[1][:, 0], minlength=18) - 3000 / 18).max() < 5 * np.sqrt(3000 / 18)
    part = Split.from_arrays(plain.images[:50], plain.labels[:50]).with_views(ShiftFlip(1), drawn=4)
    np.testing.assert_array_equal(part.views.numbers, drawn[4][:50])
    assert np.any(plain.with_views(ShiftFlip(1), drawn=4, seed=1).views.numbers != drawn[4])


def test_views_of_a_transfer_set_stay_those_of_its_images():
    plain = Split.from_arrays(random_split().images, np.arange(40) % 4)
    split = plain.with_views(ShiftFlip(1), drawn=3)
    part = split.of_classes([1, 3])
    np.testing.assert_array_equal(part.views.numbers, split.views.numbers[plain.labels % 2 == 1])
    assert part.fingerprint != split.fingerprint


@pytest.mark.parametrize("drawn", [None, 6])
def test_an_alternating_flip_shows_every_image_flipped_in_every_second_epoch(drawn):
    plain = random_split(60)
    split = plain.with_views(ShiftFlip(1), drawn=drawn, alternate_flip=True)
    if drawn:
        np.testing.assert_array_equal(split.views.numbers // 9, np.tile([0, 0, 0, 1, 1, 1], (60, 1)))
    flipped = np.zeros((4, 60), int)
    shifts = set()
    for epoch in range(4):
        for index, view, _ in shown(split, seed=3, epoch=epoch):
            number = int(split.views.numbers[index, view]) if drawn else view
            flipped[epoch, index] = number // 9
            shifts.add(number % 9)
    np.testing.assert_array_equal(flipped[0], 1 - flipped[1])
    np.testing.assert_array_equal(flipped[:2], flipped[2:])
    assert 15 < flipped[0].sum() < 45
    assert shifts == set(range(9))
    other = {index: view for index, view, _ in shown(split, seed=4, epoch=0)}
    assert any(other[index] // (split.views.count // 2) != flipped[0, index] for index in other)


def test_fingerprints_tell_views_apart():
    plain = random_split()
    splits = [
        plain,
        plain.with_views(Jitter(2, 2)),
        plain.with_views(Flip()),
        plain.with_views(ShiftFlip(2)),
        plain.with_views(ShiftFlip(2, "black")),
        plain.with_views(ShiftFlip(2), drawn=50),
        plain.with_views(ShiftFlip(2), drawn=4),
        plain.with_views(ShiftFlip(2), drawn=4, seed=1),
        plain.with_views(ShiftFlip(2), drawn=4, alternate_flip=True),
    ]
    assert len({split.fingerprint for split in splits}) == len(splits)
    # In which order views are drawn changes no image and no output.
    assert plain.with_views(ShiftFlip(2), alternate_flip=True).fingerprint == splits[3].fingerprint
    # Teacher outputs on disk are found again by these.
    assert splits[1].fingerprint.startswith("1f34f57a3f88fe3b")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda split: split.with_views(ShiftFlip(1), drawn=19), r"19 views an image: expected 1 to 18"),
        (lambda split: split.with_views(ShiftFlip(1), drawn=0), "0 views an image"),
        (lambda split: split.with_views(Jitter(-1, 1)), "shift -1: expected a whole number of pixels, 0 or more"),
        (lambda split: split.with_views(ShiftFlip(1.5)), r"shift 1\.5: expected a whole number"),
        (lambda split: split.with_views(ShiftFlip(40)), "cannot be reflected 40 pixels"),
        (lambda split: split.with_views(ShiftFlip(1, "white")), "padding 'white': expected 'reflect' or 'black'"),
        (lambda split: split.with_views(Jitter(1, 1), alternate_flip=True), "expected views that flip"),
        (lambda split: split.with_views(ShiftFlip(1), drawn=3, alternate_flip=True), "an even number"),
        (lambda split: split.with_views(Flip()).with_views(Flip()), "already"),
        (lambda split: split.with_views(Flip(), alternate_flip=True).batches(4, seed=0), "which epoch"),
        (lambda split: split.with_views(ShiftFlip(1), drawn=4).batches(4, view=4), "view 4: this split has 4"),
    ],
)
def test_refusals(act, message):
    with pytest.raises(DataError, match=message):
        act(random_split())


def test_outputs_for_drawn_views_are_not_taken_for_those_of_the_image_itself():
    split = random_split().with_views(ShiftFlip(1), drawn=4)
    ((pictures, _),) = split.batches(40)
    np.testing.assert_array_equal(pictures, split.images)
    with pytest.raises(DataError, match="drawn views alone"):
        split.batches(40, teacher=answering(split))


def test_views_depend_on_seed_epoch_and_image_alone():
    split = Split.from_arrays(np.full((30, 5, 5, 1), 9, np.uint8), np.arange(30)).with_views(Jitter(1, 1))

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
    split = Split.from_arrays(images, np.arange(10)).with_views(Jitter(1, 1))
    ((in_order, _),) = split.batches(10)
    np.testing.assert_array_equal(in_order, images)
    ((moved, _),) = split.batches(10, view=0)
    np.testing.assert_array_equal(moved[3], shifted(images[3], -1, -1))
    with pytest.raises(DataError, match="view 9: this split has 9"):
        split.batches(10, view=9)
    with pytest.raises(DataError, match="view 0: this split has none"):
        random_split().batches(10, view=0)
