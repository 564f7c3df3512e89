"""Calibration by hand."""

import numpy as np
import pytest

from experiments.offline.calibration import calibration_columns, calibration_error, reliability, scaling_temperature


def test_reliability_against_hand_computed_values():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    labels = np.array([0, 1, 0, 1])
    diagram = reliability(np.log(probabilities), labels, bins=2)
    assert len(diagram) == 1
    assert diagram[0] == pytest.approx({"bin": 0.5, "share": 1.0, "confidence": 0.75, "accuracy": 0.75})
    diagram = reliability(np.log(probabilities), labels, bins=4)
    assert [line["bin"] for line in diagram] == [0.5, 0.75]
    assert diagram[0] == pytest.approx({"bin": 0.5, "share": 0.5, "confidence": 0.65, "accuracy": 1.0})
    assert diagram[1] == pytest.approx({"bin": 0.75, "share": 0.5, "confidence": 0.85, "accuracy": 0.5})
    assert calibration_error(diagram) == pytest.approx(0.5 * 0.35 + 0.5 * 0.35)


def sampled(temperature, count=20_000):
    """Logits, and labels drawn from softmax(z / T)."""
    generator = np.random.default_rng(0)
    logits = 3 * generator.normal(size=(count, 4))
    gumbel = generator.gumbel(size=logits.shape)
    return logits, (logits / temperature + gumbel).argmax(-1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_scaling_finds_the_temperature_that_labels_were_drawn_at(temperature):
    assert scaling_temperature(*sampled(temperature)) == pytest.approx(temperature, rel=0.05)


def test_scaling_mends_what_an_overconfident_network_lacks_and_keeps_its_answers():
    logits, labels = sampled(3.0)
    half = len(labels) // 2
    columns = calibration_columns((logits[:half], labels[:half]), (logits[half:], labels[half:]))
    assert columns["calibration_error"] > 0.2
    assert columns["calibration_error_scaled"] < 0.02
    expected = calibration_error(reliability(logits[half:] / columns["scaling_temperature"], labels[half:]))
    assert columns["calibration_error_scaled"] == expected
