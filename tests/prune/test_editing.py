"""Inserting and replacing layers, against networks built by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from tests.prune.networks import inputs_for, residual, sequence


def chain():
    return sequence((8, 8, 3), layers.Conv2D(4, 3, name="first"), layers.ReLU(name="relu"), layers.Flatten(name="flat"))


@pytest.mark.parametrize(("name", "where"), [("relu", "before"), ("first", "after")])
def test_a_batch_norm_is_put_between_two_layers(name, where):
    model = chain()
    norm = layers.BatchNormalization(name="norm")
    norm.build((None, 6, 6, 4))
    norm.set_weights([np.full(4, value) for value in (2.0, 1.0, 0.5, 3.0)])
    edited = prune.insert_layer(model, name, norm, where)
    assert [layer.name for layer in edited.layers][1:4] == ["first", "norm", "relu"]
    images = inputs_for(model)
    normed = (model.get_layer("first")(images) - 0.5) / np.sqrt(3.0 + norm.epsilon) * 2 + 1
    expected = model.get_layer("head")(model.get_layer("flat")(np.maximum(normed, 0)))
    np.testing.assert_allclose(edited(images), expected, rtol=1e-4, atol=1e-5)
    assert len(model.layers) == 4


def test_another_layer_takes_a_layers_place_and_what_no_longer_fits_is_new():
    model = chain()
    edited = prune.replace_layer(model, "first", layers.Conv2D(4, 3, strides=2, use_bias=False, name="strided"))
    assert [layer.name for layer in edited.layers][1:] == ["strided", "relu", "flat", "head"]
    assert edited.get_layer("head").kernel.shape == (36, 3)
    edited = prune.replace_layer(model, "relu", layers.Activation("tanh", name="relu"))
    # Under the old name, it is a new layer all the same.
    renewed = prune.replace_layer(model, "head", layers.Dense(3, kernel_initializer="zeros", name="head"))
    assert not np.any(renewed.get_layer("head").kernel)
    images = inputs_for(model)
    expected = model.get_layer("head")(model.get_layer("flat")(np.tanh(model.get_layer("first")(images))))
    np.testing.assert_allclose(edited(images), expected, rtol=1e-5, atol=1e-6)


def test_a_layer_stands_behind_an_input():
    inputs = {name: keras.Input((4,), name=name) for name in ("left", "right")}
    x = layers.Concatenate()([layers.Dense(3, name=f"{name}_dense")(x) for name, x in inputs.items()])
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    edited = prune.insert_layer(model, "right", layers.Rescaling(2.0, offset=1.0, name="scaled"), "after")
    left, right = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    expected = model({"left": left, "right": right * 2 + 1})
    np.testing.assert_allclose(edited({"left": left, "right": right}), expected, rtol=1e-6)
    assert set(edited.input) == {"left", "right"}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda model: prune.replace_layer(model, "third", layers.ReLU()), "no layer 'third': expected one of .*first"),
        (
            lambda model: prune.insert_layer(model, "first", layers.ReLU(), "behind"),
            "where 'behind': expected",
        ),
        (
            lambda model: prune.replace_layer(model, "second", layers.Conv2D(5, 3, name="narrow")),
            "'narrow' leaves layer 'add_two' with an unfit input",
        ),
        (
            lambda model: prune.insert_layer(model, model.layers[0].name, layers.ReLU(), "before"),
            "is an input: expected where='after'",
        ),
        (
            lambda model: prune.replace_layer(model, model.layers[0].name, layers.ReLU()),
            "is an input: expected a layer; insert_layer",
        ),
        (
            lambda model: prune.insert_layer(model, "first", layers.ReLU(name="second")),
            "has a layer 'second' already: give the new one another name",
        ),
        (
            lambda model: prune.insert_layer(model, "first", layers.ReLU(name="first")),
            "has a layer 'first' already",
        ),
        (
            lambda model: prune.replace_layer(model, "first", layers.ReLU(name="add_one")),
            "has a layer 'add_one' already",
        ),
        (
            lambda model: prune.insert_layer(model, "add_one", layers.ReLU()),
            "layer 'add_one' reads several tensors, or one by keyword: expected a layer that is called with one tensor",
        ),
        (
            lambda model: prune.insert_layer(model, model.layers[0].name, layers.Conv3D(2, 3, name="deep"), "after"),
            "'deep' leaves layer 'input.*' with an unfit input",
        ),
    ],
)
def test_refusals(act, message):
    with pytest.raises(prune.PruneError, match=message):
        act(residual())


@pytest.mark.parametrize("layer", [layers.GroupNormalization(2, name="new"), layers.LayerNormalization(name="new")])
def test_a_layer_without_masks_takes_the_place_of_one_with_them(layer):
    """Keras notes `mask=None` where it called the old one."""
    model = sequence((8, 8, 3), layers.Conv2D(4, 3), layers.BatchNormalization(name="old"), layers.Flatten())
    edited = prune.replace_layer(model, "old", layer)
    assert [one.name for one in edited.layers][2] == "new"
    pool = layers.GlobalAveragePooling1D()
    recurrent = sequence((5, 3), layers.Masking(), layers.LSTM(4, return_sequences=True, name="old"), pool)
    assert prune.replace_layer(recurrent, "old", layers.Dense(4, name="new")).count_params() < recurrent.count_params()
