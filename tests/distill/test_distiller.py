import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax, softmax

from kdsuite import distill

ROOT = Path(__file__).resolve().parents[2]


def network(seed, *, width=6, dropout=0.0, normalised=False, regularizer=None, classes=3):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(width, activation="relu", kernel_regularizer=regularizer)(x)
    if normalised:
        x = layers.BatchNormalization()(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes)(x))


def train(distiller, batches, epochs=2, metrics=("accuracy",), **arguments):
    distiller.compile(keras.optimizers.Adam(0.01), metrics=list(metrics), **arguments)
    return distiller.fit(batches, epochs=epochs, verbose=0, shuffle=False).history


def assert_same_weights(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def first_step_loss(student, teacher, images, labels, lambda_, temperature, sample_weight=None):
    """The loss of the design, in NumPy and float64, before any update."""
    student_logits = student(images, training=False).numpy().astype(np.float64)
    teacher_logits = teacher(images, training=False).numpy().astype(np.float64)
    hard = -log_softmax(student_logits, axis=1)[np.arange(len(labels)), labels]
    ratio = log_softmax(teacher_logits / temperature, axis=1) - log_softmax(student_logits / temperature, axis=1)
    soft = temperature**2 * np.sum(softmax(teacher_logits / temperature, axis=1) * ratio, axis=1)
    per_example = (1 - lambda_) * hard + lambda_ * soft
    return np.mean(per_example if sample_weight is None else sample_weight * per_example)


@pytest.mark.parametrize(("lambda_", "temperature"), [(0.3, 1.0), (0.5, 4.0), (0.9, 20.0), (1.0, 4.0), (0.0, 4.0)])
def test_loss_of_a_step_against_numpy(small_split, lambda_, temperature):
    student, teacher = network(1), network(2)
    expected = first_step_loss(student, teacher, small_split.images, small_split.labels, lambda_, temperature)
    distiller = distill.Distiller(student, teacher, lambda_=lambda_, temperature=temperature)
    history = train(distiller, small_split.batches(120), epochs=1)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_regularisers_and_sample_weights_count(small_split):
    student, teacher = network(1, regularizer=keras.regularizers.L2(0.1)), network(2)
    weight = np.random.default_rng(0).uniform(0, 2, 120).astype(np.float32)
    expected = first_step_loss(student, teacher, small_split.images, small_split.labels, 0.5, 4.0, weight)
    penalty = 0.1 * np.sum(student.layers[3].kernel.numpy() ** 2)
    data = tf.data.Dataset.from_tensors((small_split.images, small_split.labels, weight))
    history = train(distill.Distiller(student, teacher, lambda_=0.5, temperature=4.0), data, epochs=1)
    assert penalty > 0.1
    assert history["loss"][0] == pytest.approx(expected + penalty, rel=1e-5)


def test_lambda_0_is_plain_training_bit_for_bit(small_split):
    def student():
        return network(5, dropout=0.3, normalised=True, regularizer=keras.regularizers.L2(0.01))

    plain, distilled = student(), student()
    plain.compile(
        keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    plain.fit(small_split.batches(32), epochs=3, verbose=0, shuffle=False)
    train(distill.Distiller(distilled, network(2), lambda_=0.0), small_split.batches(32), epochs=3)
    assert_same_weights(plain.get_weights(), distilled.get_weights())


def test_lambda_1_never_sees_a_label(small_split):
    students = network(1), network(1)
    for student, labels in zip(students, (small_split.labels, 2 - small_split.labels), strict=True):
        data = tf.data.Dataset.from_tensor_slices((small_split.images, labels)).batch(40)
        train(distill.Distiller(student, network(2), lambda_=1.0), data)
    assert_same_weights(students[0].get_weights(), students[1].get_weights())


def test_cached_teacher_equals_live_teacher(small_split, tmp_path):
    teacher = network(2, normalised=True)
    outputs = distill.teacher_outputs(teacher, small_split, cache=tmp_path)
    live = train(distill.Distiller(network(1), teacher), small_split.batches(32, seed=3, epoch=0))
    for stored in (outputs, outputs.softened(4.0)):
        cached = train(distill.Distiller(network(1)), small_split.batches(32, seed=3, epoch=0, teacher=stored))
        np.testing.assert_allclose(cached["loss"], live["loss"], rtol=1e-6)
        assert cached["accuracy"] == live["accuracy"]


def test_outputs_softened_at_another_temperature_are_refused(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(2), small_split, cache=tmp_path).softened(2.0)
    with pytest.raises(distill.DistillationError, match=r"soft_targets at T = 2.*expected .* at T = 4"):
        train(distill.Distiller(network(1), temperature=4.0), small_split.batches(40, teacher=outputs))


def test_teacher_is_frozen_and_left_as_it_was(small_split):
    teacher = network(2, normalised=True, dropout=0.5)
    teacher.layers[2].trainable = False
    flags = [layer.trainable for layer in teacher.layers]
    before = [variable.numpy() for variable in teacher.variables]
    distiller = distill.Distiller(network(1), teacher)
    train(distiller, small_split.batches(32))
    distiller.evaluate(small_split.batches(32), verbose=0)
    assert_same_weights(before, [variable.numpy() for variable in teacher.variables])
    assert flags == [layer.trainable for layer in teacher.layers]
    assert not getattr(teacher, "compiled", False)


def test_only_the_student_is_tracked_and_learns(small_split):
    student, teacher = network(1), network(2)
    distiller = distill.Distiller(student, teacher)
    before = student.get_weights()
    train(distiller, small_split.batches(32))
    assert distiller.count_params() == student.count_params()
    assert len(distiller.trainable_variables) == len(student.trainable_variables)
    assert all(np.any(old != new) for old, new in zip(before, student.get_weights(), strict=True))


class Counter(layers.Layer):
    """Counts eager calls by training mode."""

    def __init__(self):
        super().__init__()
        self.calls = {True: 0, False: 0}

    def call(self, x, training=None):
        self.calls[bool(training)] += 1
        return x


def test_one_forward_of_student_and_teacher_a_step(small_split):
    counters = Counter(), Counter()
    student, teacher = (
        keras.Sequential([keras.Input((8, 8, 1)), counter, layers.Flatten(), layers.Dense(3)]) for counter in counters
    )
    distiller = distill.Distiller(student, teacher)
    distiller.compile("sgd", run_eagerly=True)
    for counter in counters:
        counter.calls = {True: 0, False: 0}
    distiller.fit(small_split.batches(40), verbose=0, shuffle=False)
    # Before the first step, each is called once more: do they give logits?
    assert counters[0].calls == {True: 3, False: 1}
    assert counters[1].calls == {True: 0, False: 4}


def test_student_trains_on_after_validation(small_split):
    student = network(1, normalised=True)
    moving_mean = student.layers[4].moving_mean
    distiller = distill.Distiller(student, network(2))
    distiller.compile("sgd", metrics=["accuracy"])
    seen = []
    for _ in range(2):
        distiller.fit(
            small_split.batches(60), validation_data=small_split.batches(60), epochs=1, verbose=0, shuffle=False
        )
        seen.append(moving_mean.numpy())
    distiller.evaluate(small_split.batches(60), verbose=0)
    assert np.any(seen[0] != seen[1])
    np.testing.assert_array_equal(seen[1], moving_mean.numpy())


def test_evaluate_is_the_students_cross_entropy_and_accuracy(small_split):
    student = network(1)
    logits = student(small_split.images, training=False).numpy().astype(np.float64)
    distiller = distill.Distiller(student, network(2), lambda_=0.7)
    distiller.compile("sgd", metrics=["accuracy"])
    loss, accuracy = distiller.evaluate(small_split.batches(50), verbose=0)
    on_batch = distiller.test_on_batch(small_split.images, small_split.labels, return_dict=True)
    assert on_batch == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-5)
    assert loss == pytest.approx(-log_softmax(logits, axis=1)[np.arange(120), small_split.labels].mean(), rel=1e-5)
    assert accuracy == pytest.approx(np.mean(logits.argmax(1) == small_split.labels))


def test_save_load_evaluate_and_continue(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(2), small_split, cache=tmp_path)
    batches = small_split.batches(40, teacher=outputs)
    distiller = distill.Distiller(network(1, normalised=True), lambda_=0.3, temperature=7.0)
    train(distiller, batches, steps_per_execution=2)
    distiller.save(tmp_path / "distiller.keras")
    loaded = keras.models.load_model(tmp_path / "distiller.keras")
    assert (loaded.lambda_, loaded.temperature, loaded.jit_compile) == (0.3, 7.0, False)
    assert loaded.steps_per_execution == 2
    evaluated = [model.evaluate(small_split.batches(40), verbose=0) for model in (distiller, loaded)]
    assert evaluated[0] == evaluated[1]
    for model in (distiller, loaded):
        model.fit(batches, epochs=2, verbose=0, shuffle=False)
    assert_same_weights(distiller.student.get_weights(), loaded.student.get_weights())


def test_a_loaded_distiller_takes_a_live_teacher_again(small_split, tmp_path):
    teacher = network(2)
    distiller = distill.Distiller(network(1), teacher)
    train(distiller, small_split.batches(40))
    distiller.save(tmp_path / "distiller.keras")
    loaded = keras.models.load_model(tmp_path / "distiller.keras")
    with pytest.raises(distill.DistillationError, match="no teacher"):
        loaded.fit(small_split.batches(40), verbose=0, shuffle=False)
    loaded.set_teacher(teacher)
    for model in (distiller, loaded):
        model.fit(small_split.batches(40), verbose=0, shuffle=False)
    assert_same_weights(distiller.student.get_weights(), loaded.student.get_weights())


def test_steps_per_execution_changes_nothing(small_split):
    students = network(1), network(1)
    for student, steps in zip(students, (1, 3), strict=True):
        train(distill.Distiller(student, network(2)), small_split.batches(25), steps_per_execution=steps)
    for one, other in zip(students[0].get_weights(), students[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_mixed_precision_keeps_the_loss_in_float32(small_split):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        student, teacher = network(1), network(2)
    finally:
        keras.config.set_dtype_policy("float32")
    expected = first_step_loss(student, teacher, small_split.images, small_split.labels, 0.5, 4.0)
    assert student.compute_dtype == "bfloat16"
    history = train(distill.Distiller(student, teacher), small_split.batches(120), epochs=1)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-2)


DISTRIBUTED = """
import keras, numpy as np, tensorflow as tf
from kdsuite import distill
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
random = np.random.default_rng(0)
images, labels = random.normal(size=(64, 5)).astype("float32"), random.integers(0, 3, 64)
def network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, kernel_regularizer="l2"), keras.layers.Dense(3)])
logits = network(3)(images).numpy()
def trained(scope, cached):
    with scope:
        distiller = distill.Distiller(network(1), None if cached else network(2), lambda_=0.3)
        distiller.compile(keras.optimizers.SGD(0.1), metrics=["accuracy"])
    targets = {"labels": labels, "teacher": {"logits": logits}} if cached else labels
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(32)
    loss = distiller.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"]
    return loss, distiller.student.get_weights()
import contextlib
for cached in (False, True):
    alone, together = trained(contextlib.nullcontext(), cached), trained(strategy.scope(), cached)
    np.testing.assert_allclose(alone[0], together[0], rtol=1e-5)
    for one, other in zip(alone[1], together[1]):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
"""


def test_two_replicas_train_as_one():
    subprocess.run([sys.executable, "-c", DISTRIBUTED], cwd=ROOT, check=True, capture_output=True, timeout=300)


def softmax_network():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: distill.Distiller(network(1), lambda_=1.5), r"lambda 1\.5"),
        (lambda: distill.Distiller(network(1), lambda_=float("nan")), "lambda nan"),
        (lambda: distill.Distiller(network(1), lambda_="half"), "lambda half: expected a number"),
        (lambda: distill.Distiller(network(1), "teacher.keras"), r"teacher 'teacher\.keras': expected a keras\.Model"),
        (lambda: distill.Distiller(network(1), [network(2), network(3)]), r"a list of \(weight, keras\.Model\)"),
        (lambda: distill.Distiller(network(1), [("1", network(2))]), r"weights of the teachers \['1'\]"),
        (lambda: distill.Distiller(network(1), hints=["conv"]), r"hint 'conv': expected a distill\.Hint"),
        (lambda: distill.Distiller(network(1), temperature=0), "temperature 0"),
        (lambda: distill.Distiller(network(1), network(2, classes=4)), "teacher has 4 outputs and the student 3"),
        (lambda: distill.Distiller(softmax_network()), "ends in softmax"),
        (lambda: distill.Distiller(network(1), softmax_network()), "ends in softmax"),
        (lambda: distill.Distiller(*[network(1)] * 2), "same model"),
        (
            lambda: distill.Distiller(network(1)).compile("adam", loss=keras.losses.SparseCategoricalCrossentropy()),
            "from_logits=True",
        ),
        (lambda: distill.Distiller(network(1)).compile("adam", loss="sparse_categorical_crossentropy"), "from_logits"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        build()


def test_what_training_would_change_is_not_shared_with_the_teacher(small_split):
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(6)(layers.Flatten()(inputs))
    x = layers.BatchNormalization(scale=False, center=False)(x)
    teacher, student = (keras.Model(inputs, layers.Dense(3)(x)) for _ in range(2))
    *first, normaliser, _ = teacher.layers
    with pytest.raises(distill.DistillationError, match=r"share 'dense.*/kernel', which training would change in both"):
        distill.Distiller(student, teacher)
    for layer in first:
        layer.trainable = False
    with pytest.raises(
        distill.DistillationError, match=r"share 'batch_norm.*/moving_mean', which training would change"
    ):
        distill.Distiller(student, teacher)
    normaliser.trainable = False
    before, head = teacher.get_weights(), student.layers[-1].get_weights()[0]
    train(distill.Distiller(student, teacher), small_split.batches(40))
    assert_same_weights(teacher.get_weights(), before)
    assert not np.array_equal(student.layers[-1].get_weights()[0], head)


def test_cached_outputs_of_another_width_are_refused(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(2, classes=4), small_split, cache=tmp_path)
    with pytest.raises(distill.DistillationError, match="4 outputs"):
        train(distill.Distiller(network(1)), small_split.batches(40, teacher=outputs))
