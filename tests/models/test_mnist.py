import keras
import numpy as np
import pytest
import tensorflow as tf

from kdsuite import distill, models


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


def test_max_norm_holds_after_each_step():
    model = models.mlp((20, 10), input_shape=(6, 6, 1), classes=3, max_norm=0.5)
    distiller = distill.Distiller(model, lambda_=0.0)
    distiller.compile(keras.optimizers.SGD(0.5, momentum=0.9))
    random = np.random.default_rng(0)
    for _ in range(5):
        distiller.train_on_batch(random.integers(0, 256, (8, 6, 6, 1), np.uint8), random.integers(0, 3, 8))
        norms = [np.linalg.norm(model.get_layer(f"dense_{number}").kernel, axis=0) for number in (1, 2)]
        assert max(map(np.max, norms)) <= 0.5 + 1e-6
    assert max(map(np.max, norms)) > 0.5 - 1e-3
    assert np.linalg.norm(model.get_layer("logits").kernel, axis=0).max() > 0.5


def test_weight_decay_is_that_of_a_coupled_optimiser():
    model = models.mlp((4,), input_shape=(3, 3, 1), classes=2, weight_decay=0.1)
    for weight in model.trainable_weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    with tf.GradientTape() as tape:
        penalty = sum(model.losses)
    for gradient, weight in zip(tape.gradient(penalty, model.trainable_weights), model.trainable_weights, strict=True):
        np.testing.assert_allclose(gradient, 0.1 * weight.numpy(), rtol=1e-6)


def test_dropout_of_pixels_and_hidden_units():
    model = models.mlp((400,), input_shape=(20, 20, 1), dropout=(0.2, 0.5))
    names = ("dropout_pixels", "dense_1", "dropout_1")
    seen = keras.Model(model.input, [model.get_layer(name).output for name in names])
    pixels, hidden, dropped = (part.numpy() for part in seen(np.full((10, 20, 20, 1), 255, np.uint8), training=True))
    assert abs(np.mean(pixels == 0) - 0.2) < 0.03
    assert abs(np.mean(dropped[hidden > 0] == 0) - 0.5) < 0.05
