"""Training that goes on behind a checkpoint, and starts anew behind a damaged one."""

import keras
import numpy as np
import pytest

from kdsuite import compress, data, distill
from kdsuite.compress import recovery

STEPS = 6


@pytest.fixture
def split():
    random = np.random.default_rng(0)
    return data.Split.from_arrays(random.integers(0, 256, (20, 4, 4, 1), np.uint8), random.integers(0, 2, 20))


def student():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    return keras.Sequential(layers)


def trained(split, path, on_step=lambda step: None, precision="float32"):
    made = student()
    training = recovery.Training(batch_size=5)
    outputs = distill.teacher_outputs(student(), split)
    recovery.train(made, split, outputs, training, path=path, precision=precision, steps=STEPS, seed=1, on_step=on_step)
    assert {weight.dtype for weight in made.weights} == {"float32"}
    return made.get_weights()


def test_a_student_takes_the_weights_of_the_copy_that_was_trained_in_bfloat16(split, tmp_path):
    begin, exact = student().get_weights(), trained(split, tmp_path / "exact.npz")
    fast = trained(split, tmp_path / "own.npz", precision="bfloat16")
    assert not all(np.array_equal(one, other) for one, other in zip(exact, fast, strict=True))
    for one, other, before in zip(exact, fast, begin, strict=True):
        # Adam's steps differ by few of their own length.
        assert np.abs(other - one).max() < 0.5 * np.abs(one - before).max()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_goes_on_where_it_was_killed(split, tmp_path, monkeypatch, precision):
    whole = trained(split, tmp_path / "none.npz", precision=precision)
    monkeypatch.setattr(recovery, "STEPS_A_STRETCH", 2)
    seen = []

    def killed(step):
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(split, tmp_path / "own.npz", killed, precision)
    for one, other in zip(whole, trained(split, tmp_path / "own.npz", seen.append, precision), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert seen[0] == 5


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_behind_a_damaged_checkpoint_it_starts_anew_and_says_so(split, tmp_path, capsys, content):
    path = tmp_path / "own.npz"
    if content is None:
        # Of a training that is already over.
        np.savez(path, done=np.array(str(STEPS)), variable_0=np.zeros(3))
    else:
        path.write_bytes(content)
    seen = []
    trained(split, path, seen.append)
    assert seen == list(range(1, STEPS + 1))
    assert f"checkpoint {path} is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambda_": 1.5}, "lambda 1.5: expected a number from 0 to 1"),
        ({"temperature": 0.0}, "temperature 0.0: expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning rate nan: expected a number above 0"),
        ({"batch_size": 0}, "batch size 0: expected a whole number from 1"),
    ],
)
def test_settings_of_a_training_are_checked(options, message):
    with pytest.raises(compress.CompressionError, match=message):
        recovery.Training(**options)
