"""Binary, multi-label, dense and several outputs: losses of a step against NumPy, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, losses
from scipy.special import expit, log_softmax, rel_entr, softmax

from kdsuite import distill

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(24, 6)).astype(np.float32)
T = 3.0


def dense(outputs, seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(outputs)])


def logits(model, x=X):
    return np.array(model(x, training=False), np.float64)


def categorical(y, z):
    return -np.take_along_axis(log_softmax(z, -1), y[..., None], -1)[..., 0]


def softmax_kl(teacher, student):
    p = softmax(teacher / T, -1)
    return T**2 * np.sum(p * (np.log(p) - log_softmax(student / T, -1)), -1)


def binary(y, z):
    return np.mean(np.log1p(np.exp(-z)) * y + np.log1p(np.exp(z)) * (1 - y), -1)


def bernoulli_kl(teacher, student):
    p, q = expit(teacher / T), expit(student / T)
    return T**2 * np.mean(rel_entr(p, q) + rel_entr(1 - p, 1 - q), -1)


def first_logs(distiller, x, y, sample_weight=None, **compiled):
    distiller.compile(keras.optimizers.SGD(1e-9), **compiled)
    data = (x, y) if sample_weight is None else (x, y, sample_weight)
    history = distiller.fit(tf.data.Dataset.from_tensors(data), verbose=0, shuffle=False).history
    return {name: values[0] for name, values in history.items()}


BINARY = losses.BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(("outputs", "shape"), [(1, (24,)), (1, (24, 1)), (4, (24, 4))])
def test_binary_and_multi_label_against_numpy(outputs, shape):
    y = RANDOM.integers(0, 2, shape)
    student, teacher = dense(outputs, 1), dense(outputs, 2)
    hard = binary(y.reshape(24, -1), logits(student)).mean()
    soft = bernoulli_kl(logits(teacher), logits(student)).mean()
    logs = first_logs(distill.Distiller(student, teacher, lambda_=0.3, temperature=T), X, y, loss=BINARY)
    assert logs["hard_loss"] == pytest.approx(hard, rel=1e-5)
    assert logs["soft_loss"] == pytest.approx(soft, rel=1e-4)
    assert logs["loss"] == pytest.approx(0.7 * hard + 0.3 * soft, rel=1e-5)


def test_a_student_of_one_logit_learns_from_its_teacher_alone():
    student, teacher = dense(1, 1), dense(1, 2)
    distiller = distill.Distiller(student, teacher, lambda_=1.0, temperature=T)
    distiller.compile(keras.optimizers.Adam(0.05), loss=BINARY)
    history = distiller.fit(X, np.zeros(24), epochs=60, verbose=0, shuffle=False).history["loss"]
    assert history[-1] < 0.05 * history[0]
    np.testing.assert_allclose(expit(logits(student)), expit(logits(teacher)), atol=0.1)


@pytest.mark.parametrize("soft_loss", ["sigmoid", distill.bernoulli_loss])
def test_the_caller_may_name_the_loss(soft_loss):
    y = RANDOM.integers(0, 2, (24, 4)).astype(np.float32)
    soft = bernoulli_kl(logits(dense(4, 2)), logits(dense(4, 1))).mean()
    distiller = distill.Distiller(dense(4, 1), dense(4, 2), soft_loss=soft_loss, lambda_=0.3, temperature=T)
    logs = first_logs(distiller, X, y, loss=losses.MeanSquaredError())
    assert logs["soft_loss"] == pytest.approx(soft, rel=1e-4)
    assert logs["hard_loss"] == pytest.approx(np.mean((logits(dense(4, 1)) - y) ** 2), rel=1e-5)


def segmenter(seed, channels=3):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(channels, 1)])


IMAGES = RANDOM.normal(size=(10, 8, 8, 1)).astype(np.float32)


@pytest.mark.parametrize("weights", [None, "example", "position"])
def test_segmentation_is_a_mean_over_positions(weights):
    y = RANDOM.integers(0, 3, (10, 8, 8))
    student, teacher = logits(segmenter(1), IMAGES), logits(segmenter(2), IMAGES)
    weight = {None: None, "example": RANDOM.uniform(size=10), "position": RANDOM.uniform(size=(10, 8, 8))}[weights]
    spread = 1 if weight is None else weight.reshape(10, *(8, 8) if weights == "position" else (1, 1))
    hard, soft = np.mean(spread * categorical(y, student)), np.mean(spread * softmax_kl(teacher, student))
    distiller = distill.Distiller(segmenter(1), segmenter(2), temperature=T)
    logs = first_logs(distiller, IMAGES, y, weight)
    assert logs["hard_loss"] == pytest.approx(hard, rel=1e-5)
    assert logs["soft_loss"] == pytest.approx(soft, rel=1e-4)


def test_ignored_pixels_count_for_no_label():
    y = RANDOM.integers(0, 3, (10, 8, 8))
    y[RANDOM.uniform(size=y.shape) < 0.4] = 9
    student = logits(segmenter(1), IMAGES)
    hard = categorical(np.minimum(y, 2), student)[y != 9].mean()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)
    logs = first_logs(distill.Distiller(segmenter(1), segmenter(2)), IMAGES, y, loss=loss)
    assert logs["hard_loss"] == pytest.approx(hard, rel=1e-5)


def tagger(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(stddev=50.0)),
        ]
    )


def test_masked_steps_of_a_sequence_do_not_count():
    words, y = RANDOM.integers(0, 9, (12, 7)), RANDOM.integers(0, 3, (12, 7))
    student, teacher = logits(tagger(1), words), logits(tagger(2), words)
    logs = first_logs(distill.Distiller(tagger(1), tagger(2), temperature=T), words, y)
    assert logs["hard_loss"] == pytest.approx(categorical(y, student)[words > 0].mean(), rel=1e-5)
    assert logs["soft_loss"] == pytest.approx(softmax_kl(teacher, student)[words > 0].mean(), rel=1e-4)


def two_headed(seed, as_dict):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6,))
    x = layers.Dense(8, "tanh")(inputs)
    heads = {"kind": layers.Dense(3, name="kind")(x), "tags": layers.Dense(4, name="tags")(x)}
    return keras.Model(inputs, heads if as_dict else list(heads.values()))


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("cached", [False, True])
def test_several_outputs_have_a_loss_each(as_dict, cached, tmp_path):
    kind, tags = RANDOM.integers(0, 3, 24), RANDOM.integers(0, 2, (24, 4))
    student, teacher = two_headed(1, as_dict), two_headed(2, as_dict)

    def heads(model):
        given = model(X)
        return [np.array(part, np.float64) for part in (given.values() if as_dict else given)]

    (student_kind, student_tags), (teacher_kind, teacher_tags) = heads(student), heads(teacher)
    hard = 2.0 * categorical(kind, student_kind).mean() + 0.5 * binary(tags, student_tags).mean()
    soft = 2.0 * softmax_kl(teacher_kind, student_kind).mean() + 0.5 * bernoulli_kl(teacher_tags, student_tags).mean()
    y = {"kind": kind, "tags": tags} if as_dict else (kind, tags)
    compiled = {"kind": losses.SparseCategoricalCrossentropy(from_logits=True), "tags": BINARY}
    weights = {"kind": 2.0, "tags": 0.5}
    if not as_dict:
        compiled, weights = list(compiled.values()), list(weights.values())
    distiller = distill.Distiller(student, None if cached else teacher, lambda_=0.4, temperature=T)
    data = tf.data.Dataset.from_tensor_slices((X, y))
    if cached:
        data = distill.teacher_outputs(teacher, X, cache=tmp_path).softened(T).attach(data)
    distiller.compile(keras.optimizers.SGD(1e-9), loss=compiled, loss_weights=weights)
    if cached:
        with pytest.raises(distill.DistillationError, match="expected logits of output"):
            distiller.fit(data.batch(24), verbose=0, shuffle=False)
        data = distill.teacher_outputs(teacher, X, cache=tmp_path).attach(tf.data.Dataset.from_tensor_slices((X, y)))
    logs = distiller.fit(data.batch(24), verbose=0, shuffle=False).history
    assert logs["hard_loss"][0] == pytest.approx(hard, rel=1e-5)
    assert logs["soft_loss"][0] == pytest.approx(soft, rel=1e-4)
    assert logs["loss"][0] == pytest.approx(0.6 * hard + 0.4 * soft, rel=1e-5)
    assert distiller.evaluate(X, y, verbose=0, batch_size=24, return_dict=True)["loss"] == pytest.approx(hard, rel=1e-5)


@pytest.mark.parametrize("loss", [BINARY, losses.SparseCategoricalCrossentropy(from_logits=True)])
def test_lambda_0_is_plain_training_for_other_outputs_too(loss):
    y = RANDOM.integers(0, 2, (24, 3)) if loss is BINARY else RANDOM.integers(0, 3, 24)
    plain, student = dense(3, 1), dense(3, 1)
    plain.compile(keras.optimizers.Adam(0.01), loss=loss, jit_compile=False)
    distiller = distill.Distiller(student, dense(3, 2), lambda_=0.0)
    distiller.compile(keras.optimizers.Adam(0.01), loss=loss)
    for model in (plain, distiller):
        model.fit(X, y, epochs=3, batch_size=10, verbose=0, shuffle=False)
    for one, other in zip(plain.get_weights(), student.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class Opaque(keras.Model):
    """A subclassed network: nothing of its inside can be seen."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def call(self, x, training=None):
        return self.inside(x, training=training)


