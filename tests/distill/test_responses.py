"""Responses on disk, and label smoothing of a given entropy."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import entropy

from kdsuite import distill
from kdsuite.distill import softened_names

NAMES = ("cat", "dog", "bird")


def teacher(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)])


def written(split, folder):
    outputs = distill.teacher_outputs(teacher(), split, cache=folder)
    path = folder / "responses" / "teacher.npz"
    distill.Responses(outputs, NAMES, {"network": "dense", "test_accuracy": 0.5}).save(path)
    return outputs, path


def test_a_student_trains_on_the_file_alone_as_with_the_live_teacher(small_split, tmp_path):
    _, path = written(small_split, tmp_path)
    responses = distill.load_responses(path, small_split, NAMES)
    assert responses.card == {"network": "dense", "test_accuracy": 0.5}
    losses = []
    for live, outputs in ((teacher(), None), (None, responses.outputs)):
        distiller = distill.Distiller(teacher(seed=1), live, lambda_=0.7, temperature=3.0)
        distiller.compile(keras.optimizers.SGD(0.1))
        batches = small_split.batches(40, seed=0, teacher=outputs)
        losses.append(distiller.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_responses_of_other_data_classes_or_no_file_are_refused(small_split, tmp_path):
    _, path = written(small_split, tmp_path)
    other = small_split.of_classes([0, 1])
    with pytest.raises(distill.DistillationError, match="are for 120 other images: expected the"):
        distill.load_responses(path, other, NAMES)
    with pytest.raises(distill.DistillationError, match="for the classes cat, dog, bird: expected a, b, c"):
        distill.load_responses(path, small_split, ("a", "b", "c"))
    with pytest.raises(distill.DistillationError, match=r"no responses at .*make offline-responses"):
        distill.load_responses(tmp_path / "nothing.npz", small_split, NAMES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(distill.DistillationError, match="cannot be read"):
        distill.load_responses(path, small_split, NAMES)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def rewrite(path, **changes):
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})


DAMAGE = {
    "a flipped bit": (lambda path: flip(path, 300), "cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read"),
    "no description": (lambda path: rewrite(path, described=None), "cannot be read"),
    "a description of another kind": (lambda path: rewrite(path, described="[1]"), "cannot be read"),
    "a description without names": (lambda path: rewrite(path, described="{}"), "cannot be read"),
    "NaN": (lambda path: rewrite(path, logits=np.full((120, 3), np.nan, np.float32)), "expected finite float32"),
    "rows": (
        lambda path: rewrite(path, logits=np.zeros((119, 3), np.float32)),
        r"\(119, 3\): expected finite",
    ),
    "classes": (lambda path: rewrite(path, logits=np.zeros((120, 2), np.float32)), r"\(120, 2\): expected finite"),
    "type": (lambda path: rewrite(path, logits=np.zeros((120, 3), np.int32)), "int32 .*expected finite float32"),
    "probabilities": (lambda path: rewrite(path, logits=np.full((120, 3), 1 / 3, np.float32)), "are probabilities"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(small_split, tmp_path, damage):
    _, path = written(small_split, tmp_path)
    make, message = DAMAGE[damage]
    make(path)
    with pytest.raises(distill.DistillationError, match=message) as refusal:
        distill.load_responses(path, small_split, NAMES)
    assert "\n" not in str(refusal.value)


def test_a_broken_write_leaves_the_former_file(small_split, tmp_path, monkeypatch):
    outputs, path = written(small_split, tmp_path)
    before = path.read_bytes()

    def break_off(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", break_off)
    with pytest.raises(KeyboardInterrupt):
        distill.Responses(outputs, NAMES, {}).save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("wanted", [0.01, 0.5, 1.5, np.log(10)])
def test_smoothed_labels_have_the_entropy_asked_for(wanted):
    labels = np.array([3, 0, 9])
    arrays = distill.smoothed_labels(labels, 10, wanted, 4.0)
    targets, entropies = (arrays[name] for name in softened_names(4.0))
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(entropy(targets, axis=1), wanted, rtol=1e-4)
    np.testing.assert_allclose(entropies, wanted, rtol=1e-4)
    if wanted < 2:
        np.testing.assert_array_equal(targets.argmax(1), labels)
    others = np.delete(targets[0], 3)
    np.testing.assert_allclose(others, others[0])


def test_an_entropy_that_no_labels_have():
    with pytest.raises(distill.DistillationError, match=r"entropy 3: expected 0 to log 10 = 2\.303"):
        distill.smoothed_labels(np.array([0]), 10, 3, 1.0)
