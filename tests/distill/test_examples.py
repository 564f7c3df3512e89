"""Splits, arrays and `tf.data` data sets give the same teacher outputs; what has no fixed order is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kdsuite import distill


def network(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1), name="images")
    x = layers.Flatten(name="flat")(layers.Rescaling(1 / 255, name="unit")(inputs))
    # Named, so that two of them have one fingerprint.
    return keras.Model(inputs, layers.Dense(3, name="logits")(x), name="teacher")


def kinds(split):
    images, labels = split.images, split.labels
    return {
        "array": images,
        "pair": (images, labels),
        "images": tf.data.Dataset.from_tensor_slices(images),
        "examples": tf.data.Dataset.from_tensor_slices((images, labels)),
        "batches": tf.data.Dataset.from_tensor_slices((images, labels)).batch(50),
        "images in batches": tf.data.Dataset.from_tensor_slices(images).batch(7),
    }


@pytest.mark.parametrize("kind", ["array", "pair", "images", "examples", "batches", "images in batches"])
def test_any_kind_of_data_gives_the_splits_outputs(small_split, tmp_path, kind):
    outputs = distill.teacher_outputs(network(), kinds(small_split)[kind], cache=tmp_path)
    expected = distill.teacher_outputs(network(), small_split, cache=tmp_path)
    np.testing.assert_allclose(outputs.arrays["logits"], expected.arrays["logits"], rtol=1e-5, atol=1e-6)
    array = distill.teacher_outputs(network(), small_split.images, cache=tmp_path)
    assert outputs.data_fingerprint == array.data_fingerprint
    # One file for the split, one for all other kinds.
    assert len(list((tmp_path / "teacher").iterdir())) == 2


def test_models_of_two_inputs(tmp_path):
    first, second = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"a": first, "b": second}, layers.Dense(3)(layers.Concatenate()([first, second])))
    random = np.random.default_rng(0)
    x = {"a": random.normal(size=(9, 4)).astype(np.float32), "b": random.normal(size=(9, 2)).astype(np.float32)}
    for data in (x, tf.data.Dataset.from_tensor_slices(x), tf.data.Dataset.from_tensor_slices(x).batch(4)):
        outputs = distill.teacher_outputs(model, data, cache=tmp_path)
        np.testing.assert_allclose(outputs.arrays["logits"], model(x), rtol=1e-5, atol=1e-6)
    assert len(list((tmp_path / "teacher").iterdir())) == 1


def test_texts_are_told_apart_by_what_they_hold(tmp_path):
    words = layers.TextVectorization(output_mode="multi_hot", vocabulary=["cat", "dog", "owl"])
    inputs = keras.Input((), dtype="string")
    keras.utils.set_random_seed(0)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(words(inputs)))
    texts = ["a cat", "a dog", "an owl", "cat"]
    one, same, other = (
        distill.teacher_outputs(model, tf.data.Dataset.from_tensor_slices(given), cache=tmp_path)
        for given in (texts, list(texts), [*texts[:3], "dog"])
    )
    np.testing.assert_allclose(one.arrays["logits"], model(tf.constant(texts)), rtol=1e-5)
    assert one.data_fingerprint == same.data_fingerprint != other.data_fingerprint
    assert len(list((tmp_path / "teacher").iterdir())) == 2


def test_a_data_set_that_is_shuffled_anew_is_refused(small_split, tmp_path):
    shuffled = kinds(small_split)["examples"].shuffle(120)
    with pytest.raises(distill.DistillationError, match="another order, on its second pass"):
        distill.teacher_outputs(network(), shuffled, cache=tmp_path)
    assert not (tmp_path / "teacher").exists()
    fixed = kinds(small_split)["examples"].shuffle(120, seed=1, reshuffle_each_iteration=False)
    assert len(distill.teacher_outputs(network(), fixed, cache=tmp_path).arrays["logits"]) == 120


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.repeat(), "size is infinite"),
        (lambda data: data.filter(lambda x, y: y > 0), "size is unknown.*assert_cardinality"),
        (lambda data: iter([1]), "expected a data.Split, NumPy arrays or a tf.data.Dataset"),
    ],
)
def test_data_of_no_known_size(small_split, tmp_path, change, message):
    with pytest.raises(distill.DistillationError, match=message):
        distill.teacher_outputs(network(), change(kinds(small_split)["examples"]), cache=tmp_path)


@pytest.mark.parametrize("storage", [None, distill.OnDisk()])
def test_attached_outputs_follow_their_examples_through_a_shuffle(small_split, tmp_path, storage):
    examples = kinds(small_split)["examples"]
    outputs = distill.teacher_outputs(network(), examples, cache=tmp_path, storage=storage)
    attached = outputs.attach(examples)
    assert attached.cardinality() == 120
    batches = list(attached.shuffle(120, seed=2).batch(50))
    for x, y in batches:
        np.testing.assert_allclose(y["teacher"]["logits"], network()(x), rtol=2e-3, atol=2e-3)
    assert sorted(np.concatenate([y["labels"] for _, y in batches])) == sorted(small_split.labels)
    distiller = distill.Distiller(network(1))
    distiller.compile(keras.optimizers.Adam(0.01))
    losses = distiller.fit(attached.shuffle(120, seed=2).batch(20), epochs=4, verbose=0, shuffle=False).history
    assert losses["soft_loss"][-1] < losses["soft_loss"][0]


@pytest.mark.parametrize(
    "change", [lambda data: data.batch(10), lambda data: data.take(60), lambda data: data.shuffle(120, seed=0)]
)
def test_outputs_are_not_attached_to_other_examples(small_split, tmp_path, change):
    examples = kinds(small_split)["examples"]
    outputs = distill.teacher_outputs(network(), examples, cache=tmp_path)
    with pytest.raises(distill.DistillationError, match="expected single examples, not batches, in the order"):
        outputs.attach(change(examples))


def test_attached_outputs_leave_sample_weights_and_want_labels(small_split, tmp_path):
    teacher, weights = network(), np.arange(120, dtype=np.float32)
    parts = (small_split.images, small_split.labels, weights)
    weighted, unlabelled = (tf.data.Dataset.from_tensor_slices(given) for given in (parts, small_split.images))
    outputs = distill.teacher_outputs(teacher, weighted, cache=tmp_path)
    _, targets, found = next(iter(outputs.attach(weighted).batch(120)))
    np.testing.assert_array_equal(found, weights)
    np.testing.assert_allclose(targets["teacher"]["logits"], teacher(small_split.images), rtol=1e-5, atol=1e-5)
    with pytest.raises(distill.DistillationError, match="expected \\(x, labels\\), as the student learns from labels"):
        distill.teacher_outputs(teacher, unlabelled, cache=tmp_path).attach(unlabelled)
