"""Modules that a process has to import before it loads a file."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kdsuite import compress, distill, models
from kdsuite.compress.inputs import problem_of
from kdsuite.compress.own_layers import modules_of

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import sys
import numpy as np
from kdsuite import compress
print(compress.logits(sys.argv[1], (np.zeros((1, 32, 32, 3)), None))[0, 0])
"""


def test_a_file_with_layers_of_this_package_loads_in_any_process(tmp_path):
    model = models.airbench((8, 8, 8), classes=3)
    distill.save_student(model, tmp_path / "model.keras")
    assert modules_of(model) == modules_of(tmp_path / "model.keras") == ["kdsuite.models.airbench"]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "model.keras")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = compress.logits(model, (np.zeros((1, 32, 32, 3)), None))[0, 0]
    np.testing.assert_allclose(float(done.stdout), expected, rtol=1e-5)


LAYERS = """
import keras

@keras.saving.register_keras_serializable("mine")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""
SAVE = """
import keras
from my_layers import Twice
inputs = keras.Input((8, 8, 3))
keras.Model(inputs, keras.layers.Flatten()(Twice()(inputs))).save("model.keras")
"""


def test_a_file_with_layers_that_nobody_imported_says_where_they_are(tmp_path):
    (tmp_path / "my_layers.py").write_text(LAYERS)
    subprocess.run([sys.executable, "-c", SAVE], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(compress.CompressionError, match=r"layers of its own from module my_layers: import them"):
        problem_of(tmp_path / "model.keras", "cifar10")
    with pytest.raises(compress.CompressionError, match=r"layers of its own from module my_layers: import them"):
        compress.logits(tmp_path / "model.keras", (np.zeros((1, 8, 8, 3)), None))


class Own(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred


def test_a_network_of_keras_layers_needs_no_module(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2")(inputs))
    model.compile(loss=Own())
    model.save(tmp_path / "model.keras")
    assert modules_of(model) == modules_of(tmp_path / "model.keras") == []