def test_subclassed_models_are_distilled_whole():
    y = RANDOM.integers(0, 3, 24)
    expected = first_logs(distill.Distiller(dense(3, 1), dense(3, 2), temperature=T), X, y)
    logs = first_logs(distill.Distiller(Opaque(dense(3, 1)), Opaque(dense(3, 2)), temperature=T), X, y)
    assert logs == pytest.approx(expected, rel=1e-6)
    with pytest.raises(distill.DistillationError, match="4 outputs and the student 3"):
        first_logs(distill.Distiller(Opaque(dense(3, 1)), Opaque(dense(4, 2))), X, y)


@pytest.mark.parametrize("loss", [distill.DKD(), distill.DIST(), distill.StandardisedKD(), distill.RKD()])
def test_other_losses_train_and_are_saved(loss, tmp_path):
    y = RANDOM.integers(0, 3, 24)
    student, teacher = dense(3, 1), dense(3, 2)
    arguments = (logits(teacher).astype(np.float32), logits(student).astype(np.float32), T)
    expected = np.mean(loss(*arguments, *([y] if loss.needs_labels else [])))
    distiller = distill.Distiller(student, teacher, soft_loss=loss, temperature=T)
    assert first_logs(distiller, X, y)["soft_loss"] == pytest.approx(expected, rel=1e-4)
    distiller.save(tmp_path / "distiller.keras")
    assert keras.models.load_model(tmp_path / "distiller.keras").soft_loss == loss


