"""Deleting channels equals zeroing them, on whole architectures and layer type by layer type."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from tests.prune.zeroing import randomise, zeroed_output

APPLICATIONS = {
    "MobileNet": lambda: keras.applications.MobileNet(
        weights=None, alpha=0.5, input_shape=(64, 64, 3), classes=5, classifier_activation=None
    ),
    "MobileNetV2": lambda: keras.applications.MobileNetV2(
        weights=None, alpha=0.5, input_shape=(96, 96, 3), classes=5, classifier_activation=None
    ),
    "ResNet50": lambda: keras.applications.ResNet50(
        weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None
    ),
    "VGG16": lambda: keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=5),
    "DenseNet121": lambda: keras.applications.DenseNet121(
        weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None
    ),
}
GROUPS = {"MobileNet": 14, "MobileNetV2": 25, "ResNet50": 37, "VGG16": 15, "DenseNet121": 120}


def thirty_percent(model) -> dict[str, list[int]]:
    rng, deleted = np.random.default_rng(0), {}
    for group in prune.channel_groups(model):
        for index in rng.permutation(len(group.channels))[: int(0.3 * len(group.channels))]:
            for layer, channel in group.channels[index]:
                deleted.setdefault(layer, []).append(channel)
    return deleted


def assert_equals_zeroing(model, pruned, deleted, inputs):
    expected = zeroed_output(model, inputs, deleted)
    outputs = keras.tree.flatten(pruned(inputs, training=False))
    for output, zeroed, original in zip(outputs, expected, keras.tree.flatten(model(inputs)), strict=True):
        np.testing.assert_allclose(output, zeroed, rtol=0, atol=1e-5 * np.abs(zeroed).max())
        assert np.abs(original - zeroed).max() > 1e-4 * np.abs(zeroed).max()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_thirty_percent_of_every_group_of_an_application(name):
    keras.utils.set_random_seed(0)
    model = APPLICATIONS[name]()
    randomise(model)
    weights = model.get_weights()
    assert len(prune.channel_groups(model)) == GROUPS[name]
    deleted = thirty_percent(model)
    pruned = prune.delete_channels(model, deleted)
    assert_equals_zeroing(
        model, pruned, deleted, np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype("float32")
    )
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in model.layers]
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    for layer, channels in deleted.items():
        assert pruned.get_layer(layer).output.shape[-1] == model.get_layer(layer).output.shape[-1] - len(channels)


def residual():
    inputs = keras.Input((8, 8, 3))
    shortcut = layers.Conv2D(6, 1, name="shortcut")(inputs)
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, padding="same", name="first")(inputs))
    x = layers.Add(name="add_one")([x, shortcut])
    y = layers.Conv2D(6, 3, padding="same", name="second")(layers.ReLU(name="relu")(x))
    x = layers.Add(name="add_two")([x, y])
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling2D()(x)))


def squeeze_and_excitation():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="first")(inputs)
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(4, activation="tanh", name="squeeze")(gate)
    gate = layers.Reshape((1, 1, 6))(layers.Dense(6, activation="sigmoid", name="excite")(gate))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(layers.Multiply()([x, gate])))


def concatenated(axis):
    inputs = keras.Input((8, 8, 3))
    branches = [layers.Conv2D(4, 3, name=name)(inputs) for name in ("first", "second")]
    x = layers.BatchNormalization()(layers.Concatenate(axis=axis)(branches))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x))


def shared():
    inputs = keras.Input((8, 8, 3))
    convolution = layers.Conv2D(3, 3, padding="same", name="first")
    x = convolution(layers.Conv2D(3, 1, name="stem")(inputs))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(convolution(x)))


def two_outputs():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(inputs)
    pooled = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, [layers.Dense(2, name="one")(pooled), layers.Conv2D(3, 3, name="two")(x)])


def operators():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(inputs)
    y = layers.Conv2D(4, 3, name="second")(inputs)
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x * y + x))


def sequence(shape, *middle, head=None):
    return keras.Sequential([keras.Input(shape), *middle, head or layers.Dense(3, name="head")])


SMALL = {
    "Conv1D": lambda: sequence(
        (12, 2), layers.Conv1D(5, 3, name="first"), layers.MaxPooling1D(), layers.Conv1D(4, 2), layers.Flatten()
    ),
    "Conv3D": lambda: sequence(
        (6, 6, 6, 2),
        *(layers.Conv3D(5, 3, name="first"), layers.BatchNormalization(), layers.AveragePooling3D(2), layers.Flatten()),
    ),
    "Conv2DTranspose": lambda: sequence(
        (4, 4, 3),
        *(layers.Conv2DTranspose(5, 3, name="first"), layers.Conv2DTranspose(4, 3, strides=2), layers.Flatten()),
    ),
    "SeparableConv2D": lambda: sequence(
        (8, 8, 3),
        layers.SeparableConv2D(5, 3, depth_multiplier=2, name="first"),
        layers.SeparableConv2D(4, 3, depth_multiplier=2),
    ),
    "SeparableConv2D without bias": lambda: sequence(
        (8, 8, 3), layers.SeparableConv2D(5, 3, use_bias=False, name="first"), layers.SeparableConv2D(4, 3)
    ),
    "DepthwiseConv2D": lambda: sequence(
        (8, 8, 3),
        layers.Conv2D(5, 3, name="first"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
        layers.BatchNormalization(scale=False),
        layers.Conv2D(4, 3),
    ),
    "Flatten into Dense": lambda: sequence(
        (8, 8, 3), layers.Conv2D(5, 3, name="first"), layers.Cropping2D(1), layers.UpSampling2D(), layers.Flatten()
    ),
    "batch norm behind Flatten": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Flatten(), layers.BatchNormalization()
    ),
    "Reshape": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Reshape((16, 5)), layers.Conv1D(2, 3), layers.Flatten()
    ),
    "Reshape to one axis": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Reshape((-1,)), layers.Dropout(0.5)
    ),
    "Permute of positions": lambda: sequence(
        (6, 5, 3), layers.Conv2D(5, 3, name="first"), layers.Permute((2, 1, 3)), layers.Flatten()
    ),
    "PReLU": lambda: sequence(
        (6, 6, 3),
        layers.Conv2D(5, 3, name="first"),
        layers.PReLU(shared_axes=(1, 2), alpha_initializer="ones"),
        layers.ZeroPadding2D(1),
        layers.Conv2D(2, 3),
    ),
    "pooling that keeps its axes": lambda: sequence(
        (6, 6, 3),
        *(layers.Conv2D(5, 3, name="first"), layers.GlobalMaxPooling2D(keepdims=True), layers.Conv2D(3, 1)),
        head=layers.Flatten(),
    ),
    "Dense": lambda: sequence((7,), layers.Dense(5, name="first"), layers.ELU(), layers.RepeatVector(2)),
    "Dense on a sequence": lambda: sequence((6, 3), layers.Dense(5, name="first"), layers.LeakyReLU(), layers.Dense(2)),
    "SimpleRNN": lambda: sequence(
        (6, 3), layers.SimpleRNN(5, return_sequences=True, name="first"), layers.SimpleRNN(4)
    ),
    "GRU": lambda: sequence((6, 3), layers.GRU(5, return_sequences=True, name="first"), layers.GRU(4)),
    "GRU, reset before": lambda: sequence(
        (6, 3), layers.GRU(5, return_sequences=True, reset_after=False, name="first"), layers.GRU(4, reset_after=False)
    ),
    "LSTM": lambda: sequence((6, 3), layers.LSTM(5, return_sequences=True, name="first"), layers.LSTM(4)),
    "two outputs": two_outputs,
    "Concatenate of channels": lambda: concatenated(-1),
    "any image size": lambda: keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(5, 3, name="first"), layers.MaxPooling2D(), layers.Conv2D(2, 3)]
    ),
}


def inputs_for(model):
    shape = [8 if size is None else size for size in model.input_shape[1:]]
    return np.random.default_rng(1).normal(size=(4, *shape)).astype("float32")


@pytest.mark.parametrize("name", SMALL)
def test_layer_types(name):
    keras.utils.set_random_seed(0)
    model = SMALL[name]()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [0, 3]})
    graph = keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model
    assert_equals_zeroing(graph, pruned, {"first": [0, 3]}, inputs_for(model))


@pytest.mark.parametrize(
    ("build", "asked", "together"),
    [
        (residual, {"second": [1, 4]}, ["first", "shortcut", "second"]),
        (squeeze_and_excitation, {"excite": [1, 4]}, ["first", "excite"]),
        (lambda: concatenated(1), {"first": [1, 2]}, ["first", "second"]),
        (shared, {"stem": [1]}, ["stem", "first"]),
        (operators, {"second": [1, 3]}, ["first", "second"]),
    ],
)
def test_channels_that_are_merged_go_together(build, asked, together):
    keras.utils.set_random_seed(0)
    model = build()
    randomise(model)
    (channels,) = asked.values()
    deleted = dict.fromkeys(together, channels)
    pruned = prune.delete_channels(model, asked)
    assert_equals_zeroing(model, pruned, deleted, inputs_for(model))
    assert tuple(together) in [group.layers for group in prune.channel_groups(model)]


def test_one_branch_of_a_concatenation_that_is_added_goes_with_its_part_of_the_sum():
    inputs = keras.Input((4, 4, 2))
    parts = [layers.Conv2D(3, 1, name=name)(inputs) for name in ("left", "right")]
    whole = layers.Conv2D(6, 1, name="whole")(inputs)
    model = keras.Model(inputs, layers.Conv2D(2, 1)(layers.Add()([layers.Concatenate()(parts), whole])))
    pruned = prune.delete_channels(model, {"right": [1]})
    assert [pruned.get_layer(name).filters for name in ("left", "right", "whole")] == [3, 2, 5]
    np.testing.assert_array_equal(
        pruned.get_layer("whole").kernel, np.delete(model.get_layer("whole").kernel.numpy(), 4, axis=-1)
    )
    (group,) = prune.channel_groups(model)
    assert group.layers == ("left", "right", "whole")
    assert (("right", 1), ("whole", 4)) in group.channels


def test_a_depthwise_convolution_may_be_named_for_the_one_before():
    model = SMALL["DepthwiseConv2D"]()
    pruned = prune.delete_channels(model, {model.layers[1].name: [4]})
    np.testing.assert_array_equal(
        pruned.get_layer("first").kernel, np.delete(model.get_layer("first").kernel.numpy(), 2, axis=-1)
    )


def test_configuration_survives():
    model = sequence(
        (6, 6, 3),
        layers.Conv2D(5, 3, activation="hard_silu", kernel_regularizer="l2", trainable=False, name="first"),
        layers.Dropout(0.25, name="dropout"),
        layers.Flatten(),
    )
    pruned = prune.delete_channels(model, {"first": [0]})
    first = pruned.get_layer("first")
    assert first.get_config() == model.get_layer("first").get_config() | {"filters": 4}
    assert pruned.get_layer("dropout").rate == 0.25
    assert not first.trainable_weights
    assert not pruned.compiled


def test_layers_that_surgery_does_not_know_may_stand_where_no_channel_is_deleted():
    inputs = keras.Input((8, 8, 3), name="pixels")
    x = layers.Rescaling(1 / 255, name="rescaling")(inputs)
    x = layers.Conv2D(6, 3, name="first")(x)
    x = layers.LayerNormalization(name="norm")(layers.Conv2D(6, 3, name="second")(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)))
    pruned = prune.delete_channels(model, {"first": [2]})
    assert_equals_zeroing(model, pruned, {"first": [2]}, inputs_for(model))
    assert pruned.input.name == "pixels"
    with pytest.raises(prune.PruneError, match="channel 0 of layer 'second' cannot be deleted: it reaches 'norm', a"):
        prune.delete_channels(model, {"second": [0]})


def with_layer(layer):
    return sequence((8, 8, 4), layers.Conv2D(4, 3, name="first"), layer, layers.Flatten())


@pytest.mark.parametrize(
    ("model", "channels", "message"),
    [
        (
            residual,
            {"nothing": [0]},
            "layer 'nothing' gives no channels that can be deleted: expected one of first, bn, shortcut,",
        ),
        (residual, {"add_one": [0]}, "layer 'add_one' gives no channels"),
        (residual, {"first": [6]}, "channel 6 of layer 'first': expected 0 to 5"),
        (residual, {"first": [-1]}, "channel -1 of layer 'first': expected 0 to 5"),
        (residual, {"first": [1.0]}, "channel 1.0 of layer 'first': expected 0 to 5"),
        (residual, {"first": [2, 2]}, "channel 2 of layer 'first' is given more than once"),
        (residual, {"first": [0, 1, 2], "second": [3, 4, 5]}, "would lose all its 6 channels: keep at least one"),
        (residual, {"head": [0]}, "channel 0 of layer 'head' cannot be deleted: it is an output of the model"),
        (
            lambda: with_layer(layers.GroupNormalization(2, name="norm")),
            {"first": [0]},
            "it reaches 'norm', a layer of type GroupNormalization",
        ),
        (
            lambda: with_layer(layers.Conv2D(4, 3, groups=2, name="grouped")),
            {"first": [0]},
            "it reaches 'grouped', a convolution in 2 groups",
        ),
        (lambda: with_layer(layers.Softmax(name="softmax")), {"first": [0]}, "it reaches 'softmax', a layer of type"),
        (
            lambda: with_layer(layers.Activation("softmax", name="softmax")),
            {"first": [0]},
            "it reaches 'softmax', whose activation softmax mixes channels",
        ),
        (
            lambda: with_layer(layers.Permute((3, 1, 2), name="permuted")),
            {"first": [0]},
            r"it reaches 'permuted', whose output shape \(None, 4, 6, 6\) mixes channels with positions",
        ),
        (lambda: with_layer(sequence((6, 6, 4))), {"first": [0]}, "a model within the model"),
    ],
)
def test_refusals_name_the_layer_and_the_reason(model, channels, message):
    with pytest.raises(prune.PruneError, match=message):
        prune.delete_channels(model(), channels)


def test_the_result_loads_where_tf_keras_is_never_imported(tmp_path):
    model = residual()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [0, 5]})
    inputs = inputs_for(model)
    pruned.save(tmp_path / "pruned.keras")
    np.save(tmp_path / "inputs.npy", inputs)
    np.save(tmp_path / "outputs.npy", pruned(inputs, training=False))
    script = f"""
import sys, keras, numpy as np
from kdsuite import prune
model = keras.models.load_model(r"{tmp_path}/pruned.keras")
expected = np.load(r"{tmp_path}/outputs.npy")
np.testing.assert_allclose(model(np.load(r"{tmp_path}/inputs.npy")), expected, rtol=1e-6, atol=1e-6)
assert not [name for name in sys.modules if name.split(".")[0] in ("tf_keras", "kerassurgeon")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_sequential_model_and_its_training_go_on():
    model = SMALL["DepthwiseConv2D"]()
    model.compile("sgd", "mse")
    pruned = prune.delete_channels(model, {"first": [1]})
    pruned.compile("sgd", "mse")
    images = inputs_for(model)
    targets = np.zeros((4, *pruned.output_shape[1:]))
    assert pruned.train_on_batch(images, targets) > pruned.evaluate(images, targets, verbose=0)
    assert model.compiled
