import keras
import numpy as np
import pytest

import models


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        # The Keras example mnist_cnn.py prints this total.
        (lambda: models.mnist_cnn(), 1_199_882),
        # 3·3·32 + 32, then 13·13·32·128 + 128 after pooling, then 128·10 + 10.
        (lambda: models.mnist_cnn((32,)), 320 + 692_352 + 1_290),
        (lambda: models.mlp((10, 10)), 7_850 + 110 + 110),
        # Hinton 2015 §3: two hidden layers of 1200 and of 800.
        (lambda: models.mlp((1200, 1200)), 942_000 + 1_441_200 + 12_010),
        (lambda: models.mlp((800, 800)), 628_000 + 640_800 + 8_010),
    ],
)
def test_parameter_counts(build, parameters):
    assert build().count_params() == parameters


@pytest.mark.parametrize("build", [lambda: models.mlp((5,)), lambda: models.mnist_cnn((4,), 8)])
def test_models_take_raw_pixels_and_end_in_logits(build):
    model = build()
    logits = model(np.full((2, 28, 28, 1), 255, np.uint8)).numpy()
    assert model.layers[-1].name == "logits"
    assert model.layers[-1].activation is keras.activations.linear
    assert logits.shape == (2, 10)
    # 255 reaches the first weights as 1.
    np.testing.assert_allclose(model.get_layer("rescale")(np.full((1, 1), 255.0)), 1.0)


def test_layer_names_are_stable():
    first, second = models.mnist_cnn(), models.mnist_cnn()
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
