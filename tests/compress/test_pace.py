"""Which precision a student trains in."""

import keras
import pytest

from kdsuite.compress import pace
from kdsuite.compress.pace import Pace, pace_of


@pytest.fixture
def clock(monkeypatch):
    """A clock that only `teaching` moves."""
    now = [0.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def teaching(clock, asked, seconds):
    def teach(student, path, *, precision, steps, seed, on_step):
        asked.append(precision)
        for step in range(1, steps + 1):
            clock[0] += 5 if step == 1 else seconds[precision]
            on_step(step)

    return teach


@pytest.mark.parametrize("fast", ["float32", "bfloat16"])
def test_the_faster_precision_is_taken(clock, tmp_path, fast):
    seconds = {"float32": 0.2, "bfloat16": 0.2} | {fast: 0.1}
    found = pace_of(keras.Sequential(), teaching(clock, [], seconds), tmp_path / "trial.npz", 3600)
    assert found == Pace(fast, pytest.approx(0.1), pytest.approx(5))


def test_of_a_small_budget_nothing_goes_into_a_second_trial(clock, tmp_path):
    asked = []
    seconds = {"float32": 0.2, "bfloat16": 0.1}
    pace_of(keras.Sequential(), teaching(clock, asked, seconds), tmp_path / "trial.npz", 300)
    assert asked == ["float32"]
