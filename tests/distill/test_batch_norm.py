import keras
import numpy as np
from keras import layers

from kdsuite import distill


def network(dropout=0.0):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization(name="first")(inputs)
    x = layers.Conv2D(3, 3, name="conv")(x)
    x = layers.Dropout(dropout)(x)
    x = layers.BatchNormalization(name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3)(x))


def statistics(model, name):
    layer = model.get_layer(name)
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def test_statistics_equal_the_datas_own_mean_and_variance(small_split):
    model = network()
    assert distill.recalibrate(model, small_split, batch_size=32) == 2
    images = small_split.images.astype(np.float64)
    mean, variance = statistics(model, "first")
    np.testing.assert_allclose(mean, [images.mean()], rtol=1e-6)
    np.testing.assert_allclose(variance, [images.var()], rtol=1e-6)


def test_a_deeper_layer_sees_its_inputs_normalised_by_the_batch(small_split):
    """With the whole split as one batch that is the data's own normalisation."""
    model = network(dropout=0.5)
    distill.recalibrate(model, small_split, batch_size=120)
    images = small_split.images.astype(np.float32)
    normalised = (images - images.mean()) / np.sqrt(images.var() + model.get_layer("first").epsilon)
    inputs = model.get_layer("conv")(normalised).numpy().astype(np.float64)
    mean, variance = statistics(model, "second")
    np.testing.assert_allclose(mean, inputs.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(variance, inputs.var((0, 1, 2)), rtol=1e-4)


def test_nothing_else_changes(small_split):
    model = network()
    model.get_layer("second").trainable = False
    frozen = statistics(model, "second")
    trainable = [weight.numpy() for weight in model.trainable_weights]
    assert distill.recalibrate(model, small_split) == 1
    for before, after in zip(trainable, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(frozen, statistics(model, "second"), strict=True):
        np.testing.assert_array_equal(before, after)
    assert not getattr(model, "compiled", False)


def test_stale_statistics_after_a_short_training_are_mended(small_split):
    model = network()
    for layer in ("first", "second"):
        model.get_layer(layer).moving_mean.assign(np.full(model.get_layer(layer).moving_mean.shape, 1000.0))
    distill.recalibrate(model, small_split, batch_size=120)
    batch_statistics = model(small_split.images, training=True)
    np.testing.assert_allclose(model(small_split.images, training=False), batch_statistics, atol=1e-3)


def test_a_network_without_batch_norm_is_left_alone(small_split):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    assert distill.recalibrate(model, small_split) == 0
