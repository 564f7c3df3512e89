"""Scores of channels against NumPy, finite differences and kerassurgeon."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kdsuite import prune
from kdsuite.distill.probabilities import final_activation
from kdsuite.prune.measuring import activation_behind, ends_in_softmax
from kdsuite.prune.tf_keras_models import kerassurgeon
from tests.prune.networks import attention, inputs_for
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


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
@pytest.mark.parametrize("criterion", ["apoz", "taylor"])
def test_an_activation_that_is_an_operation_stands_for_the_channels_too(data, activation, criterion):
    def network(activate):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((10, 10, 2))
        x = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, name="first")(inputs))
        x = layers.GlobalAveragePooling2D()(activate(layers.Activation("linear")(x)))
        return keras.Model(inputs, layers.Dense(3)(x))

    as_layer, as_operation = network(layers.Activation(activation)), network(getattr(keras.ops, activation))
    expected = prune.channel_scores(as_layer, ["first"], data, criterion)["first"]
    scores = prune.channel_scores(as_operation, ["first"], data, criterion)["first"]
    # Keras' layer computes GELU exactly, its operation the usual approximation.
    np.testing.assert_allclose(scores, expected, rtol=2e-3)
    assert activation != "relu" or 0 < expected.min() < expected.max() < 1


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.Reshape((3,))(layers.Softmax()(x)),
        lambda x: layers.Activation("linear", dtype="float32")(layers.Activation("softmax")(x)),
        lambda x: layers.Dropout(0.1)(layers.Activation(keras.ops.softmax)(x)),
        keras.ops.softmax,
    ],
)
def test_a_softmax_is_seen_behind_what_passes_it_on(model, data, end):
    expected = prune.channel_scores(model, ["first"], data, "taylor")["first"]
    with_softmax = keras.Model(model.input, end(model.output))
    np.testing.assert_allclose(
        prune.channel_scores(with_softmax, ["first"], data, "taylor")["first"], expected, rtol=1e-3
    )
    inside = keras.Input((10, 10, 2))
    assert ends_in_softmax(keras.Model(inside, with_softmax(inside)))
    assert final_activation(with_softmax).startswith("softmax") and not ends_in_softmax(model)


@pytest.mark.parametrize(
    "criterion", ["taylor", "taylor_weights", lambda view: np.full(len(view.group.channels), np.nan)]
)
def test_scores_that_are_no_numbers_are_refused(model, data, criterion):
    images, labels = arrays(data)
    images[3, 0, 0, 0] = np.nan
    with pytest.raises(prune.PruneError, match=r"criterion .+ gives NaN for channels of \w+: look for NaN in the data"):
        prune.channels_to_delete(model, [(images, labels)], 0.5, criterion, tolerance=1)


def two_inputs():
    """A network of two inputs, and one of a single input that holds both, with the same weights."""
    inputs = [keras.Input((6, 6, 3), name=name) for name in ("a", "b")]
    convolutions = [layers.Conv2D(4, 3, activation="relu", name=name) for name in ("first", "second")]
    logits = layers.Dense(3, name="logits")

    def output(parts):
        x = [convolution(part) for convolution, part in zip(convolutions, parts, strict=True)]
        return logits(layers.GlobalAveragePooling2D()(layers.Concatenate()(x)))

    both = keras.Input((6, 6, 6))
    return keras.Model(inputs, output(inputs)), keras.Model(both, output([both[..., :3], both[..., 3:]]))


@pytest.mark.parametrize("criterion", ["apoz", "taylor", "taylor_weights"])
def test_two_inputs_are_scored_as_the_parts_of_one(criterion):
    two, one = two_inputs()
    random = np.random.default_rng(0)
    images, labels = random.normal(size=(8, 6, 6, 6)).astype("float32"), random.integers(0, 3, 8)
    names = ["first", "second"]
    scores = prune.channel_scores(two, names, [((images[..., :3], images[..., 3:]), labels)], criterion)
    expected = prune.channel_scores(one, names, [(images, labels)], criterion)
    for name in names:
        np.testing.assert_allclose(scores[name], expected[name], rtol=1e-5)


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
        ({"layers": ["first"], "criterion": "l3"}, "criterion 'l3': expected 'l1', 'l2', 'apoz', 'taylor',"),
        ({"layers": ["first"], "criterion": "apoz"}, "criterion 'apoz' needs data"),
        ({"layers": ["relu"]}, "no channels in layer 'relu': expected one of first, second, third, logits"),
        ({"layers": ["first"], "criterion": "taylor", "data": []}, "the data hold no batches"),
    ],
)
def test_bad_scores(model, arguments, message):
    with pytest.raises(prune.PruneError, match=message):
        prune.channel_scores(model, **arguments)


def distances(filters):
    return [sum(np.linalg.norm(one - other) for other in filters) for one in filters]


def test_fpgm_is_the_sum_of_distances_to_the_other_filters(model):
    scores = prune.channel_scores(model, ["first", "second"], criterion="fpgm")
    first = model.get_layer("first").kernel.numpy().reshape(-1, 6).T
    np.testing.assert_allclose(scores["first"], distances(first), rtol=1e-5)
    second = model.get_layer("second").pointwise_kernel.numpy()[0, 0].T
    np.testing.assert_allclose(scores["second"], distances(second), rtol=1e-5)
    layer = model.get_layer("third")
    kernel = layer.kernel.numpy()
    kernel[:, 4] = kernel.mean(1)
    layer.set_weights([kernel, layer.bias])
    assert prune.rank_channels(model, "third", criterion="fpgm")[0] == 4


def test_l2_is_the_euclidean_norm_of_a_filter():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, name="first"), layers.Dense(2)])
    model.get_layer("first").set_weights([np.array([[3.0, 1, 0], [4, 0, 2]]), np.zeros(3)])
    scores = prune.channel_scores(model, ["first"], criterion="l2")["first"]
    np.testing.assert_allclose(scores / scores[2], [2.5, 0.5, 1])


def test_lamp_is_the_squared_norm_over_those_not_smaller():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, name="first"), layers.Dense(2)])
    model.get_layer("first").set_weights([np.array([[3.0, 1, 0], [4, 0, 2]]), np.zeros(3)])
    scores = prune.channel_scores(model, ["first"], criterion="lamp")["first"]
    np.testing.assert_allclose(scores, [25 / 25, 1 / (25 + 4 + 1), 4 / (25 + 4)])


def test_bn_scale_is_that_of_the_batch_norm_behind_through_merges():
    inputs = keras.Input((8, 8, 3))
    parts = [layers.Conv2D(3, 1, name=name)(inputs) for name in ("left", "right")]
    x = layers.BatchNormalization(name="bn")(layers.Concatenate()(parts))
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="logits")(x))
    model.get_layer("bn").gamma.assign([1, -2, 3, 0.5, 0, -0.25])
    scores = prune.channel_scores(model, ["left", "right"], criterion="bn_scale")
    np.testing.assert_array_equal(scores["left"], [1, 2, 3])
    np.testing.assert_array_equal(scores["right"], [0.5, 0, 0.25])
    with pytest.raises(prune.PruneError, match="'bn_scale' cannot score layer 'logits': no batch norm stands behind"):
        prune.channel_scores(model, ["logits"], criterion="bn_scale")


def added_branches(*behind):
    """Two convolutions, each with layers of its own behind it, that are added."""
    inputs = keras.Input((6, 6, 3))
    branches = []
    for name in ("left", "right"):
        x = layers.Conv2D(4, 1, name=name)(inputs)
        for layer in behind:
            x = layer(name=f"{name}_{layer.__name__}")(x)
        branches.append(x)
    x = layers.ReLU(name="sum_relu")(layers.Add()(branches))
    return keras.Model(inputs, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x)))


def test_a_parallel_branch_does_not_stand_behind():
    model = added_branches(layers.BatchNormalization)
    gammas = {"left": [1.0, 2, 3, 4], "right": [40.0, 30, 20, 10]}
    for name, gamma in gammas.items():
        model.get_layer(f"{name}_BatchNormalization").gamma.assign(gamma)
    scores = prune.channel_scores(model, list(gammas), criterion="bn_scale")
    for name, gamma in gammas.items():
        np.testing.assert_array_equal(scores[name], gamma)
    model = added_branches(layers.ReLU)
    for name, bias in (("left", 100.0), ("right", -100.0)):
        model.get_layer(name).bias.assign(np.full(4, bias))
    scores = prune.channel_scores(model, list(gammas), [(np.ones((2, 6, 6, 3)), np.zeros(2, int))], "apoz")
    np.testing.assert_array_equal(scores["left"], 1)
    np.testing.assert_array_equal(scores["right"], 0)


def test_what_another_convolution_makes_of_the_channels_does_not_stand_behind():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 1, name="stem")(inputs)
    y = layers.ReLU(name="branch_relu")(layers.Conv2D(4, 3, padding="same", name="branch")(x))
    y = layers.BatchNormalization(name="branch_bn")(y)
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, y]))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x)))
    channels = prune.Channels(model)
    stands_for = {name: activation_behind(channels, name)._keras_history.operation.name for name in ("stem", "branch")}
    assert stands_for == {"stem": "sum_relu", "branch": "branch_relu"}
    with pytest.raises(prune.PruneError, match="'bn_scale' cannot score layer 'stem': no batch norm stands behind"):
        prune.channel_scores(model, ["stem"], criterion="bn_scale")


def test_a_residual_network_ranks_each_convolution_by_its_own_batch_norm():
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=10)
    randomise(model)
    names = [layer.name for layer in model.layers if layer.name.endswith("_conv")]
    scores = prune.channel_scores(model, names, criterion="bn_scale")
    for name in names:
        own = model.get_layer(name.replace("_conv", "_bn")).gamma
        np.testing.assert_allclose(scores[name], np.abs(own), rtol=1e-6)


def test_taylor_of_weights_is_the_change_of_the_loss_when_a_filter_is_scaled(model, data):
    """Σ w ∂loss/∂w is the derivative of a batch's mean loss by a factor on the filter, here by finite differences."""
    scores = prune.channel_scores(model, ["first", "second"], data, "taylor_weights")
    kernel = model.get_layer("second").pointwise_kernel
    original = kernel.numpy()
    expected = np.zeros(5)
    for images, labels in data:
        for channel in range(5):
            losses = []
            for step in (0.01, -0.01):
                scaled = original.copy()
                scaled[..., channel] *= 1 + step
                kernel.assign(scaled)
                loss = keras.losses.sparse_categorical_crossentropy(labels, model(images), from_logits=True)
                losses.append(np.mean(loss, dtype="float64"))
            expected[channel] += ((losses[0] - losses[1]) / 0.02) ** 2 / 3
    kernel.assign(original)
    np.testing.assert_allclose(scores["second"], expected, rtol=3e-2)
    model.trainable = False
    frozen = prune.channel_scores(model, ["second"], data, "taylor_weights")
    np.testing.assert_allclose(frozen["second"], scores["second"], rtol=1e-5)


