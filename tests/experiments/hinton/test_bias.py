"""Errors by bias, by hand."""

import numpy as np

from experiments.hinton import bias


def test_mistakes_by_bias_against_hand_computed_values():
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.5], [0.0, 3.0, 1.0], [1.0, 0.0, 0.5]])
    labels = np.array([0, 2, 2, 0])
    found = bias.mistakes(logits, labels, transfer_set=(0, 1))
    assert found.at(0) == (2, 2)
    assert found.at(0.4) == (2, 2)
    assert found.at(1.0) == (2, 1)
    assert found.at(2.5) == (2, 0)
    assert found.at(-3) == (2, 2)


def test_few_seen_classes_are_lowered_instead():
    logits = np.array([[0.0, 0.0, 1.0, 4.0], [2.0, 0.0, 0.0, 3.0]])
    found = bias.mistakes(logits, np.array([3, 0]), transfer_set=(3,))
    assert found.at(0) == (1, 1)
    assert found.at(-2) == (0, 0)
    assert found.at(-4) == (1, 0)
    assert -3 <= found.best() <= -1


def test_biases_set_to_one_value():
    np.testing.assert_allclose(bias.set_to(np.array([[1.0, 2.0]]), np.array([0.5, -1.0]), 3.5), [[4.0, 6.5]])
