import keras
import numpy as np
import pytest
import tensorflow as tf

from kdsuite import distill, models

BUILDERS = {
    "airbench": lambda: models.airbench((8, 16)),
    "resnet": lambda: models.resnet(8, 4),
    "vgg": lambda: models.vgg(((4, 4), (8,))),
}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (32, 32, 32, 3), np.uint8)


def step(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """All weights after one step of SGD on fixed labels."""
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(images, np.arange(len(images)) % 10)
    return model.get_weights()


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_a_float32_copy_trains_as_the_model_does(build, images):
    model = build()
    copy = models.fast_copy(model, "float32")
    assert copy is not model
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(step(copy, images), step(model, images), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_a_float32_copy_is_recalibrated_as_the_model_is(build, images):
    model = build()
    copy = models.fast_copy(model, "float32")
    assert distill.recalibrate(copy, images, batch_size=12) == distill.recalibrate(model, images, batch_size=12)
    for ours, theirs in zip(distill.moving_statistics(copy), distill.moving_statistics(model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_a_bfloat16_copy_keeps_weights_statistics_and_logits_in_float32(build, images):
    model = build()
    copy = models.fast_copy(model)
    logits = copy(images)
    assert logits.dtype == tf.float32
    assert {weight.dtype for weight in copy.weights} == {"float32"}
    assert copy.get_layer("pool").compute_dtype == "bfloat16"
    assert [weight.path for weight in copy.trainable_weights] == [weight.path for weight in model.trainable_weights]
    np.testing.assert_allclose(logits, model(images), atol=0.05 * np.abs(model(images)).max())


def test_the_models_own_weights_are_left_alone(images):
    model = BUILDERS["airbench"]()
    before = model.get_weights()
    step(models.fast_copy(model), images)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_where_no_layer_has_a_faster_twin_float32_is_left_to_the_model_itself():
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, activation="gelu")]
    # Batch norm of vectors is no operation of TensorFlow's.
    model = keras.Sequential([*layers, keras.layers.BatchNormalization(), keras.layers.Dense(2)])
    assert models.fast_copy(model, "float32") is model
    assert models.fast_copy(model, "bfloat16") is not model


def test_a_twin_within_an_inner_model_is_found(images):
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(BUILDERS["vgg"]()(inputs)))
    copy = models.fast_copy(model, "float32")
    assert copy is not model
    np.testing.assert_allclose(copy(images), model(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_copy_keeps_what_a_normalization_was_adapted_to(images, precision, tolerance):
    normalization = keras.layers.Normalization(axis=None)
    normalization.adapt(images)
    # Batch norm, so that there is a copy in float32 too.
    layers = [normalization, keras.layers.BatchNormalization(epsilon=0)]
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.Sequential(layers)(inputs))
    copy = models.fast_copy(model, precision)
    assert copy is not model
    np.testing.assert_allclose(copy(images), (images - images.mean()) / images.std(), atol=tolerance)


def test_an_inner_model_without_a_twin_is_copied_with_those_that_have_one(images):
    head = keras.Sequential([keras.Input((10,)), keras.layers.Dense(10)])
    whole = BUILDERS["vgg"]()
    model = keras.Model(whole.input, head(whole.output))
    before = head.get_weights()
    step(models.fast_copy(model, "float32"), images)
    for ours, theirs in zip(head.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_models_within_a_model_are_copied_as_it_is(images):
    inner = BUILDERS["vgg"]()
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    copy = models.fast_copy(model)
    copied = copy.get_layer(inner.name)
    assert copied is not inner
    assert copied.get_layer("pool").compute_dtype == "bfloat16"
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(copy(images), model(images), atol=0.05 * np.abs(model(images)).max())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_operations_that_are_no_layers_are_copied_too(images, precision):
    inner = BUILDERS["vgg"]()
    model = keras.Model(inner.input, keras.layers.Dense(2)(keras.ops.softmax(inner.output / 2)))
    copy = models.fast_copy(model, precision)
    assert copy is not model
    np.testing.assert_allclose(copy(images), model(images), atol=0.05 * np.abs(model(images)).max())


def test_layers_of_another_policy_keep_it():
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(2, 3, dtype="float64", name="exact")(inputs)
    copy = models.fast_copy(keras.Model(inputs, keras.layers.Flatten()(x)))
    assert copy.get_layer("exact").compute_dtype == "float64"


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        # Of a layer's author, who thought of float32 alone.
        return inputs * tf.constant(2.0)


def test_layers_of_others_compute_in_what_their_authors_gave_them(images):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.Conv2D(2, 3, name="next")(Doubled(name="doubled")(x))
    copy = models.fast_copy(keras.Model(inputs, keras.layers.Flatten()(x)))
    assert [copy.get_layer(name).compute_dtype for name in ("conv", "doubled", "next")] == [
        "bfloat16",
        "float32",
        "bfloat16",
    ]
    assert np.isfinite(copy(images)).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_compiled_gelu_has_keras_values_and_gradients(dtype):
    x = tf.constant(np.linspace(-6, 6, 97), tf.float32)
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Identity()(keras.layers.Activation("gelu", name="gelu")(inputs)))
    layer = models.fast_copy(model, dtype).get_layer("gelu")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = tf.cast(layer(tf.cast(x, dtype)), tf.float32)
        theirs = keras.activations.gelu(x, approximate=False)
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(ours, theirs, atol=tolerance, rtol=tolerance)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(theirs, x), atol=tolerance, rtol=tolerance)


def test_a_copy_keeps_masks_and_regularisers():
    """What masked steps hold reaches neither the mean over steps nor batch norm's statistics."""
    inputs = keras.Input((6,))
    x = keras.layers.Embedding(9, 8, mask_zero=True)(inputs)
    x = keras.layers.Activation("gelu", activity_regularizer="l2")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x)))
    copy = models.fast_copy(model, "float32")
    assert copy is not model
    tokens = np.array([[1, 2, 0, 0, 0, 0], [3, 4, 5, 6, 7, 0]])
    np.testing.assert_allclose(copy(tokens), model(tokens), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(copy.losses, model.losses, rtol=1e-5)

    steps = keras.Input((4, 5, 6))
    x = keras.layers.TimeDistributed(keras.layers.Identity())(keras.layers.Masking()(steps))
    masked = keras.Model(steps, keras.layers.BatchNormalization()(x))
    given = np.random.default_rng(0).normal(2, 1, (3, 4, 5, 6)).astype(np.float32)
    given[:, 2:] = 0
    ours = models.fast_copy(masked, "float32")(given, training=True)
    np.testing.assert_allclose(ours, masked(given, training=True), rtol=1e-4, atol=1e-5)
