"""`fit` as users call it: order of the models, class weights, logs, callbacks, and the student's file."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax, softmax

from kdsuite import distill


def network(seed, width=6):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(width), layers.Dense(3)]
    )


def parts(student, teacher, split, temperature=4.0):
    z, t = (np.array(model(split.images), np.float64) for model in (student, teacher))
    hard = -log_softmax(z, 1)[np.arange(len(split)), split.labels]
    p = softmax(t / temperature, 1)
    return hard, temperature**2 * np.sum(p * (np.log(p) - log_softmax(z / temperature, 1)), 1)


def fitted(distiller, batches, **arguments):
    distiller.compile(keras.optimizers.SGD(1e-9), metrics=["accuracy"])
    return distiller.fit(batches, verbose=0, shuffle=False, **arguments).history


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("lambda_", [0.3, 1.0])
def test_logs_hold_both_losses(small_split, tmp_path, cached, lambda_):
    student, teacher = network(1), network(2)
    hard, soft = (part.mean() for part in parts(student, teacher, small_split))
    outputs = distill.teacher_outputs(teacher, small_split, cache=tmp_path) if cached else None
    distiller = distill.Distiller(student, None if cached else teacher, lambda_=lambda_)
    # Batches of 50, 50 and 20: means are over examples, not over batches.
    history = fitted(distiller, small_split.batches(50, teacher=outputs), validation_data=small_split.batches(50))
    assert history["soft_loss"][0] == pytest.approx(soft, rel=1e-4)
    assert history["loss"][0] == pytest.approx((1 - lambda_) * hard + lambda_ * soft, rel=1e-5)
    expected = {"loss", "soft_loss", "accuracy", "val_loss", "val_accuracy"} | ({"hard_loss"} if lambda_ < 1 else set())
    assert set(history) == expected
    assert history["val_loss"][0] == pytest.approx(hard, rel=1e-5)
    if lambda_ < 1:
        assert history["hard_loss"][0] == pytest.approx(hard, rel=1e-5)
    assert distiller.evaluate(small_split.batches(50), verbose=0) == pytest.approx(
        [hard, history["val_accuracy"][0]], rel=1e-5
    )


class CountsTraces(layers.Layer):
    """Passes its inputs on, and counts how often Python traces it in training."""

    traces = 0

    def call(self, inputs, training=None):
        self.traces += bool(training)
        return inputs


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("lambda_", [0.0, 0.5])
@pytest.mark.parametrize("given", ["batches", "arrays", "teacher's outputs"])
def test_the_first_step_is_traced_once(small_split, given, lambda_, several):
    """A step that makes variables, such as those of metrics, would be traced twice, for seconds of a large network."""
    counter = CountsTraces()
    inputs = keras.Input((8, 8, 1))
    x = counter(layers.Flatten()(inputs))
    outputs = {"first": layers.Dense(3, name="first")(x), "second": layers.Dense(2, name="second")(x)}
    student = keras.Model(inputs, outputs if several else outputs["first"])
    teacher = keras.models.clone_model(student)
    labels = small_split.labels
    if several:
        labels = {"first": labels, "second": labels % 2}
    if given == "arrays":
        data = (small_split.images, labels)
    else:
        targets = labels
        if given == "teacher's outputs":
            names = {"logits of output first": 3, "logits of output second": 2} if several else {"logits": 3}
            outputs = {name: np.ones((120, count), np.float32) for name, count in names.items()}
            targets = {"labels": labels, "teacher": outputs}
        data = (tf.data.Dataset.from_tensor_slices((small_split.images, targets)).batch(40),)
    distiller = distill.Distiller(student, teacher, lambda_=lambda_)
    metrics = {"first": ["accuracy"], "second": ["accuracy"]} if several else ["accuracy"]
    loss = {name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for name in ("first", "second")}
    distiller.compile(keras.optimizers.Adam(), loss=loss if several else None, metrics=metrics)
    history = distiller.fit(*data, batch_size=40 if given == "arrays" else None, verbose=0, shuffle=False).history
    assert counter.traces == 1
    assert {"first_accuracy", "second_accuracy"} <= set(history) if several else "accuracy" in history


def test_metrics_in_numpy_work_when_run_eagerly(small_split):
    seen = []

    def largest_label(labels, outputs):
        seen.append(labels.numpy().max())
        return tf.reduce_max(labels)

    distiller = distill.Distiller(network(1), network(2))
    distiller.compile(keras.optimizers.Adam(), metrics=[largest_label], run_eagerly=True)
    distiller.fit(small_split.batches(120), verbose=0, shuffle=False)
    assert seen == [small_split.labels.max()]


def test_one_reduction_for_both_losses_trains_as_two(small_split):
    """Sample weights, here of 1, take the way on which each loss is reduced by itself."""
    students, histories = (network(1), network(1)), []
    for student, weight in zip(students, ((), (np.ones(120, np.float32),)), strict=True):
        data = tf.data.Dataset.from_tensor_slices((small_split.images, small_split.labels, *weight)).batch(50)
        distiller = distill.Distiller(student, network(2), lambda_=0.3)
        distiller.compile(keras.optimizers.SGD(0.05))
        histories.append(distiller.fit(data, epochs=3, verbose=0, shuffle=False).history)
    for name in ("loss", "hard_loss", "soft_loss"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)
    for one, other in zip(students[0].get_weights(), students[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_plain_training_has_no_parts(small_split):
    assert set(fitted(distill.Distiller(network(1), lambda_=0.0), small_split.batches(50))) == {"loss", "accuracy"}


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weight_weighs_each_example_by_its_label(small_split, tmp_path, cached, one_hot):
    student, teacher = network(1), network(2)
    hard, soft = parts(student, teacher, small_split)
    weight = np.array([2.0, 0.25, 1.0])[small_split.labels]
    outputs = distill.teacher_outputs(teacher, small_split, cache=tmp_path) if cached else None
    batches = small_split.batches(120, teacher=outputs)
    distiller = distill.Distiller(student, None if cached else teacher, lambda_=0.4)
    loss = None
    if one_hot:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)

        def in_one_hot(y):
            return y | {"labels": tf.one_hot(y["labels"], 3)} if cached else tf.one_hot(y, 3)

        batches = batches.map(lambda x, y: (x, in_one_hot(y)))
    distiller.compile(keras.optimizers.SGD(1e-9), loss=loss)
    # A class that is not named weighs 1; in batches without a teacher Keras looks weights up, and wants all.
    class_weight = {0: 2.0, 1: 0.25} if cached else {0: 2.0, 1: 0.25, 2: 1.0}
    history = distiller.fit(batches, verbose=0, shuffle=False, class_weight=class_weight).history
    assert history["loss"][0] == pytest.approx(np.mean(weight * (0.6 * hard + 0.4 * soft)), rel=1e-5)


@pytest.mark.parametrize("shape", [(120,), (120, 1)])
def test_class_weight_and_sample_weights_of_any_shape_and_type_multiply(shape, small_split, tmp_path):
    """Weights (b, 1) beside (b,) labels would broadcast to (b, b)."""
    student, teacher = network(1), network(2)
    hard, soft = parts(student, teacher, small_split)
    given = np.random.default_rng(0).uniform(0.5, 2, 120)
    batches = small_split.batches(120, teacher=distill.teacher_outputs(teacher, small_split, cache=tmp_path))
    weighted = batches.map(lambda x, y: (x, y, tf.constant(given.reshape(shape))))
    distiller = distill.Distiller(student, lambda_=0.4)
    distiller.compile(keras.optimizers.SGD(1e-9))
    history = distiller.fit(weighted, verbose=0, shuffle=False, class_weight={0: 2.0, 1: 0.25}).history
    weight = given * np.array([2.0, 0.25, 1.0])[small_split.labels]
    assert history["loss"][0] == pytest.approx(np.mean(weight * (0.6 * hard + 0.4 * soft)), rel=1e-5)


def test_class_weight_weighs_each_position_by_its_label():
    """Labels (b, steps), and sample weights (b,) beside them; label −1 has no class."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 5, 4)).astype("float32"), random.integers(-1, 3, (6, 5))
    given = random.uniform(0.5, 2, 6).astype("float32")
    student, teacher = (keras.Sequential([keras.Input((5, 4)), layers.Dense(3)]) for _ in range(2))
    targets = {"labels": y, "teacher": {"logits": np.array(teacher(x))}}
    distiller = distill.Distiller(student, lambda_=0.0)
    distiller.compile(
        keras.optimizers.SGD(1e-9), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    )
    batches = tf.data.Dataset.from_tensors((x, targets, given))
    loss = distiller.fit(batches, verbose=0, shuffle=False, class_weight={0: 2.0, 2: 0.25}).history["loss"][0]
    weight = np.array([2.0, 1.0, 0.25, 1.0])[y] * given[:, None]
    hard = -np.take_along_axis(log_softmax(np.array(student(x)), -1), np.maximum(y, 0)[..., None], -1)[..., 0]
    assert loss == pytest.approx(np.sum(weight * hard * (y >= 0)) / np.sum(y >= 0), rel=1e-5)


