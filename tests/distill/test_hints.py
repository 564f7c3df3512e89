"""Hints and several teachers, against NumPy and live against cached."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import log_softmax, softmax

from kdsuite import distill


def network(seed, channels=4, classes=3):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(channels, 3, activation="relu", kernel_regularizer="l2", name="conv")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x))


def first_loss(distiller, batches):
    distiller.compile(keras.optimizers.SGD(1e-9))
    return distiller.fit(batches, verbose=0, shuffle=False).history["loss"][0]


def training_outputs(model, images):
    """Logits and the output of "bn" in training mode, in float64."""
    observed = keras.Model(model.input, [model.output, model.get_layer("bn").output])
    return [np.array(part, np.float64) for part in observed(images, training=True)]


def cross_entropy(logits, labels):
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


def divergence(teacher, student, temperature):
    p = softmax(teacher / temperature, axis=1)
    return temperature**2 * np.sum(
        p * (log_softmax(teacher / temperature, axis=1) - log_softmax(student / temperature, axis=1)), axis=1
    )


@pytest.mark.parametrize("lambda_", [0.0, 0.4, 1.0])
def test_hint_of_equal_width_against_numpy(small_split, lambda_):
    student, teacher = network(1), network(2)
    images, labels = small_split.images, small_split.labels
    logits, features = training_outputs(network(1), images)
    given = keras.Model(teacher.input, [teacher.output, teacher.get_layer("bn").output])(images, training=False)
    teacher_logits, teacher_features = (np.array(part, np.float64) for part in given)
    expected = (1 - lambda_) * cross_entropy(logits, labels) + lambda_ * divergence(teacher_logits, logits, 3.0)
    expected = np.mean(expected + 0.7 * np.mean((features - teacher_features) ** 2, axis=(1, 2, 3)))
    expected += 0.01 * np.sum(np.square(student.get_layer("conv").kernel))
    hint = distill.Hint("bn", "bn", teacher_channels=4, weight=0.7)
    distiller = distill.Distiller(student, teacher, hints=[hint], lambda_=lambda_, temperature=3.0)
    assert first_loss(distiller, small_split.batches(120)) == pytest.approx(expected, rel=1e-5)


def test_regressor_maps_another_width_and_is_no_part_of_the_student(small_split, tmp_path):
    student, teacher = network(1, channels=3), network(2, channels=5)
    before, parameters = student.get_weights(), student.count_params()
    hint = distill.Hint("pool", "pool", teacher_channels=5)
    distiller = distill.Distiller(student, teacher, hints=[hint])
    distiller.compile(keras.optimizers.Adam(0.01))
    (regressor,) = distiller.regressors
    assert regressor.kernel.shape == (3, 5)
    own = regressor.kernel.numpy()
    distiller.fit(small_split.batches(40, seed=0), epochs=2, verbose=0, shuffle=False)
    assert np.any(regressor.kernel.numpy() != own)
    assert np.any(student.get_weights()[0] != before[0])
    assert student.count_params() == parameters
    assert distiller.count_params() == parameters + 20
    distiller.student.save(tmp_path / "student.keras")
    exported = keras.models.load_model(tmp_path / "student.keras")
    assert exported.count_params() == parameters
    assert [layer.name for layer in exported.layers] == [layer.name for layer in student.layers]


@pytest.mark.parametrize("softened", [False, True])
def test_cached_features_equal_the_live_teachers(small_split, tmp_path, softened):
    losses = []
    for cached in (False, True):
        student, teacher = network(1, channels=3), network(2, channels=5)
        outputs = distill.teacher_outputs(teacher, small_split, layers=["bn"], cache=tmp_path)
        assert outputs.arrays["bn"].shape == (120, 6, 6, 5)
        outputs = outputs.softened(4.0) if softened else outputs
        hint = distill.Hint("bn", "bn", teacher_channels=5, weight=0.5)
        distiller = distill.Distiller(student, None if cached else teacher, hints=[hint])
        distiller.compile(keras.optimizers.SGD(0.01))
        batches = small_split.batches(40, seed=0, teacher=outputs if cached else None)
        losses.append(distiller.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("loss", ["mse", "cosine", "attention", "relational"])
@pytest.mark.parametrize("cached", [False, True])
def test_each_kind_of_hint_against_its_function(small_split, tmp_path, loss, cached):
    student, teacher = network(1, channels=5), network(2, channels=5)
    _, features = training_outputs(network(1, channels=5), small_split.images)
    wanted = keras.Model(teacher.input, teacher.get_layer("bn").output)(small_split.images, training=False)
    functions = {"mse": distill.hint_loss, "cosine": distill.cosine_loss, "attention": distill.attention_loss}
    expected = np.mean((functions | {"relational": distill.RKD()})[loss](np.array(wanted), features.astype(np.float32)))
    outputs = distill.teacher_outputs(teacher, small_split, layers=["bn"], cache=tmp_path) if cached else None
    hint = distill.Hint("bn", "bn", 5, weight=0.7, loss=loss)
    distiller = distill.Distiller(student, None if cached else teacher, hints=[hint])
    distiller.compile(keras.optimizers.SGD(1e-9))
    logs = distiller.fit(small_split.batches(120, teacher=outputs), verbose=0, shuffle=False).history
    assert logs["hint_loss"][0] == pytest.approx(0.7 * expected, rel=1e-4)


@pytest.mark.parametrize("loss", ["attention", "relational"])
def test_hints_of_any_width_need_no_regressor(small_split, loss):
    hint = distill.Hint("bn", "bn", loss=loss)
    distiller = distill.Distiller(network(1, channels=3), network(2, channels=5), hints=[hint])
    assert isinstance(distiller.regressors[0], layers.Identity)
    assert first_loss(distiller, small_split.batches(60)) > 0


def sized(seed, kernel):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, kernel, name="conv")(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize("loss", ["mse", "attention"])
@pytest.mark.parametrize("cached", [False, True])
def test_hints_of_another_size_are_refused_or_resized(small_split, tmp_path, loss, cached):
    student, teacher = sized(1, 5), sized(2, 3)
    outputs = distill.teacher_outputs(teacher, small_split, layers=["conv"], cache=tmp_path) if cached else None
    batches, live = small_split.batches(120, teacher=outputs), None if cached else teacher
    distiller = distill.Distiller(student, live, hints=[distill.Hint("conv", "conv", 4, loss=loss)])
    message = r"hint 'conv' has positions \(4, 4\) and the teacher's 'conv' \(6, 6\): .*pass resize=True"
    with pytest.raises(distill.DistillationError, match=message):
        first_loss(distiller, batches)
    given, wanted = (
        np.array(keras.Model(model.input, model.get_layer("conv").output)(small_split.images))
        for model in (student, teacher)
    )
    function = {"mse": distill.hint_loss, "attention": distill.attention_loss}[loss]
    expected = np.mean(function(wanted, np.array(keras.ops.image.resize(given, (6, 6), "bilinear"))))
    distiller = distill.Distiller(student, live, hints=[distill.Hint("conv", "conv", 4, loss=loss, resize=True)])
    distiller.compile(keras.optimizers.SGD(1e-9))
    logs = distiller.fit(batches, verbose=0, shuffle=False).history
    assert logs["hint_loss"][0] == pytest.approx(expected, rel=1e-4)


def test_hints_without_a_common_grid_are_refused_even_when_resized(small_split):
    hint = distill.Hint("flat", "conv", 4, resize=True)
    with pytest.raises(distill.DistillationError, match=r"positions \(\) and the teacher's 'conv' \(6, 6\)"):
        first_loss(distill.Distiller(sized(1, 5), sized(2, 3), hints=[hint]), small_split.batches(60))


def test_layers_have_a_cache_of_their_own(small_split, tmp_path):
    teacher = network(2)
    plain = distill.teacher_outputs(teacher, small_split, cache=tmp_path)
    with_pool = distill.teacher_outputs(teacher, small_split, layers=["pool"], cache=tmp_path)
    again = distill.teacher_outputs(teacher, small_split, layers=["pool"], cache=tmp_path)
    assert set(plain.arrays) == {"logits"}
    assert set(with_pool.arrays) == {"logits", "pool"}
    np.testing.assert_array_equal(with_pool.arrays["pool"], again.arrays["pool"])
    assert len(list((tmp_path / "teacher").glob("*.npz"))) == 2


def test_the_teacher_is_left_as_it_was_and_the_student_runs_once(small_split):
    student, teacher = network(1), network(2)
    before = teacher.get_weights()
    distiller = distill.Distiller(student, teacher, hints=[distill.Hint("bn", "bn", 4)])
    distiller.compile(keras.optimizers.SGD(0.1))
    distiller.fit(small_split.batches(120), verbose=0, shuffle=False)
    for one, other in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    observed = np.mean(student.get_layer("bn").moving_mean)
    once = network(1)
    once(small_split.images, training=True)
    assert observed == pytest.approx(np.mean(once.get_layer("bn").moving_mean), rel=1e-4)


def test_a_distiller_with_hints_is_saved_and_goes_on(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(2, channels=5), small_split, layers=["pool"], cache=tmp_path)
    distiller = distill.Distiller(network(1), hints=[distill.Hint("pool", "pool", 5, weight=0.3)])
    distiller.compile(keras.optimizers.Adam(0.01))
    batches = small_split.batches(40, seed=0, epoch=0, teacher=outputs)
    distiller.fit(batches, verbose=0, shuffle=False)
    distiller.save(tmp_path / "distiller.keras")
    loaded = keras.models.load_model(tmp_path / "distiller.keras")
    assert loaded.hints == distiller.hints
    histories = [model.fit(batches, verbose=0, shuffle=False).history for model in (distiller, loaded)]
    assert histories[0]["loss"] == histories[1]["loss"]


def weighted_teachers():
    return [(0.2, network(2)), (0.5, network(3)), (0.3, network(4))]


def test_several_teachers_against_numpy(small_split):
    images, labels = small_split.images, small_split.labels
    logits, _ = training_outputs(network(1), images)
    expected = 0.4 * cross_entropy(logits, labels)
    for weight, teacher in weighted_teachers():
        expected += 0.6 * weight * divergence(np.array(teacher(images), np.float64), logits, 4.0)
    expected = expected.mean() + 0.01 * np.sum(np.square(network(1).get_layer("conv").kernel))
    distiller = distill.Distiller(network(1), weighted_teachers(), lambda_=0.6, temperature=4.0)
    assert first_loss(distiller, small_split.batches(120)) == pytest.approx(expected, rel=1e-5)


def test_a_mixture_of_cached_teachers_equals_the_live_ones(small_split, tmp_path):
    outputs = [
        (weight, distill.teacher_outputs(teacher, small_split, cache=tmp_path))
        for weight, teacher in weighted_teachers()
    ]
    mixture = distill.mixture(outputs, temperature=4.0)
    losses = []
    for teacher, outputs in ((weighted_teachers(), None), (None, mixture)):
        distiller = distill.Distiller(network(1), teacher, lambda_=0.6, temperature=4.0)
        distiller.compile(keras.optimizers.SGD(0.1))
        batches = small_split.batches(40, seed=0, teacher=outputs)
        losses.append(distiller.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: distill.Distiller(network(1), hints=[distill.Hint("pol", "pool", 4)]), "no layer 'pol' in"),
        (lambda: distill.Distiller(network(1), network(2), hints=[distill.Hint("pool", "x", 4)]), "no layer 'x' in"),
        (lambda: distill.Distiller(network(1), hints=[distill.Hint("pool", "pool", 4, 0.0)]), "hint weight 0.0"),
        (lambda: distill.Distiller(network(1), hints=[distill.Hint("pool", "pool", 4, loss="l1")]), "hint loss 'l1'"),
        (lambda: distill.Distiller(network(1), hints=[distill.Hint("pool", "pool")]), "number of channels"),
        (lambda: distill.Distiller(network(1), [(0.5, network(2)), (0.6, network(3))]), "that add up to 1"),
        (lambda: distill.Distiller(network(1), [(1.5, network(2)), (-0.5, network(3))]), "that add up to 1"),
        (
            lambda: distill.Distiller(network(1), weighted_teachers(), hints=[distill.Hint("pool", "pool", 4)]),
            "hints of several teachers",
        ),
    ],
)
def test_refusals(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        build()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_other_channels_than_the_teachers_are_refused(small_split, channels):
    """One channel would be broadcast in silence."""
    hint = distill.Hint("conv", "conv", channels)
    distiller = distill.Distiller(network(1), network(2, channels=5), hints=[hint])
    with pytest.raises(distill.DistillationError, match=r"has 5 channels, expected teacher_channels=5, not"):
        first_loss(distiller, small_split.batches(40))


def test_batches_without_the_hints_feature_are_refused(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(2), small_split, cache=tmp_path)
    distiller = distill.Distiller(network(1), hints=[distill.Hint("pool", "pool", 4)])
    distiller.compile(keras.optimizers.SGD(0.1))
    with pytest.raises(distill.DistillationError, match="a hint expects 'pool' of the teacher"):
        distiller.fit(small_split.batches(40, teacher=outputs), verbose=0, shuffle=False)
