import keras
import numpy as np
import pytest
import tensorflow as tf
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


def nested(inside):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Activation("tanh")(inside(inputs)))


class Opaque(keras.Model):
    def __init__(self, inside):
        super().__init__()
        self.inside = inside
        self.build((None, 8, 8, 1))

    def build(self, input_shape):
        self.built = True

    def call(self, x, training=None):
        return self.inside(x, training=training)


@pytest.mark.parametrize("wrap", [nested, lambda model: nested(nested(model)), Opaque, lambda m: keras.Sequential([m])])
def test_nested_and_subclassed_models_as_flat_ones(small_split, wrap):
    flat, inside = network(dropout=0.5), network(dropout=0.5)
    assert distill.recalibrate(flat, small_split, batch_size=50) == 2
    assert distill.recalibrate(wrap(inside), small_split, batch_size=50) == 2
    for name in ("first", "second"):
        for one, other in zip(statistics(flat, name), statistics(inside, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
    assert inside.get_layer("first").momentum == 0.99
    assert "call" not in vars(inside.get_layer("first"))


def test_statistics_of_nested_models_are_read_and_set():
    model = nested(network())
    statistics_of_model = distill.moving_statistics(model)
    assert [len(mean) for mean, _ in statistics_of_model] == [1, 3]
    distill.set_moving_statistics(model, [(mean + 1, variance) for mean, variance in statistics_of_model])
    np.testing.assert_array_equal(distill.moving_statistics(model)[1][0], statistics_of_model[1][0] + 1)


def test_a_shared_layer_pools_its_calls(small_split):
    shared = layers.BatchNormalization()
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Add()([shared(inputs), shared(3 * inputs)]))
    distill.recalibrate(model, small_split, batch_size=120)
    values = np.concatenate([small_split.images, 3.0 * small_split.images])
    np.testing.assert_allclose(shared.moving_mean, [values.mean()], rtol=1e-5)
    np.testing.assert_allclose(shared.moving_variance, [values.var()], rtol=1e-5)


@pytest.mark.parametrize("kind", ["array", "pair", "examples", "batches"])
def test_any_data_will_do(small_split, kind):
    """Sums over all examples are the same in any order where one batch holds them all."""
    images, labels = small_split.images.astype(np.float32), small_split.labels
    data = {
        "array": images,
        "pair": (images, labels),
        "examples": tf.data.Dataset.from_tensor_slices((images, labels)),
        "batches": tf.data.Dataset.from_tensor_slices(images).batch(120),
    }[kind]
    model, other = network(), network()
    assert distill.recalibrate(model, data, batch_size=120) == 2
    distill.recalibrate(other, small_split, batch_size=120)
    np.testing.assert_allclose(statistics(model, "second"), statistics(other, "second"), rtol=1e-5)


@pytest.mark.parametrize("act", [distill.recalibrate, distill.teacher_outputs])
def test_no_examples_are_refused(small_split, act):
    with pytest.raises(distill.DistillationError, match="the data has no examples"):
        act(network(), small_split.images[:0])


def test_a_layer_that_a_forward_pass_does_not_reach_is_named(small_split):
    model = network()
    model.extra = layers.BatchNormalization(name="idle")
    model.extra.build((None, 3))
    before = statistics(model, "first")
    with pytest.raises(distill.DistillationError, match=r"batch norm 'idle' .* is not reached"):
        distill.recalibrate(model, small_split)
    for one, other in zip(before, statistics(model, "first"), strict=True):
        np.testing.assert_array_equal(one, other)
    model.extra.trainable = False
    assert distill.recalibrate(model, small_split) == 2