def test_several_teachers_of_another_loss_are_weighed():
    y = RANDOM.integers(0, 3, 24)
    teachers = [(0.25, dense(3, 2)), (0.75, dense(3, 3))]
    parts = [w * np.mean(distill.DIST()(logits(model), logits(dense(3, 1)), T)) for w, model in teachers]
    distiller = distill.Distiller(dense(3, 1), teachers, soft_loss=distill.DIST(), temperature=T)
    assert first_logs(distiller, X, y)["soft_loss"] == pytest.approx(sum(parts), rel=1e-4)


def two_binary(**arguments):
    inputs = keras.Input((6,))
    student = keras.Model(inputs, [layers.Dense(1, name=name)(inputs) for name in "ab"])
    distill.Distiller(student, lambda_=0.0).compile("adam", **arguments)


def test_a_metric_beside_another_outputs_binary_loss_is_no_mistake():
    inputs = keras.Input((6,))
    student = keras.Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(3, name="b")(inputs)])
    classes = losses.SparseCategoricalCrossentropy(from_logits=True)
    distill.Distiller(student, lambda_=0.0).compile("adam", loss=[BINARY, classes], metrics=[["mae"], ["accuracy"]])


class OfThree(losses.Loss):
    """A loss of the caller's that gives a number a class, which Keras averages."""

    def call(self, y_true, y_pred):
        return keras.ops.square(keras.ops.one_hot(keras.ops.cast(y_true, "int32"), 3) - y_pred)


class Scalar(OfThree):
    """Another that gives one number a batch."""

    def call(self, y_true, y_pred):
        return keras.ops.mean(super().call(y_true, y_pred))


@pytest.mark.parametrize("loss", [OfThree(), Scalar()])
@pytest.mark.parametrize("count", [3, 24])
def test_a_loss_of_the_callers_is_averaged_as_keras_does(loss, count):
    student, teacher, y = dense(3, 1), dense(3, 2), RANDOM.integers(0, 3, count)
    z, t = logits(student, X[:count]), logits(teacher, X[:count])
    hard, soft = np.mean((np.eye(3)[y] - z) ** 2), np.mean(softmax_kl(t, z))
    distiller = distill.Distiller(student, teacher, soft_loss="softmax", lambda_=0.4, temperature=T)
    logs = first_logs(distiller, X[:count], y, loss=loss)
    assert [logs[name] for name in ("loss", "hard_loss", "soft_loss")] == pytest.approx(
        [0.6 * hard + 0.4 * soft, hard, soft], rel=1e-4
    )


