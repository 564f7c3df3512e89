"""Dropping teachers, against NumPy; students of features."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import softmax

from kdsuite import data, distill
from kdsuite.distill import softened_names
from kdsuite.distill.teacher_dropout import ENTROPIES, TARGETS, remaining_weights


def network(seed, classes=3):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(classes)]
    )


def three_teachers(split, folder):
    return [distill.teacher_outputs(network(seed), split, cache=folder) for seed in (1, 2, 3)]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ([0.9, 0.5, 0.3], [1 / 3, 1 / 3, 1 / 3]),
        ([0.9, 0.1, 0.3], [0.5, 0.0, 0.5]),
        ([0.1, 0.1, 0.25], [0.0, 0.0, 1.0]),
        ([0.1, 0.0, 0.2], [1.0, 0.0, 0.0]),
    ],
)
def test_weights_of_the_teachers_that_remain(draws, expected):
    np.testing.assert_allclose(remaining_weights(tf.constant(draws), 0.25), expected, rtol=1e-6)


def test_nothing_dropped_is_the_mean_of_the_teachers(small_split, tmp_path):
    outputs = three_teachers(small_split, tmp_path)
    batches = small_split.batches(50, teacher=distill.stack_teachers(outputs, 4.0))
    names = softened_names(4.0)
    targets = np.concatenate([y["teacher"][names[0]] for _, y in distill.drop_teachers(batches, 4.0, 0.0, (0, 0))])
    expected = np.mean([softmax(own.arrays["logits"] / 4.0, axis=1) for own in outputs], axis=0)
    np.testing.assert_allclose(targets, expected, rtol=1e-5)
    equal = distill.mixture([(1 / 3, own) for own in outputs], 4.0)
    entropies = np.concatenate([y["teacher"][names[1]] for _, y in distill.drop_teachers(batches, 4.0, 0.0, (0, 0))])
    np.testing.assert_allclose(entropies, equal.arrays[names[1]], rtol=1e-5)


def test_each_batch_has_the_mean_of_some_teachers_the_same_each_time(small_split, tmp_path):
    outputs = three_teachers(small_split, tmp_path)
    batches = small_split.batches(4, teacher=distill.stack_teachers(outputs, 4.0))
    name = softened_names(4.0)[0]
    whole_batches = list(batches)
    seen = set()
    dropped = distill.drop_teachers(batches, 4.0, 0.5, (0, 1))
    for (_, whole), (_, y), (_, again) in zip(whole_batches, dropped, dropped, strict=True):
        np.testing.assert_array_equal(y["teacher"][name], again["teacher"][name])
        targets = whole["teacher"][TARGETS].numpy()
        subsets = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
        fits = [s for s in subsets if np.allclose(targets[:, list(s)].mean(1), y["teacher"][name], atol=1e-6)]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) >= 5
    other = next(iter(distill.drop_teachers(batches, 4.0, 0.5, (1, 1))))
    assert set(other[1]["teacher"]) == set(softened_names(4.0))
    assert ENTROPIES not in other[1]["teacher"]


def test_a_distiller_learns_from_batches_of_several_teachers(small_split, tmp_path):
    batches = small_split.batches(
        40, seed=0, epoch=0, teacher=distill.stack_teachers(three_teachers(small_split, tmp_path), 4.0)
    )
    distiller = distill.Distiller(network(9), lambda_=1.0, temperature=4.0)
    distiller.compile(keras.optimizers.Adam(0.05))
    losses = [
        distiller.fit(distill.drop_teachers(batches, 4.0, 0.25, (0, epoch)), verbose=0, shuffle=False).history["loss"][
            0
        ]
        for epoch in range(8)
    ]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_drop_rates_out_of_range(small_split, tmp_path, rate):
    batches = small_split.batches(40, teacher=distill.stack_teachers(three_teachers(small_split, tmp_path), 4.0))
    with pytest.raises(distill.DistillationError, match="drop rate"):
        distill.drop_teachers(batches, 4.0, rate, (0, 0))


def test_outputs_softened_at_another_temperature_are_refused(small_split, tmp_path):
    softened = [outputs.softened(4.0) for outputs in three_teachers(small_split, tmp_path)]
    for combine in (distill.stack_teachers, lambda given, t: distill.mixture([(1 / 3, one) for one in given], t)):
        combine(softened, 4.0)
        with pytest.raises(distill.DistillationError, match="soft_targets at T = 4: expected logits, or the same T"):
            combine(softened, 2.0)


@pytest.mark.parametrize(("given", "wanted"), [((1,), 5), ((5,), 1), ((4,), 5), ((1, 1, 5), 5)])
def test_features_of_another_shape_are_refused(small_split, given, wanted):
    features = np.zeros((120, *given), np.float32)
    outputs = distill.TeacherOutputs({"features": features}, small_split.fingerprint)
    message = rf"features are {re.escape(str(given))} an example and the student's outputs \({wanted},\)"
    check_feature_student_refuses(small_split.batches(40, teacher=outputs), message, wanted)


def test_batches_without_features_are_refused(small_split):
    logits = distill.TeacherOutputs({"logits": np.zeros((120, 5), np.float32)}, small_split.fingerprint)
    check_feature_student_refuses(small_split.batches(40), "has no outputs of a teacher: expected 'features'")
    check_feature_student_refuses(
        small_split.batches(40, teacher=logits), "has logits of the teacher: expected 'features'"
    )


def check_feature_student_refuses(batches, message, classes=5):
    distiller = distill.FeatureDistiller(network(1, classes=classes))
    distiller.compile("sgd")
    with pytest.raises(distill.DistillationError, match=message):
        distiller.fit(batches, verbose=0, shuffle=False)


def test_outputs_of_views_do_not_stand_side_by_side(small_split, tmp_path):
    outputs = [
        distill.teacher_outputs(network(seed), small_split.with_views(data.Flip()), cache=tmp_path) for seed in (1, 2)
    ]
    with pytest.raises(
        distill.DistillationError, match=r"soft targets \(120, 2, 3\) of a teacher: expected \(n, classes\)"
    ):
        distill.stack_teachers(outputs, 4.0)


def test_feature_student_against_numpy(small_split):
    features = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)
    outputs = distill.TeacherOutputs({"features": features}, small_split.fingerprint)
    student = network(1, classes=5)
    expected = np.mean((student(small_split.images).numpy() - features) ** 2)
    distiller = distill.FeatureDistiller(student)
    distiller.compile(keras.optimizers.SGD(1e-9))
    batches = small_split.batches(120, teacher=outputs)
    assert distiller.fit(batches, verbose=0, shuffle=False).history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert distiller.evaluate(batches, verbose=0) == pytest.approx(expected, rel=1e-5)
