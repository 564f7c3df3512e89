"""Calibration by hand."""

import numpy as np
import pytest

from experiments.offline.calibration import calibration_error, reliability


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