def compiled(outputs=3, lambda_=0.5, soft_loss=None, **arguments):
    distiller = distill.Distiller(dense(outputs, 1), dense(outputs, 2), lambda_=lambda_, soft_loss=soft_loss)
    distiller.compile("adam", **arguments)
    return distiller


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: compiled(1), "one logit, whose softmax is always 1"),
        (lambda: compiled(1, soft_loss=distill.DIST(), loss=BINARY), "one logit, whose softmax is always 1"),
        (lambda: compiled(loss=losses.MeanSquaredError()), "one of regression.*FeatureDistiller"),
        (lambda: compiled(loss="mse"), "one of regression|from_logits=True"),
        (lambda: compiled(loss=losses.Hinge()), "does not say whether logits are of classes or of labels"),
        (lambda: compiled(loss="kl_divergence", lambda_=0.0), "expected a keras.losses.Loss instance with from_logits"),
        (lambda: compiled(loss=losses.Poisson(), soft_loss="softmax"), "from_logits=True"),
        (lambda: compiled(loss=losses.Dice(), soft_loss="softmax"), "from_logits=True"),
        (lambda: compiled(soft_loss="kl"), "soft_loss 'kl': expected 'softmax', 'sigmoid'"),
        (lambda: compiled(soft_loss="softmax", loss=BINARY), "soft_loss 'softmax' beside the loss 'binary"),
        (lambda: compiled(soft_loss="sigmoid"), "soft_loss 'sigmoid' beside the loss 'sparse"),
        (lambda: compiled(soft_loss=distill.DKD(), lambda_=1.0), "DKD.* needs labels and lambda is 1"),
        (lambda: compiled(loss=BINARY, metrics=["accuracy"]), r"BinaryAccuracy\(threshold=0.0\)"),
        (lambda: compiled(loss=BINARY, weighted_metrics=["acc"]), r"BinaryAccuracy\(threshold=0.0\)"),
        (lambda: two_binary(loss=[BINARY] * 2, metrics=[["mae"], ["accuracy"]]), r"BinaryAccuracy\(threshold=0.0\)"),
        (lambda: two_binary(loss=[BINARY] * 2, metrics={"b": "accuracy"}), r"BinaryAccuracy\(threshold=0.0\)"),
        (lambda: two_binary(loss={"a": BINARY, "b": BINARY}, metrics=["mae", "accuracy"]), r"BinaryAccuracy"),
        (lambda: distill.Distiller(two_headed(1, True)).compile("adam"), "expected a loss for each"),
        (
            lambda: distill.Distiller(two_headed(1, True)).compile("adam", loss={"kind": BINARY}),
            "expected one for each",
        ),
        (lambda: distill.Distiller(two_headed(1, True), two_headed(2, False)), "the teacher has outputs"),
        (lambda: distill.Distiller(segmenter(1), dense(3, 1)), "expected equal shapes"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        build()


@pytest.mark.parametrize("lambda_", [0.0, 0.5, 1.0])
def test_labels_of_several_numbers_beside_the_default_loss_are_refused(lambda_):
    with pytest.raises(distill.DistillationError, match=r"labels have shape \(None, 3\).*BinaryCrossentropy"):
        compiled(lambda_=lambda_).fit(X, RANDOM.integers(0, 2, (24, 3)), verbose=0, shuffle=False)


def test_softened_outputs_do_not_go_with_a_loss_of_logits(tmp_path):
    outputs = distill.teacher_outputs(dense(3, 2), X, cache=tmp_path).softened(4.0)
    data = outputs.attach(tf.data.Dataset.from_tensor_slices((X, RANDOM.integers(0, 3, 24))))
    with pytest.raises(distill.DistillationError, match="expected logits or not softened ones"):
        compiled(soft_loss=distill.DIST()).fit(data.batch(8), verbose=0, shuffle=False)


def test_a_list_of_settings_goes_by_the_sorted_names_of_outputs_as_in_keras():
    def two(seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((6,))
        return keras.Model(
            inputs, {"seg": layers.Dense(3, name="seg")(inputs), "cls": layers.Dense(4, name="cls")(inputs)}
        )

    student, teacher = two(1), two(2)
    y = {"seg": RANDOM.integers(0, 3, 24), "cls": RANDOM.integers(0, 4, 24)}
    loss = {name: losses.SparseCategoricalCrossentropy(from_logits=True) for name in ("seg", "cls")}
    distiller = distill.Distiller(student, teacher=teacher, lambda_=0.5, temperature=T)
    logs = first_logs(distiller, X, y, loss=loss, loss_weights=[1.0, 0.1])
    given, taught = ({name: np.array(z, np.float64) for name, z in model(X).items()} for model in (student, teacher))
    weights = {"cls": 1.0, "seg": 0.1}
    hard = sum(weight * categorical(y[name], given[name]).mean() for name, weight in weights.items())
    soft = sum(weight * softmax_kl(taught[name], given[name]).mean() for name, weight in weights.items())
    assert logs["loss"] == pytest.approx(0.5 * hard + 0.5 * soft, rel=1e-4)


def test_outputs_without_classes_are_one_clear_line():
    inputs = keras.Input((6,))
    student, teacher = (keras.Model(inputs, keras.ops.squeeze(layers.Dense(1)(inputs), -1)) for _ in range(2))
    with pytest.raises(distill.DistillationError, match=r"outputs of shape \(n,\): expected \(n, ..., classes\)"):
        distill.Distiller(student, teacher=teacher, lambda_=0.5, temperature=1.0)
