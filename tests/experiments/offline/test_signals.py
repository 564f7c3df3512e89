"""What study 5's students learn from, and how alike they are to their teacher, against SciPy."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from experiments.offline.config import ResponsesConfig
from experiments.offline.networks import TeacherTrial, TogetherTrial, smoothed
from experiments.offline.responses import OfflineResponses
from experiments.offline.signals import likeness, soft_targets
from experiments.offline.students import FRESH_LABELS, LABELS, RESPONSES, SMOOTHING, StudentTrial
from kdsuite.data import ShiftFlip, Split
from kdsuite.distill import TeacherOutputs, softened_names

STUDY = OfflineResponses(ResponsesConfig())
TEACHER = STUDY.teacher("resnet50")
TOGETHER = STUDY.together((TEACHER, STUDY.teacher("resnet_20")))
STUDENT = StudentTrial(
    method="kd",
    network="cnn_2_4_0",
    seed=0,
    epochs=1,
    batch_size=8,
    learning_rate=0.1,
    lambda_=0.5,
    temperature=2.0,
    signal=RESPONSES,
    responses=(("resnet_20", "0123"),),
)
COMMON = {
    "method": "plain",
    "network": "other",
    "seed": 1,
    "epochs": 3,
    "batch_size": 9,
    "learning_rate": 0.2,
    "optimizer": "sgd",
    "schedule": "steps",
    "lambda_": 0.6,
    "temperature": 5.0,
    "teacher": replace(TEACHER, seed=7),
    "parent": replace(TEACHER, seed=7),
    "recalibrate": True,
    "test_stale_batch_norm": True,
    "evaluate_every_epoch": True,
    "metrics": (),
    "precision": "bfloat16",
    "label_smoothing": 0.3,
    "shift": 1,
    "flip": None,
    "views": 3,
}
OF_TEACHERS = COMMON | {"upscaled_to": 128, "weights": None}
FLIPPED = {
    StudentTrial: COMMON
    | {"flip": "random", "signal": LABELS, "responses": (("resnet_20", "4567"),), "other_views": True},
    TeacherTrial: OF_TEACHERS,
    TogetherTrial: OF_TEACHERS | {"flip": "random", "weights": "imagenet", "members": (TEACHER,)},
}


@pytest.mark.parametrize("trial", [STUDENT, TEACHER, TOGETHER], ids=lambda trial: type(trial).__name__)
def test_each_field_is_part_of_the_key(trial):
    flipped = FLIPPED[type(trial)]
    assert set(flipped) == {field.name for field in fields(trial)}
    keys = {name: replace(trial, **{name: value}).key(str) for name, value in flipped.items()}
    assert trial.key(str) not in keys.values()


def test_likeness_against_scipy():
    student = np.log(np.array([[0.6, 0.4], [0.5, 0.5001], [0.1, 0.9]], "float32"))
    teacher = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], "float32"))
    measured = likeness(student, teacher)
    assert measured["agreement"] == pytest.approx(2 / 3)
    divergences = entropy(np.exp(teacher), np.exp(student), axis=1)
    assert measured["divergence"] == pytest.approx(divergences.mean(), rel=1e-4)


def test_smoothed_labels_are_as_soft_as_the_teacher_and_know_only_the_labels():
    generator = np.random.default_rng(0)
    split = Split.from_arrays(np.zeros((6, 4, 4, 1), "uint8"), np.arange(6) % 3)
    responses = [TeacherOutputs({"logits": 3 * generator.normal(size=(6, 3)).astype("float32")}, split.fingerprint)]
    of_teacher, smoothed = (
        soft_targets(replace(STUDENT, signal=signal), responses, split) for signal in (RESPONSES, SMOOTHING)
    )
    target, entropies = softened_names(2.0)
    np.testing.assert_allclose(of_teacher.arrays[target], softmax(responses[0].arrays["logits"] / 2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(smoothed.arrays[entropies], of_teacher.arrays[entropies].mean(), rtol=1e-3)
    np.testing.assert_array_equal(smoothed.arrays[target][:3], smoothed.arrays[target][3:])
    np.testing.assert_array_equal(smoothed.arrays[target].argmax(1), split.labels)


def test_smoothed_labels_of_a_given_epsilon_are_the_same_for_every_view():
    split = Split.from_arrays(np.zeros((4, 8, 8, 3), "uint8"), np.array([0, 1, 2, 1]))
    target, entropies = softened_names(1.0)
    plain, shown = smoothed(split, 3, 0.3), smoothed(split.with_views(ShiftFlip(1), drawn=2), 3, 0.3)
    expected = np.full((4, 3), 0.1) + 0.7 * np.eye(3)[split.labels]
    np.testing.assert_allclose(plain.arrays[target], expected, atol=1e-6)
    np.testing.assert_allclose(plain.arrays[entropies], entropy(expected, axis=1), rtol=1e-6)
    assert shown.arrays[target].shape == (4, 2, 3)
    for view in range(2):
        np.testing.assert_array_equal(shown.arrays[target][:, view], plain.arrays[target])
        np.testing.assert_array_equal(shown.arrays[entropies][:, view], plain.arrays[entropies])


@pytest.mark.parametrize(
    ("fields", "views", "series"),
    [
        ({}, 1, "responses"),
        ({"shift": 2, "views": 8}, 8, "responses"),
        ({"shift": 2, "views": 16, "other_views": True}, 16, "responses, 16 views"),
        ({"shift": 2, "views": 1, "other_views": True}, 1, "responses, 1 view"),
        ({"shift": 2, "signal": FRESH_LABELS}, 50, "labels alone, fresh views"),
        ({"shift": 1, "signal": FRESH_LABELS}, 18, "labels alone, fresh views"),
    ],
)
def test_views_and_series(fields, views, series):
    trial = replace(STUDENT, **fields)
    assert (trial.columns()["views"], trial.series) == (views, series)
    assert not fields.get("shift") or trial.view_count <= ShiftFlip(trial.shift).count
