"""Inserting and replacing layers, against networks built by hand."""

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
    images = inputs_for(model)
    expected = model.get_layer("head")(model.get_layer("flat")(np.tanh(model.get_layer("first")(images))))
    np.testing.assert_allclose(edited(images), expected, rtol=1e-5, atol=1e-6)


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
    ],
)
def test_refusals(act, message):
    with pytest.raises(prune.PruneError, match=message):
        act(residual())
