"""Softmax in disguise is found, and `to_logits` takes it off."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from scipy.special import softmax

from kdsuite import distill

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


def body():
    return [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(4, name="scores")]


def plain():
    keras.utils.set_random_seed(1)
    return keras.Sequential(body())


def activation():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(4, "softmax", name="scores")])


def softmax_layer():
    keras.utils.set_random_seed(1)
    return keras.Sequential([*body(), layers.Softmax()])


def activation_layer():
    keras.utils.set_random_seed(1)
    return keras.Sequential([*body(), layers.Activation("softmax")])


def nested():
    inputs = keras.Input((6,))
    return keras.Model(inputs, softmax_layer()(inputs))


def nested_twice():
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dropout(0.5)(nested()(inputs)))


def operation():
    model = plain()
    return keras.Model(model.inputs[0], ops.softmax(model.outputs[0]))


def reshaped():
    model = activation()
    return keras.Model(model.inputs[0], layers.Reshape((2, 2))(model.outputs[0]))


class Opaque(keras.Model):
    """A subclassed network: only its values tell what it gives."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside
        self.build((None, 6))

    def build(self, input_shape):
        self.built = True

    def get_config(self):
        return {"inside": keras.saving.serialize_keras_object(self.inside)}

    def call(self, x, training=None):
        return self.inside(x, training=training)


def opaque():
    return Opaque(activation())


def hidden():
    """A functional network whose last layer is one of ours."""
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Lambda(lambda x: ops.softmax(x))(plain()(inputs)))


SEEN = [activation, softmax_layer, activation_layer, nested, nested_twice, operation, reshaped]


@pytest.mark.parametrize("build", SEEN)
@pytest.mark.parametrize("role", ["student", "teacher"])
def test_softmax_that_layers_show_is_refused_at_once(build, role):
    models = {"student": plain(), "teacher": plain()} | {role: build()}
    with pytest.raises(distill.DistillationError, match=rf"the {role} .* ends in softmax .*to_logits\({role}\)"):
        distill.Distiller(**models)


