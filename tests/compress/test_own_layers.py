"""Modules that a process has to import before it loads a file."""

import sys

import keras
import numpy as np
import pytest

from kdsuite import compress, distill, models
from kdsuite.compress.inputs import problem_of
from kdsuite.compress.own_layers import modules_of

LAYERS = """
import keras

@keras.saving.register_keras_serializable("mine")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


def forget(monkeypatch, module, registered):
    """As if this process had never imported a module with a registered class."""
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(keras.saving.get_custom_objects(), registered)


def test_a_file_with_layers_of_this_package_loads_in_any_process(tmp_path, monkeypatch):
    model = models.airbench((8, 8, 8), classes=3)
    path = tmp_path / "model.keras"
    distill.save_student(model, path)
    assert modules_of(model) == modules_of(path) == ["kdsuite.models.airbench"]
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    expected = compress.logits(model, (images, None))
    # The module is imported again below, and would take the function's place in its package for good.
    monkeypatch.setattr(models, "airbench", models.airbench)
    forget(monkeypatch, "kdsuite.models.airbench", "kdsuite>FrozenKernelConv2D")
    with pytest.raises(TypeError, match="FrozenKernelConv2D"):
        keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(compress.logits(path, (images, None)), expected, atol=1e-5)


def test_a_file_with_layers_that_nobody_imported_says_where_they_are(tmp_path, monkeypatch):
    (tmp_path / "my_layers.py").write_text(LAYERS)
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers  # pyright: ignore[reportMissingImports]

    inputs = keras.Input((8, 8, 3))
    path = tmp_path / "model.keras"
    keras.Model(inputs, keras.layers.Flatten()(my_layers.Twice()(inputs))).save(path)
    forget(monkeypatch, "my_layers", "mine>Twice")
    with pytest.raises(compress.CompressionError, match=r"layers of its own from module my_layers: import them"):
        problem_of(path, "cifar10")
    with pytest.raises(compress.CompressionError, match=r"layers of its own from module my_layers: import them"):
        compress.logits(path, (np.zeros((1, 8, 8, 3)), None))


@keras.saving.register_keras_serializable("tests")
def thirded(pixels):
    return pixels / 3


def test_a_registered_function_is_known_to_the_fresh_process(small_split):
    layers = [keras.layers.Lambda(thirded), keras.layers.Conv2D(2, 3, activation=thirded), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Dense(3)])
    assert modules_of(model) == [__name__]
    reference = compress.logits(model, small_split)
    assert compress.measure(model, small_split, reference, turns=5).agreement == 1


class Own(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred


def test_a_network_of_keras_layers_needs_no_module(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2")(inputs))
    model.compile(loss=Own())
    model.save(tmp_path / "model.keras")
    assert modules_of(model) == modules_of(tmp_path / "model.keras") == []
