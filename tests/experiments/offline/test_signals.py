"""What study 5's students learn from, and how alike they are to their teacher, against SciPy."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from experiments.offline.cifar10 import LABELS, RESPONSES, SMOOTHING, StudentTrial, likeness, soft_targets
from experiments.offline.config import ResponsesConfig
from experiments.offline.networks import TeacherTrial
from experiments.offline.responses import OfflineResponses
from kdsuite.data import Split
from kdsuite.distill import TeacherOutputs, softened_names

TEACHER = OfflineResponses(ResponsesConfig()).teacher("resnet50")
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
}
FLIPPED = {
    StudentTrial: COMMON | {"signal": LABELS, "responses": (("resnet_20", "4567"),)},
    TeacherTrial: COMMON | {"upscaled_to": 128, "weights": "imagenet"},
}


@pytest.mark.parametrize("trial", [STUDENT, TEACHER], ids=lambda trial: type(trial).__name__)
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
    assert likeness(student) == {}


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
