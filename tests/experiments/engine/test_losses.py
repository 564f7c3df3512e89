import keras
import numpy as np
import pytest

from experiments.engine.losses import smoothed_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_smoothed_cross_entropy_equals_keras_own_on_one_hot_labels(smoothing):
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(16, 10)).astype(np.float32) * 4, random.integers(0, 10, 16)
    expected = keras.losses.categorical_crossentropy(np.eye(10)[labels], logits, True, smoothing)
    np.testing.assert_allclose(smoothed_cross_entropy(labels, logits, smoothing), expected, rtol=1e-5)
    np.testing.assert_allclose(smoothed_cross_entropy(labels[:, None], logits, smoothing), expected, rtol=1e-5)


def test_smoothed_cross_entropy_is_least_at_the_smoothed_probabilities():
    target = np.full(10, 0.02) + np.eye(10)[3] * 0.8
    entropy = -np.sum(target * np.log(target))
    assert float(smoothed_cross_entropy(np.array([3]), np.log(target)[None], 0.2)[0]) == pytest.approx(
        entropy, rel=1e-5
    )