@pytest.mark.parametrize("build", [opaque, hidden])
@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("as_dataset", [False, True])
def test_softmax_that_only_values_show_is_refused_before_the_first_step(build, role, as_dataset):
    distiller = distill.Distiller(**({"student": plain(), "teacher": plain()} | {role: build()}))
    distiller.compile("sgd")
    before = distiller.student.get_weights()
    data = (X, np.zeros(20, np.int64))
    data = (tf.data.Dataset.from_tensor_slices(data).batch(5),) if as_dataset else data
    with pytest.raises(distill.DistillationError, match=f"the {role} .* gives probabilities, its rows add up to 1"):
        distiller.fit(*data, verbose=0, shuffle=False)
    for one, other in zip(before, distiller.student.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_look_at_values_does_not_move_a_data_set_on():
    """A data set that is shuffled anew on each pass gives training its first order."""
    data = tf.data.Dataset.from_tensor_slices((X, np.arange(20) % 4)).shuffle(20, seed=3).batch(5)
    again = tf.data.Dataset.from_tensor_slices((X, np.arange(20) % 4)).shuffle(20, seed=3).batch(5)
    student, other = plain(), plain()
    distiller = distill.Distiller(student, lambda_=0.0)
    distiller.compile(keras.optimizers.SGD(0.1))
    distiller.fit(data, verbose=0, shuffle=False)
    other.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    other.fit(again, verbose=0, shuffle=False)
    for one, two in zip(student.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_open_sizes_of_a_data_set_are_those_of_the_model():
    def images():
        yield from ((np.zeros((6, 8, 1), np.float32), label % 4) for label in range(8))

    spec = tf.TensorSpec((None, None, 1)), tf.TensorSpec((), tf.int64)
    data = tf.data.Dataset.from_generator(images, output_signature=spec).batch(2)
    data = data.apply(tf.data.experimental.assert_cardinality(4))
    student, teacher = (keras.Sequential([keras.Input((6, 8, 1)), layers.Flatten(), layers.Dense(4)]) for _ in range(2))
    distiller = distill.Distiller(student, teacher)
    distiller.compile("sgd")
    assert len(distiller.fit(data, verbose=0, shuffle=False).history["loss"]) == 1


class Unnamed(Opaque):
    """One that does not say how it is built."""

    def get_config(self):
        raise NotImplementedError


def test_a_teacher_that_cannot_be_told_from_others_has_no_cache(tmp_path):
    with pytest.raises(distill.DistillationError, match=r"does not say how it is built.*get_config"):
        distill.teacher_outputs(Unnamed(plain()), X, cache=tmp_path)
    named = distill.teacher_outputs(Opaque(plain()), X, cache=tmp_path)
    np.testing.assert_allclose(named.arrays["logits"], plain()(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [*SEEN, opaque, hidden])
def test_no_cache_is_made_of_a_teachers_probabilities(build, tmp_path):
    with pytest.raises(distill.DistillationError, match=r"ends in softmax|are probabilities"):
        distill.teacher_outputs(build(), X, cache=tmp_path)


def test_outputs_made_by_hand_are_looked_at_too():
    with pytest.raises(distill.DistillationError, match="the teacher's logits are probabilities"):
        distill.TeacherOutputs({"logits": softmax(np.random.normal(size=(9, 4)), axis=1)}, "data")
    distill.TeacherOutputs({"logits": np.random.normal(size=(9, 4))}, "data")
    distill.TeacherOutputs({"logits": np.full((9, 1), 0.3)}, "data")


@pytest.mark.parametrize("build", [activation, softmax_layer, activation_layer, nested, nested_twice, operation])
def test_to_logits_takes_the_softmax_off_and_leaves_the_model(build):
    model = build()
    weights, before = model.get_weights(), np.array(model(X))
    logits = distill.to_logits(model)
    np.testing.assert_array_equal(model(X), before)
    for one, other in zip(weights, logits.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    given = np.array(logits(X))
    np.testing.assert_allclose(softmax(given, axis=1), before, rtol=1e-5)
    np.testing.assert_allclose(given, plain()(X), rtol=1e-5, atol=1e-6)
    distill.Distiller(plain(), logits)


def test_to_logits_keeps_what_a_normalization_was_adapted_to():
    normalization = layers.Normalization()
    normalization.adapt(3 + 5 * X)
    inside = keras.Sequential([keras.Input((6,)), normalization, layers.Dense(4, "softmax")])
    inputs = keras.Input((6,))
    kernel, bias = inside.layers[-1].get_weights()
    expected = (X - X.mean(0)) / X.std(0) @ kernel + bias
    for model in (inside, keras.Model(inputs, inside(inputs))):
        np.testing.assert_allclose(distill.to_logits(model)(3 + 5 * X), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inner", [lambda: layers.Dense(4, "softmax"), lambda: layers.Softmax()])
@pytest.mark.parametrize("as_functional", [False, True])
def test_to_logits_of_a_softmax_at_each_step(inner, as_functional):
    keras.utils.set_random_seed(2)
    steps = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((3, 4)), layers.Dense(4), layers.TimeDistributed(inner())])
    model = keras.Model(model.inputs[0], model.outputs[0]) if as_functional else model
    logits = np.array(distill.to_logits(model)(steps))
    np.testing.assert_allclose(softmax(logits, axis=-1), model(steps), rtol=1e-5)
    assert logits.min() < 0


def test_to_logits_of_a_reshaped_softmax_keeps_the_shape():
    logits = distill.to_logits(reshaped())
    np.testing.assert_allclose(logits(X), np.reshape(plain()(X), (20, 2, 2)), rtol=1e-5, atol=1e-6)


def test_to_logits_of_a_sigmoid_and_its_file(tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    logits = distill.to_logits(model)
    np.testing.assert_allclose(ops.sigmoid(logits(X)), model(X), rtol=1e-5)
    logits.save(tmp_path / "logits.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "logits.keras")(X), logits(X))
    with pytest.raises(distill.DistillationError, match=r"ends in sigmoid .*to_logits\(teacher\)"):
        distill.Distiller(keras.Sequential([keras.Input((6,)), layers.Dense(1)]), model)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (plain, "does not end in softmax or sigmoid"),
        (opaque, "is not functional"),
        (lambda: keras.Sequential([layers.Dense(4, "softmax")]), "is not functional"),
    ],
)
def test_to_logits_refuses(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        distill.to_logits(build())


def test_to_logits_refuses_several_outputs():
    inputs = keras.Input((6,))
    model = keras.Model(inputs, [layers.Dense(4, "softmax")(inputs), layers.Dense(2)(inputs)])
    with pytest.raises(distill.DistillationError, match="has 2 outputs: expected one"):
        distill.to_logits(model)


def shifted(x):
    return x + 1


def test_a_lambda_and_a_softmax_at_each_step_come_off():
    inputs = keras.Input((5, 6))
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(3), layers.Softmax()])
    model = keras.Model(inputs, layers.TimeDistributed(inner)(layers.Lambda(shifted)(inputs)))
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype(np.float32)
    np.testing.assert_allclose(softmax(distill.to_logits(model)(x), axis=-1), model(x), atol=1e-6)


def test_a_vocabulary_that_a_copy_would_lose_is_refused():
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(["a cat", "a dog"])
    inputs = keras.Input((), dtype="string")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(words(inputs)))
    with pytest.raises(distill.DistillationError, match="has its vocabulary from adapt"):
        distill.to_logits(keras.Model(inputs, layers.Dense(2, "softmax")(x)))


def test_data_of_open_sizes_train_a_network_that_the_sizes_we_draw_would_not_fit():
    """A first filter of 80 samples, where 8 are drawn."""
    inputs = keras.Input((None, 1))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 80, strides=16)(inputs))
    distiller = distill.Distiller(keras.Model(inputs, layers.Dense(2)(x)), lambda_=0.0, temperature=1.0)
    distiller.compile("sgd")
    sounds = tf.data.Dataset.from_generator(
        lambda: iter([(np.ones((2, 200, 1)), np.array([0, 1]))]),
        output_signature=(tf.TensorSpec((None, None, 1)), tf.TensorSpec((None,), tf.int64)),
    ).apply(tf.data.experimental.assert_cardinality(1))
    assert np.isfinite(distiller.fit(sounds, verbose=0, shuffle=False).history["loss"][0])
