"""Deleting channels equals zeroing them, on whole architectures and layer type by layer type."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from tests.prune.networks import (
    SMALL,
    attention,
    concatenated,
    grouped,
    inputs_for,
    operators,
    residual,
    sequence,
    shared,
    squeeze_and_excitation,
)
from tests.prune.zeroing import assert_equals_zeroing, randomise


@pytest.mark.parametrize("name", SMALL)
def test_layer_types(name):
    keras.utils.set_random_seed(0)
    model = SMALL[name]()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [0, 3]})
    assert_equals_zeroing(prune.flatten(model), pruned, {"first": [0, 3]}, inputs_for(model))


@pytest.mark.parametrize(
    ("build", "asked", "together"),
    [
        (residual, {"second": [1, 4]}, ["first", "shortcut", "second"]),
        (squeeze_and_excitation, {"excite": [1, 4]}, ["first", "excite"]),
        (lambda: concatenated(1), {"first": [1, 2]}, ["first", "second"]),
        (shared, {"stem": [1]}, ["stem", "first"]),
        (operators, {"second": [1, 3]}, ["first", "second"]),
        (attention, {"mha": [0, 4]}, ["embed", "mha"]),
        (attention, {"mha/heads": [0, 3]}, ["mha/heads"]),
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


@pytest.mark.parametrize(
    "layer",
    [
        partial(layers.Conv2D, 9, 3, groups=3),
        partial(layers.Conv2D, 3, 3, groups=3, use_bias=False),
        partial(layers.GroupNormalization, 3),
    ],
)
def test_groups_go_whole(layer):
    model = grouped(layer)()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [1, 4]})
    assert pruned.get_layer("grouped").groups == 1
    assert_equals_zeroing(prune.flatten(model), pruned, {"first": [0, 1, 4, 5]}, inputs_for(model))


def test_a_depthwise_convolution_written_as_a_grouped_one_loses_single_channels():
    model = grouped(partial(layers.Conv2D, 12, 3, groups=6))()
    pruned = prune.delete_channels(model, {"grouped": [5]})
    assert pruned.get_layer("grouped").kernel.shape == (3, 3, 1, 10)
    assert_equals_zeroing(prune.flatten(model), pruned, {"first": [2]}, inputs_for(model))


def test_a_report_says_which_channels_go_with_those_named_and_why():
    report = prune.deletion_report(shared(), {"stem": [1]})
    assert report.deleted == {"stem": (1,), "first": (1,)}
    assert report.because == {("first", 1): "'first' reads both: it is called more than once"}
    assert str(report).endswith("with them go first 1, because 'first' reads both: it is called more than once")
    report = prune.deletion_report(residual(), {"second": [0, 3]})
    assert report.because["first", 3] == "'add_two' merges them"
    assert report.because["shortcut", 0] == "'add_two' merges them, and 'add_one' merges them"
    assert prune.deletion_report(SMALL["Conv1D"](), {"first": [0]}).because == {}


def test_a_report_says_who_passes_on_what_was_named():
    model = sequence(
        (6, 6, 3), layers.Conv2D(4, 3, name="first"), layers.BatchNormalization(name="bn"), layers.Conv2D(2, 3)
    )
    report = prune.deletion_report(model, {"bn": [1]})
    assert report.because == {("first", 1): "'bn' passes them on"}
    assert str(report) == "deleted first: 1\nwith them go first 1, because 'bn' passes them on"
    report = prune.deletion_report(residual(), {"bn": [2]})
    assert report.because["first", 2] == "'bn' passes them on"
    assert report.because["shortcut", 2] == "'add_one' merges them"


def test_branches_that_share_a_reshape_lose_the_same_channels():
    inputs = keras.Input((8, 8, 3))
    reshape = layers.Reshape((1, 1, 8), name="reshape")
    pooled = [layers.GlobalMaxPooling2D()(layers.Conv2D(8, 3, name=name)(inputs)) for name in ("left", "right")]
    x = layers.Concatenate()([reshape(x) for x in pooled])
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    pruned = prune.delete_channels(model, {"left": [0, 5]})
    assert_equals_zeroing(model, pruned, {"left": [0, 5], "right": [0, 5]}, inputs_for(model))
    assert pruned.get_layer("reshape").target_shape == (1, 1, 6)
    report = prune.deletion_report(model, {"left": [1]})
    assert report.because == {("right", 1): "'reshape' gives both one shape: it is called more than once"}


def test_a_normalization_layer_keeps_what_it_was_adapted_to():
    inputs = keras.Input((8, 8, 3))
    norm = layers.Normalization(name="norm")
    norm.adapt(np.random.default_rng(0).normal(3, 2, (50, 8, 8, 3)))
    x = layers.Conv2D(6, 3, name="first")(norm(inputs))
    model = keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x))
    pruned = prune.delete_channels(model, {"first": [2]})
    assert_equals_zeroing(model, pruned, {"first": [2]}, inputs_for(model))


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
    x = layers.Conv2D(6, 3, name="first")(layers.Resizing(8, 8, name="size")(inputs))
    x = layers.UnitNormalization(name="norm")(layers.Conv2D(6, 3, name="second")(x))
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)))
    pruned = prune.delete_channels(model, {"first": [2]})
    assert_equals_zeroing(model, pruned, {"first": [2]}, inputs_for(model))
    assert pruned.input.name == "pixels"
    with pytest.raises(prune.PruneError, match="channel 0 of layer 'second' cannot be deleted: it reaches 'norm', a"):
        prune.delete_channels(model, {"second": [0]})


def with_layer(layer):
    return sequence((8, 8, 4), layers.Conv2D(4, 3, name="first"), layer, layers.Flatten())


def test_an_activation_over_positions_keeps_channels_apart():
    model = prune.flatten(with_layer(layers.Activation(gated, name="gated")))
    pruned = prune.delete_channels(model, {"first": [1]})
    assert_equals_zeroing(model, pruned, {"first": [1]}, inputs_for(model))


@keras.saving.register_keras_serializable(package="tests")
def gated(x):
    return x * keras.ops.sigmoid(keras.ops.mean(x, axis=(1, 2), keepdims=True))


def of_as_many_channels(count):
    return lambda: with_layer(layers.Activation(lambda x: x * np.arange(1.0, count + 1), name="weighed"))


def words():
    lookup = layers.StringLookup(output_mode="multi_hot", name="lookup")
    lookup.adapt(["cat", "dog"])
    inputs = keras.Input((3,), dtype="string")
    return keras.Model(inputs, layers.Dense(2)(layers.Dense(4, name="first")(lookup(inputs))))


class Secretive(layers.Layer):
    def call(self, x):
        return x

    def get_config(self):
        raise NotImplementedError


def attention_of_two_axes():
    inputs = keras.Input((5, 4))
    x = layers.Dense(6, name="embed")(inputs)
    x = layers.MultiHeadAttention(2, 3, output_shape=(2, 3), name="mha")(x, x)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


def operation(apply):
    def build():
        inputs = keras.Input((8, 8, 4))
        x = apply(layers.Conv2D(4, 3, name="first")(inputs))
        return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))

    return build


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
        (residual, {"first": 3}, r"channels 3 of layer 'first': expected several, as in \{'first': \[3\]\}"),
        (residual, {"first": [2, 2]}, "channel 2 of layer 'first' is given more than once"),
        (residual, {"first": [0, 1, 2], "second": [3, 4, 5]}, "would lose all its 6 channels: keep at least one"),
        (residual, {"head": [0]}, "channel 0 of layer 'head' cannot be deleted: it is an output of the model"),
        (
            lambda: with_layer(layers.BatchNormalization(axis=1, name="norm")),
            {"first": [0]},
            "it reaches 'norm', a layer of type BatchNormalization over axis 1: expected the last",
        ),
        (
            lambda: sequence(
                (4, 8, 8), layers.MaxPooling2D(data_format="channels_first", name="pool"), layers.Flatten()
            ),
            {"pool": [0]},
            "layer 'pool' gives no channels that can be deleted: it is a layer whose data_format is channels_first",
        ),
        (
            lambda: with_layer(layers.Rescaling([1, 2, 3, 4], name="scaled")),
            {"first": [0]},
            "it reaches 'scaled', a layer of type Rescaling with a value for each channel",
        ),
        (
            lambda: with_layer(layers.Activation(keras.ops.softmax, name="softmax")),
            {"first": [0]},
            "it reaches 'softmax', a layer whose activation softmax mixes channels",
        ),
        (operation(keras.ops.softmax), {"first": [0]}, "it reaches 'softmax.*', an operation of type Softmax, which"),
        (operation(lambda x: x * np.ones(4)), {"first": [0]}, "an operation of type Multiply with an array"),
        (lambda: with_layer(layers.Softmax(name="softmax")), {"first": [0]}, "it reaches 'softmax', a layer of type"),
        (
            lambda: with_layer(layers.Activation("softmax", name="softmax")),
            {"first": [0]},
            "it reaches 'softmax', a layer whose activation softmax mixes channels",
        ),
        *(
            (of_as_many_channels(count), {"first": [0]}, "it reaches 'weighed', a layer whose activation .* mixes")
            for count in (4, 8)
        ),
        (words, {"first": [0]}, r"'lookup', of type StringLookup, has its vocabulary from adapt\(\), which a copy"),
        (
            lambda: sequence((8, 8, 4), Secretive(name="own"), layers.Conv2D(4, 3, name="first"), layers.Flatten()),
            {"first": [0]},
            r"'own', of type Secretive, cannot be copied from its configuration \(NotImplementedError\)",
        ),
        (
            attention_of_two_axes,
            {"embed": [0]},
            r"it reaches 'mha', a layer of type MultiHeadAttention whose output_shape \(2, 3\) has several axes",
        ),
        (
            lambda: with_layer(layers.Permute((3, 1, 2), name="permuted")),
            {"first": [0]},
            r"it reaches 'permuted', a layer whose output shape \(None, 4, 6, 6\) mixes channels with positions",
        ),
    ],
)
def test_refusals_name_the_layer_and_the_reason(model, channels, message):
    with pytest.raises(prune.PruneError, match=message):
        prune.delete_channels(model(), channels)


def test_a_sequential_model_and_its_training_go_on():
    model = SMALL["DepthwiseConv2D"]()
    model.compile("sgd", "mse")
    pruned = prune.delete_channels(model, {"first": [1]})
    pruned.compile("sgd", "mse")
    images = inputs_for(model)
    targets = np.zeros((4, *pruned.output_shape[1:]))
    assert pruned.train_on_batch(images, targets) > pruned.evaluate(images, targets, verbose=0)
    assert model.compiled
