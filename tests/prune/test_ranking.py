"""Scores of channels against NumPy, finite differences and kerassurgeon, and shrinking to a target."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kdsuite import prune
from kdsuite.prune.carry import kerassurgeon
from kdsuite.prune.groups import Channels
from tests.prune.zeroing import randomise


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((10, 10, 2))
    x = layers.Conv2D(6, 3, use_bias=False, name="first")(inputs)
    x = layers.Activation("relu", name="relu")(layers.BatchNormalization(name="bn")(x))
    x = layers.SeparableConv2D(5, 3, activation="relu", name="second")(x)
    x = layers.Dense(7, name="third")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    randomise(model)
    return model


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    images, labels = random.normal(size=(24, 10, 10, 2)).astype("float32"), random.integers(0, 3, 24)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(10)


def arrays(data):
    images, labels = zip(*data, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_l1_is_the_sum_of_the_absolute_weights_that_make_the_channel(model):
    scores = prune.channel_scores(model, ["first", "second", "third"])
    np.testing.assert_allclose(scores["first"], np.abs(model.get_layer("first").kernel).sum((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(
        scores["second"], np.abs(model.get_layer("second").pointwise_kernel).sum((0, 1, 2)), rtol=1e-6
    )
    np.testing.assert_allclose(scores["third"], np.abs(model.get_layer("third").kernel).sum(0), rtol=1e-6)
    ranked = prune.rank_channels(model, "first")
    assert list(scores["first"][ranked]) == sorted(scores["first"])


@pytest.mark.parametrize(("layer", "gates"), [(layers.LSTM, 4), (layers.GRU, 3), (layers.SimpleRNN, 1)])
def test_l1_of_a_recurrent_layer_sums_over_its_gates(layer, gates):
    model = keras.Sequential([keras.Input((5, 3)), layer(4, name="first"), layers.Dense(2)])
    kernel = model.get_layer("first").get_weights()[0]
    expected = [np.abs(kernel[:, [unit + 4 * gate for gate in range(gates)]]).sum() for unit in range(4)]
    np.testing.assert_allclose(prune.channel_scores(model, ["first"])["first"], expected, rtol=1e-6)


def test_l1_of_a_transposed_convolution():
    model = keras.Sequential([keras.Input((5, 5, 3)), layers.Conv2DTranspose(4, 3, name="first"), layers.Conv2D(2, 3)])
    expected = np.abs(model.get_layer("first").kernel).sum((0, 1, 3))
    np.testing.assert_allclose(prune.channel_scores(model, ["first"])["first"], expected, rtol=1e-6)


def test_apoz_is_the_share_of_zeros_behind_batch_norm_and_activation(model, data):
    scores = prune.channel_scores(model, ["first", "second", "third"], data, "apoz")
    images, _ = arrays(data)
    relu = keras.Model(model.input, model.get_layer("relu").output)(images).numpy()
    np.testing.assert_allclose(1 - scores["first"], (relu == 0).mean((0, 1, 2)), rtol=1e-5)
    assert 0 < scores["first"].min() < scores["first"].max() < 1
    second = model.get_layer("second").output
    np.testing.assert_allclose(
        1 - scores["second"], (keras.Model(model.input, second)(images).numpy() == 0).mean((0, 1, 2)), rtol=1e-5
    )
    np.testing.assert_array_equal(scores["third"], 1)


def test_apoz_equals_that_of_kerassurgeon(model, data):
    identify = kerassurgeon("identify")
    import tf_keras

    theirs = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2D(6, 3, use_bias=False, input_shape=(10, 10, 2), name="first"),
            tf_keras.layers.BatchNormalization(),
            tf_keras.layers.Activation("relu"),
        ]
    )
    theirs.set_weights(model.get_layer("first").get_weights() + model.get_layer("bn").get_weights())
    images, _ = arrays(data)
    expected = identify.get_apoz(theirs, "first", images)
    np.testing.assert_allclose(1 - prune.channel_scores(model, ["first"], data, "apoz")["first"], expected, rtol=1e-5)


def test_taylor_is_the_change_of_the_loss_when_a_channel_is_scaled(model, data):
    """∂loss/∂gate at gate = 1 is the sum over positions of z ∂loss/∂z, here by finite differences."""
    scores = prune.channel_scores(model, ["first"], data, "taylor")["first"]
    images, labels = arrays(data)
    rest = keras.Model(model.get_layer("relu").output, model.output)
    z = keras.Model(model.input, model.get_layer("relu").output)(images).numpy().astype("float64")
    losses = []
    for step in (0.01, -0.01):
        for channel in range(6):
            gate = np.ones(6)
            gate[channel] += step
            loss = keras.losses.sparse_categorical_crossentropy(labels, rest(z * gate), from_logits=True)
            losses.append(np.array(loss, "float64"))
    losses = np.reshape(losses, (2, 6, 24))
    derivative = (losses[0] - losses[1]) / 0.02
    np.testing.assert_allclose(scores, np.abs(derivative).mean(-1) / 64, rtol=2e-2)


def test_taylor_reads_probabilities_and_frozen_layers(model, data):
    expected = prune.channel_scores(model, ["first", "second"], data, "taylor")
    softmax = keras.Model(model.input, layers.Softmax()(model.output))
    softmax.trainable = False
    scores = prune.channel_scores(softmax, ["first", "second"], data, "taylor")
    for name in expected:
        np.testing.assert_allclose(scores[name], expected[name], rtol=1e-3)


def test_random_scores_are_reproducible_and_differ_by_layer_and_seed(model):
    first = prune.channel_scores(model, ["first", "second"], criterion="random", seed=1)
    again = prune.channel_scores(model, ["second", "first"], criterion="random", seed=1)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.isin(first["first"], first["second"]).any()
    other = prune.channel_scores(model, ["first"], criterion="random", seed=2)
    assert not np.array_equal(other["first"], first["first"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ["first"], "criterion": "l2"}, "criterion 'l2': expected 'l1', 'apoz', 'taylor' or 'random'"),
        ({"layers": ["first"], "criterion": "apoz"}, "criterion 'apoz' needs data"),
        ({"layers": ["relu"]}, "no channels in layer 'relu': expected one of first, second, third, logits"),
        ({"layers": ["first"], "criterion": "taylor", "data": []}, "the data hold no batches"),
    ],
)
def test_bad_scores(model, arguments, message):
    with pytest.raises(prune.PruneError, match=message):
        prune.channel_scores(model, **arguments)


def test_costs_are_known_before_the_surgery(model):
    deleted = {"first": [0, 4], "second": [1], "third": [2, 3, 6]}
    channels = Channels(model)
    numbers = [int(channels.given[name][channel]) for name, indices in deleted.items() for channel in indices]
    pruned = prune.delete_channels(model, deleted)
    for layer in model.layers:
        expected = [tuple(weight.shape) for weight in pruned.get_layer(layer.name).weights]
        assert channels.shapes_without(layer, numbers) == expected


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize(("target", "cost"), [("params", keras.Model.count_params), ("macs", prune.macs)])
@pytest.mark.parametrize("criterion", ["l1", "taylor"])
def test_shrink_reaches_its_target(criterion, target, cost, scope):
    model = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=3, classifier_activation=None
    )
    random = np.random.default_rng(0)
    data = [(random.normal(size=(4, 32, 32, 3)).astype("float32"), random.integers(0, 3, 4))]
    pruned = prune.shrink(model, data, keep=0.5, criterion=criterion, scope=scope, target=target)
    assert cost(pruned) / cost(model) == pytest.approx(0.5, rel=0.02)
    shares = [pruned.get_layer(f"conv_pw_{n}").filters / model.get_layer(f"conv_pw_{n}").filters for n in range(5, 14)]
    assert (max(shares) - min(shares) < 0.02) == (scope == "layer")


def test_shrink_takes_the_least_important_first():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10, name="first"), layers.Dense(2, name="logits")])
    pruned = prune.shrink(model, keep=0.511)
    kept = np.sort(prune.rank_channels(model, "first")[5:])
    np.testing.assert_array_equal(pruned.get_layer("first").kernel, model.get_layer("first").kernel.numpy()[:, kept])
    np.testing.assert_array_equal(pruned.get_layer("logits").kernel, model.get_layer("logits").kernel.numpy()[kept])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep": 1.0}, "keep 1.0: expected a share between 0 and 1"),
        ({"keep": 0.01}, "keep 0.01 of the params is out of reach: the nearest is 0.1"),
        ({"scope": "block"}, "scope 'block': expected 'global' or 'layer'"),
        ({"target": "bytes"}, "target 'bytes': expected 'params' or 'macs'"),
    ],
)
def test_bad_shrink(arguments, message):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10), layers.Dense(2)])
    with pytest.raises(prune.PruneError, match=message):
        prune.shrink(model, **arguments)


def test_nothing_to_shrink():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10)], name="linear")
    with pytest.raises(prune.PruneError, match="model 'linear' has no channels that can be deleted"):
        prune.shrink(model)
