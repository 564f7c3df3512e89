"""A checkpoint brings everything back; a damaged one is said, removed, and never stops a trial."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from experiments.engine import checkpoints
from kdsuite import distill
from kdsuite.data.files import unfinished_path
from kdsuite.distill import files as distill_files

HISTORY = [{"epoch": 1, "loss": 0.5, "seconds": 1.0}]


def distiller(seed):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    made = distill.Distiller(keras.Sequential(layers), lambda_=0.0)
    made.compile("adam")
    made.optimizer.build(made.trainable_variables)
    return made


def values(made):
    return [variable.numpy().copy() for variable in checkpoints._variables(made)]


def test_weights_moments_and_random_state_come_back(tmp_path):
    first, second = distiller(0), distiller(1)
    first.fit(np.ones((8, 3)), np.zeros(8, int), verbose=0)
    checkpoints.save(tmp_path, first, HISTORY)
    assert checkpoints.restore(tmp_path, second, epochs=2) == HISTORY
    for one, other in zip(values(first), values(second), strict=True):
        np.testing.assert_array_equal(one, other)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def rewrite(path, change):
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(path, **arrays)


def lacking(path):
    rewrite(path, lambda arrays: arrays.pop("variable_1"))


def not_finite(path):
    rewrite(path, lambda arrays: arrays["variable_0"].fill(np.nan))


def other_shape(path):
    rewrite(path, lambda arrays: arrays.update(variable_0=np.zeros((7, 7), np.float32)))


def other_history(path):
    rewrite(path, lambda arrays: arrays.update(history=np.array(json.dumps({"epoch": 1}))))


def no_json(path):
    rewrite(path, lambda arrays: arrays.update(history=np.array("{")))


def too_long(path):
    rewrite(path, lambda arrays: arrays.update(history=np.array(json.dumps(3 * HISTORY))))


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage", [truncate, flip_bit, lacking, not_finite, other_shape, other_history, no_json, too_long, empty]
)
def test_a_damaged_checkpoint_starts_the_trial_anew(damage, tmp_path, capsys):
    checkpoints.save(tmp_path / "trial", distiller(0), HISTORY)
    damage(tmp_path / "trial" / checkpoints.NAME)
    made = distiller(1)
    before = values(made)
    assert checkpoints.restore(tmp_path / "trial", made, epochs=2) == []
    assert "is damaged" in capsys.readouterr().err
    assert not (tmp_path / "trial").exists()
    for one, other in zip(before, values(made), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_kills_left_is_swept_and_nothing_else(tmp_path):
    # A finished trial without a network, bbb, may be in the middle of a second training.
    for name in ("trials/aaa/checkpoint.npz", "trials/bbb/checkpoint.npz", "finished/bbb.npz", "networks/aaa.keras"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "finished" / unfinished_path(Path("ccc.npz")).name.replace(str(os.getpid()), "999999999")).write_bytes(
        b"x"
    )
    # What distill was writing goes too: its names are the same.
    with pytest.raises(ZeroDivisionError), distill_files.whole_file(tmp_path / "finished" / "ddd.npz") as path:
        killed = path.with_name(path.name.replace(str(os.getpid()), "999999999"))
        killed.write_bytes(b"x")
        raise ZeroDivisionError
    assert killed.exists() and not path.exists()
    checkpoints.sweep(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"trials/bbb/checkpoint.npz", "finished/bbb.npz", "networks/aaa.keras"}