@pytest.mark.parametrize("class_weight", [{}, {"cat": 1.0}, {-1: 2.0}])
def test_class_weight_of_no_class_is_refused(small_split, class_weight):
    with pytest.raises(distill.DistillationError, match=r"class_weight .*: expected a weight for each class number"):
        fitted(distill.Distiller(network(1), network(2)), small_split.batches(50), class_weight=class_weight)


def test_class_weight_of_several_labels_an_example_is_refused():
    x, y = np.zeros((4, 2), np.float32), np.zeros((4, 3), np.float32)
    distiller = distill.Distiller(keras.Sequential([keras.Input((2,)), layers.Dense(3)]))
    distiller.compile("sgd", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    batches = tf.data.Dataset.from_tensors((x, {"labels": y, "teacher": {"logits": y}}))
    with pytest.raises(distill.DistillationError, match="labels of one class each, otherwise sample weights"):
        distiller.fit(batches, verbose=0, shuffle=False, class_weight={0: 2.0})


def test_class_weight_at_lambda_1_is_refused(small_split):
    with pytest.raises(distill.DistillationError, match="class_weight needs labels, which lambda = 1 never sees"):
        fitted(distill.Distiller(network(1), network(2), lambda_=1.0), small_split.batches(50), class_weight={0: 2.0})


def test_keras_order_of_teacher_and_student_is_caught():
    large, small = network(1, width=60), network(2)
    with pytest.raises(distill.DistillationError, match=r"the student comes first.*4,\d\d\d.*keywords student="):
        distill.Distiller(large, small)
    assert distill.Distiller(small, large).student is small
    meant = distill.Distiller(student=large, teacher=small)
    assert (meant.student, meant.teacher) == (large, small)
    assert distill.Distiller(large, teacher=small).student is large


def test_a_little_larger_student_is_meant_unless_only_it_was_trained(small_split):
    student, teacher = network(1, width=7), network(2)
    assert distill.Distiller(student, teacher).student is student
    student.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    student.fit(small_split.batches(60), verbose=0, shuffle=False)
    with pytest.raises(distill.DistillationError, match="the student comes first"):
        distill.Distiller(student, teacher)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: distill.Distiller(network(1), network(2), teacher=network(3)), "given twice"),
        (lambda: distill.Distiller(network(1), student=network(2)), "given twice"),
        (
            lambda: distill.Distiller([(1.0, network(1))], network(2)),
            "a keras.Model, teachers come second",
        ),
        (lambda: distill.Distiller(teacher=network(1)), "student None: expected a keras.Model"),
    ],
)
def test_models_given_wrongly(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        build()


def test_tensorboard_writes_or_names_its_extra(small_split, tmp_path, monkeypatch):
    distiller = distill.Distiller(network(1), network(2))
    monkeypatch.setattr("kdsuite.distill.arguments.find_spec", lambda name: None)
    with pytest.raises(distill.DistillationError, match=r"pip install 'kdsuite\[tensorboard\]'"):
        fitted(distiller, small_split.batches(60), callbacks=[keras.callbacks.TensorBoard(tmp_path)])


def test_training_can_be_tried_again_after_a_refusal(small_split, tmp_path):
    distiller = distill.Distiller(network(1))
    with pytest.raises(distill.DistillationError, match="no teacher"):
        fitted(distiller, small_split.batches(60))
    outputs = distill.teacher_outputs(network(2), small_split, cache=tmp_path)
    assert fitted(distiller, small_split.batches(60, teacher=outputs))["loss"][0] > 0


def stored_names(path):
    names = []
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file, h5py.File(file) as weights:
        weights.visit(names.append)
    return names


@pytest.mark.parametrize("compiled_before", [False, True])
@pytest.mark.parametrize("functional", [False, True])
def test_a_students_file_holds_no_optimizer(small_split, tmp_path, compiled_before, functional):
    student = network(1)
    student = keras.Model(student.inputs[0], student.outputs[0]) if functional else student
    if compiled_before:
        student.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        student.fit(small_split.batches(60), verbose=0, shuffle=False)
    distiller = distill.Distiller(student, network(2))
    fitted(distiller, small_split.batches(60))
    distill.save_student(distiller, tmp_path / "student.keras")
    student.save(tmp_path / "plain.keras")
    assert not any("optimizer" in name for name in stored_names(tmp_path / "student.keras"))
    assert any("optimizer" in name for name in stored_names(tmp_path / "plain.keras")) == compiled_before
    loaded = keras.models.load_model(tmp_path / "student.keras")
    assert not loaded.compiled
    assert student.compiled == compiled_before
    np.testing.assert_array_equal(loaded(small_split.images), student(small_split.images))
    assert list(tmp_path.glob(".building*")) == []


def test_a_students_file_has_the_right_suffix(tmp_path):
    with pytest.raises(distill.DistillationError, match=r"expected a name that ends in \.keras"):
        distill.save_student(network(1), tmp_path / "student.h5")


def test_class_weight_beside_arrays_of_a_teachers_outputs_is_refused(small_split):
    distiller = distill.Distiller(network(1))
    distiller.compile(keras.optimizers.SGD(0.1))
    targets = {"labels": small_split.labels, "teacher": {"logits": np.zeros((len(small_split), 3), np.float32)}}
    with pytest.raises(distill.DistillationError, match="in arrays: expected batches in a"):
        distiller.fit(small_split.images, targets, class_weight={0: 2.0})