def test_heads_of_attention_are_ranked_by_the_kernels_that_make_them(data):
    model = attention()
    weights = {weight.path.partition("/")[2]: weight.numpy() for weight in model.get_layer("mha").weights}
    expected = sum(np.abs(weights[f"{name}/kernel"]).sum((0, 2)) for name in ("query", "key", "value"))
    np.testing.assert_allclose(prune.channel_scores(model, ["mha/heads"])["mha/heads"], expected, rtol=1e-6)
    with pytest.raises(prune.PruneError, match="cannot score layer 'mha/heads': no activation of its own"):
        prune.channel_scores(model, ["mha/heads"], [(inputs_for(model), np.zeros(4, int))], "apoz")


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (partial(layers.Dense, 4, activation="relu"), None),
        (
            partial(layers.MaxPooling2D, data_format="channels_first"),
            "whose data_format is channels_first",
        ),
        (
            partial(layers.Conv2D, 4, 3, groups=2),
            "'middle' only passes on the channels that it reads: rank those of first",
        ),
        (partial(layers.BatchNormalization), "'middle' only passes on the channels that it reads: rank those of first"),
        (partial(layers.EinsumDense, "abcd,de->abce", (None, None, 4)), "it is a layer of type EinsumDense, which"),
    ],
)
def test_a_layer_whose_channels_cannot_be_followed_is_refused_with_the_reason(layer, reason):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="first"), layer(name="middle"), layers.Dense(2, name="last")]
    )
    if reason is None:
        assert len(prune.rank_channels(model, "middle")) == 4
    else:
        with pytest.raises(prune.PruneError, match=reason):
            prune.rank_channels(model, "middle")
