"""Which precision a student trains in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kdsuite import data
from kdsuite.compress import pace
from kdsuite.compress.pace import Pace, pace_of
from kdsuite.compress.recovery import Training, train


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
def test_the_faster_precision_is_taken(clock, fast):
    seconds = {"float32": 0.2, "bfloat16": 0.2} | {fast: 0.1}
    found = pace_of(keras.Sequential(), teaching(clock, [], seconds), 3600)
    assert found == Pace(fast, pytest.approx(0.1), pytest.approx(5))


def test_of_a_small_budget_nothing_goes_into_a_second_trial(clock):
    asked = []
    seconds = {"float32": 0.2, "bfloat16": 0.1}
    pace_of(keras.Sequential(), teaching(clock, asked, seconds), 300)
    assert asked == ["float32"]


def test_a_network_that_bfloat16_cannot_compute_trains_in_float32(tmp_path):
    def teach(student, path, *, precision, steps, seed, on_step):
        train(student, split, None, training, path=path, precision=precision, steps=steps, seed=seed, on_step=on_step)

    inputs = keras.Input((4, 4, 1))
    outputs = Exact()(keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    student = keras.Model(inputs, keras.layers.Dense(2)(outputs))
    split = data.Split.from_arrays(np.zeros((20, 4, 4, 1), np.uint8), np.arange(20) % 2)
    training = Training(lambda_=0.0, batch_size=5)
    with pytest.raises(TypeError, match="bfloat16"):
        teach(student, tmp_path / "own.npz", precision="bfloat16", steps=1, seed=0, on_step=lambda step: None)
    assert pace_of(student, teach, 1e6).precision == "float32"


@pytest.mark.parametrize("count", [12, 33])
def test_epochs_of_few_steps_are_timed_in_both_precisions(count, in_empty_folder):
    """Three and nine steps an epoch, of 10: what training goes on from after an epoch is none of the second trial's."""
    split = data.Split.from_arrays(np.zeros((count, 4, 4, 1), np.uint8), np.arange(count) % 2)
    student = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    done, training = {"float32": 0, "bfloat16": 0}, Training(lambda_=0.0, batch_size=4)

    def teach(student, path, *, precision, steps, seed, on_step):
        def count_step(step):
            done[precision] += 1
            on_step(step)

        train(student, split, None, training, path=path, precision=precision, steps=steps, seed=seed,
              on_step=count_step)  # fmt: skip

    assert pace_of(student, teach, 1e6).seconds_a_step > 0
    assert done == {"float32": 10, "bfloat16": 10}


@keras.saving.register_keras_serializable("test_pace")
class Exact(keras.Operation):
    def call(self, x):
        return tf.add(x, tf.ones(3, tf.float32))

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)
