"""Refitted layers are least squares of what they read, and give again what the whole network gave where they can."""

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from kdsuite.prune import reconstruction
from kdsuite.prune.reconstruction import reconstruct
from tests.prune.networks import residual
from tests.prune.zeroing import randomise

NO_RIDGE = 1e-9


def images(count=64, shape=(8, 8, 3)):
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def outputs(model, x):
    return np.asarray(model(x, training=False))


def with_twins():
    """A network whose channels 4 to 7 of `first` are sums of channels 0 to 3, up to the activation."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="first")(inputs)
    x = layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="second")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="bn")(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)))
    randomise(model)
    kernel = model.get_layer("first").get_weights()[0]
    kernel[..., 4:] = kernel[..., :4] @ np.random.default_rng(1).normal(size=(4, 4))
    model.get_layer("first").set_weights([kernel])
    return model


def test_what_other_channels_tell_is_restored():
    model, x = with_twins(), images()
    deleted = {"first": [4, 5, 6, 7]}
    pruned = prune.delete_channels(model, deleted)
    assert np.abs(outputs(pruned, x) - outputs(model, x)).max() > 0.1
    assert reconstruct(model, pruned, deleted, x, ridge=NO_RIDGE) == ["first", "second", "head"]
    unseen = np.random.default_rng(5).normal(size=(16, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(outputs(pruned, unseen), outputs(model, unseen), atol=2e-3)


def test_a_dense_layer_is_numpys_least_squares():
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(7, activation="tanh", name="one"), layers.Dense(3, name="two")]
    )
    randomise(model)
    x = images(200, (6,))
    pruned = prune.delete_channels(model, {"one": [1, 5]})
    reconstruct(model, pruned, {"one": [1, 5]}, x, ridge=NO_RIDGE)
    read = np.delete(
        np.tanh(x @ model.get_layer("one").get_weights()[0] + model.get_layer("one").get_weights()[1]), [1, 5], 1
    )
    expected, *_ = np.linalg.lstsq(np.column_stack([read, np.ones(len(x))]), outputs(model, x), rcond=None)
    kernel, bias = pruned.get_layer("two").get_weights()
    np.testing.assert_allclose(kernel, expected[:-1], atol=1e-4)
    np.testing.assert_allclose(bias, expected[-1], atol=1e-4)


@pytest.mark.parametrize("rows", [20, 5], ids=["more rows than inputs", "fewer"])
def test_ridge_regression_minimises_its_sum(rows):
    rng = np.random.default_rng(0)
    x, target, before = rng.normal(size=(rows, 8)), rng.normal(size=(rows, 3)), rng.normal(size=(8, 3))
    after, shift = reconstruction._fit(x, target, before, 0.1, centred=False)
    penalty = 0.1 * np.trace(x.T @ x) / 8

    def gradient(matrix):
        return x.T @ (x @ matrix - target) + penalty * (matrix - before)

    np.testing.assert_allclose(gradient(after), 0, atol=1e-9)
    assert np.abs(gradient(before)).max() > 0.1
    assert not shift.any()


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, 3, padding="same"),
        layers.Conv2D(4, (2, 3), strides=2, padding="same"),
        layers.Conv2D(4, 3, strides=(2, 1), padding="valid"),
        layers.Conv2D(4, 3, dilation_rate=2, padding="same"),
        layers.Conv2D(4, 4, strides=3),
        layers.Dense(4),
    ],
)
def test_drawn_rows_times_the_kernel_are_what_the_layer_gives(layer):
    x = images(3, (11, 10, 2))
    given = np.asarray(layer(x))
    rows = reconstruction._rows(layer, keras.ops.convert_to_tensor(x), 10**6, 0)
    assert (len(x), *reconstruction._sizes(layer, x)) == given.shape[:-1]
    kernel = np.asarray(layer.kernel).reshape(-1, 4)
    np.testing.assert_allclose(rows @ kernel, given.reshape(-1, 4), atol=1e-5)


def test_other_dimensions():
    for layer, shape in ((layers.Conv1D(4, 3, strides=2, padding="same"), (9, 2)), (layers.Conv3D(4, 2), (5, 4, 3, 2))):
        x = images(3, shape)
        given = np.asarray(layer(x))
        rows = reconstruction._rows(layer, keras.ops.convert_to_tensor(x), 10**6, 0)
        np.testing.assert_allclose(rows @ np.asarray(layer.kernel).reshape(-1, 4), given.reshape(-1, 4), atol=1e-5)


def test_batch_norms_have_the_statistics_of_the_images_and_compute_what_they_did():
    model, x = residual(), images()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [0]})
    deleted = {name: list(gone) for name, gone in prune.deletion_report(model, {"first": [0]}).deleted.items()}
    reconstruct(model, pruned, deleted, x)
    norm = pruned.get_layer("bn")
    read = keras.Model(pruned.input, [pruned.get_layer("first").output, norm.output])
    before, after = (np.asarray(tensor) for tensor in read(x, training=False))
    np.testing.assert_allclose(norm.moving_mean, before.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, before.var((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(np.asarray(read(x, training=True)[1]), after, atol=1e-4)


def test_statistics_change_no_output():
    norm = layers.BatchNormalization(epsilon=0.1)
    norm.build((None, 4))
    norm.set_weights([np.random.default_rng(seed).uniform(0.5, 2, 4) for seed in range(4)])
    x = images(50, (4,))
    before = np.asarray(norm(x, training=False))
    reconstruction._take_statistics(norm, keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(np.asarray(norm(x, training=False)), before, atol=1e-5)
    np.testing.assert_allclose(norm.moving_mean, x.mean(0), atol=1e-6)


def test_a_shift_before_an_activation_is_not_taken_for_one_behind_it():
    inputs = keras.Input((6,))
    x = layers.Dense(7, activation="tanh", name="one")(inputs)
    x = layers.Dense(4, activation="relu", use_bias=False, name="two")(x)
    model = keras.Model(inputs, layers.Dense(3, name="head")(layers.BatchNormalization(name="bn")(x)))
    randomise(model)
    x = images(200, (6,))
    pruned = prune.delete_channels(model, {"one": [1, 5]})
    reconstruct(model, pruned, {"one": [1, 5]}, x)
    read = keras.Model(pruned.input, [pruned.get_layer("two").output, pruned.get_layer("bn").output])
    given, normalised = (np.asarray(tensor) for tensor in read(x, training=False))
    gamma, beta, mean, variance = (np.asarray(weight) for weight in model.get_layer("bn").weights)
    expected = (given - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(normalised, expected, atol=1e-4)


def test_an_uncut_network_stays_as_it_was():
    model, x = residual(), images()
    randomise(model)
    copy = prune.remove(model, [])
    assert set(reconstruct(model, copy, {}, x)) == {"shortcut", "first", "second", "head"}
    np.testing.assert_allclose(outputs(copy, x), outputs(model, x), atol=1e-4)


def test_layers_called_twice_and_causal_ones_are_left():
    inputs = keras.Input((9, 3))
    twice = layers.Dense(3, name="twice")
    x = layers.Conv1D(3, 2, padding="causal", name="causal")(twice(twice(inputs)))
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    assert reconstruct(model, prune.remove(model, []), {}, images(20, (9, 3))) == ["head"]


def test_augmentation_within_the_model_is_left_out():
    def network(*augmentation):
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                *augmentation,
                layers.Conv2D(6, 3, name="first", kernel_initializer=keras.initializers.GlorotUniform(0)),
                layers.Flatten(),
                layers.Dense(2, name="head", kernel_initializer=keras.initializers.GlorotUniform(1)),
            ]
        )

    x, deleted, refitted = images(), {"first": [1, 4]}, []
    for model in (network(), network(layers.RandomFlip(), layers.RandomRotation(0.2), layers.Dropout(0.5))):
        pruned = prune.delete_channels(model, deleted)
        reconstruct(model, pruned, deleted, x)
        refitted.append(pruned)
    np.testing.assert_allclose(outputs(refitted[1], x), outputs(refitted[0], x), atol=1e-5)


def test_no_more_images_than_fit(monkeypatch):
    model, x = with_twins(), images()
    seen = []
    monkeypatch.setattr(reconstruction, "TENSOR_BYTES", 10 * 4 * 8 * 8 * 8)
    monkeypatch.setattr(reconstruction, "_walk", lambda model, images, visit: seen.append(len(images)))
    reconstruct(model, prune.remove(model, []), {}, x)
    assert seen == [10, 10]


def test_two_inputs_are_refused():
    inputs = [keras.Input((3,)), keras.Input((3,))]
    model = keras.Model(inputs, layers.Add()(inputs))
    with pytest.raises(prune.PruneError, match="2 inputs: expected one"):
        reconstruct(model, model, {}, images(4, (3,)))


def test_a_batch_norm_that_two_convolutions_share_is_left_alone():
    """It has one moving mean, which cannot be shifted for both."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    norm = layers.BatchNormalization(name="norm")
    branches = [norm(layers.Conv2D(4, 3, use_bias=False, name=name)(x)) for name in ("left", "right")]
    joined = layers.Concatenate(name="joined")(branches)
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(joined)))
    randomise(model)
    deleted = {"stem": [0, 1, 2]}
    pruned = prune.delete_channels(model, deleted)
    moving = pruned.get_layer("norm").moving_mean.numpy()
    reconstruct(model, pruned, deleted, images())
    np.testing.assert_array_equal(pruned.get_layer("norm").moving_mean, moving)
