"""Models within models, inlined: equal outputs, shared weights, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from tests.prune.zeroing import assert_equals_zeroing, randomise

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")


def base(name="base"):
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.Dropout(0.5, name="dropout")(layers.ReLU(name="relu")(x)), name=name)


def transfer():
    """The usual recipe: augmentation, a pretrained base in inference mode, and a new head, each a model."""
    inputs = keras.Input((8, 8, 3))
    x = keras.Sequential([layers.Rescaling(2.0, name="rescaling")], name="augmentation")(inputs)
    x = base()(x, training=False)
    head = keras.Sequential([layers.GlobalAveragePooling2D(name="pool"), layers.Dense(2, name="logits")], name="head")
    return keras.Model(inputs, head(x), name="transfer")


def two_within():
    """A model of two inputs and two outputs by name, within a model within a model."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    x = layers.Add(name="add")([layers.Dense(4, name="dense")(left), right])
    inner = keras.Model({"left": left, "right": right}, {"sum": x, "left": left}, name="inner")
    a, b = keras.Input((4,)), keras.Input((4,))
    given = inner({"right": b, "left": a})
    middle = keras.Model([a, b], [given["left"], given["sum"]], name="middle")
    inputs = keras.Input((4,))
    x, y = middle([inputs, layers.Dense(4, name="before")(inputs)])
    return keras.Model(inputs, layers.Concatenate(name="both")([x, y]))


@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_moving_statistics_are_equal_bit_for_bit(training):
    model = transfer()
    randomise(model)
    flat = prune.flatten(model)
    assert [layer.name for layer in flat.layers[1:]] == [
        *("rescaling", "conv", "norm", "relu", "dropout", "pool", "logits"),
    ]
    weights = model.get_weights()
    outputs = []
    for network in (model, flat):
        model.set_weights(weights)
        model.get_layer("base").get_layer("dropout").seed_generator.state.assign([1, 2])
        outputs.append((network(IMAGES, training=training).numpy(), model.get_weights()))
    np.testing.assert_array_equal(outputs[0][0], outputs[1][0])
    for before, after in zip(outputs[0][1], outputs[1][1], strict=True):
        np.testing.assert_array_equal(before, after)


def test_weights_are_shared_and_the_model_is_left_as_it_was():
    model = transfer()
    layers_before, output = model.layers, model(IMAGES).numpy()
    flat = prune.flatten(model)
    flat.get_layer("conv").set_weights([np.zeros((3, 3, 3, 6)), np.ones(6)])
    assert model.layers == layers_before
    assert np.abs(model(IMAGES) - output).max() > 0
    np.testing.assert_array_equal(flat(IMAGES), model(IMAGES))


def test_how_a_model_is_called_is_how_its_layers_are_called():
    model = transfer()
    base_layer, flat = model.get_layer("base"), prune.flatten(model)
    flat.compile("sgd", "mse")
    before = base_layer.get_layer("norm").moving_mean.numpy()
    calls = [
        node.arguments.kwargs
        for nodes in flat._nodes_by_depth.values()
        for node in nodes
        if node.operation is base_layer.get_layer("norm")
    ]
    assert [call["training"] for call in calls] == [False]
    flat(IMAGES)
    np.testing.assert_array_equal(before, base_layer.get_layer("norm").moving_mean)


def test_inputs_and_outputs_by_name_at_any_depth():
    model = two_within()
    flat = prune.flatten(model)
    values = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(flat(values), model(values))
    assert {layer.name for layer in flat.layers[1:]} == {"before", "dense", "add", "both"}


def test_a_model_within_that_is_called_twice():
    inputs, inner = keras.Input((8, 8, 3)), base()
    model = keras.Model(inputs, layers.Add(name="add")([inner(inputs), inner(layers.ReLU(name="r")(inputs))]))
    flat = prune.flatten(model)
    np.testing.assert_array_equal(flat(IMAGES), model(IMAGES))
    assert flat.count_params() == model.count_params()
    assert prune.macs(model) == 2 * prune.macs(base()) == 2 * 36 * 27 * 6


def test_layers_of_one_name_are_copied_and_renamed():
    inputs = keras.Input((8, 8, 3))
    towers = [base("one"), base("two")]
    model = keras.Model(inputs, layers.Average(name="mean")([tower(inputs) for tower in towers]))
    randomise(model)
    towers[1].get_layer("conv").trainable = False
    flat = prune.flatten(model)
    assert {layer.name for layer in flat.layers[1:]} == {
        *("conv", "norm", "relu", "dropout", "two_conv", "two_norm", "two_relu", "two_dropout", "mean"),
    }
    np.testing.assert_array_equal(flat(IMAGES), model(IMAGES))
    assert not flat.get_layer("two_conv").trainable
    assert flat.get_layer("conv").trainable
    flat.get_layer("two_conv").set_weights([np.zeros((3, 3, 3, 6)), np.zeros(6)])
    assert np.any(towers[1].get_layer("conv").kernel.numpy() != 0)


def test_a_flat_model_is_given_back_and_a_sequential_one_becomes_functional():
    model = base()
    assert prune.flatten(model) is model
    sequential = keras.Sequential([layers.Dense(3, name="dense")])
    sequential.build((None, 4))
    assert prune.flatten(sequential).get_layer("dense") is sequential.layers[0]


def test_everything_looks_into_models_within():
    model = transfer()
    randomise(model)
    assert [unit.name for unit in prune.units(model)] == ["conv"]
    assert set(prune.zero_density(model, 0.1)) == {"conv"}
    assert prune.macs(model) == 36 * 27 * 6 + 6 * 2
    assert [group.layers for group in prune.channel_groups(model)] == [("conv",)]
    assert len(prune.rank_channels(model, "conv")) == 6
    pruned = prune.shrink(model, keep=0.7, tolerance=0.2)
    assert pruned.count_params() < model.count_params()
    pruned = prune.delete_channels(model, {"conv": [2, 3]})
    assert_equals_zeroing(prune.flatten(model), pruned, {"conv": [2, 3]}, IMAGES)


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


class Doubled(type(base())):
    """A functional model whose call does more than its graph."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)


class DoubledSequential(keras.Sequential):
    """A Sequential model whose call does more than its layers."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)


def doubled_sequential():
    return DoubledSequential([keras.Input((4,)), layers.Dense(3)], name="doubled")


def within(model):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(model(inputs)))


def doubled():
    inputs = keras.Input((4,))
    return Doubled(inputs, layers.Dense(3)(inputs), name="doubled")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Subclassed(name="mine"), "model 'mine' is not functional: its class Subclassed hides its layers"),
        (lambda: within(Subclassed(name="mine")), "model 'mine' is not functional: its class Subclassed hides"),
        (lambda: within(doubled()), "model 'doubled' is not functional: its class Doubled hides its layers"),
        (doubled_sequential, "model 'doubled' is not functional: its class DoubledSequential hides its layers"),
        (lambda: within(doubled_sequential()), "model 'doubled' is not functional: its class DoubledSequential hides"),
        (lambda: keras.Sequential([layers.Dense(3)], name="unbuilt"), "model 'unbuilt' has no input shape yet: start"),
        (lambda: "teacher.keras", "'teacher.keras'"),
    ],
)
@pytest.mark.parametrize("act", [prune.flatten, prune.units, prune.shrink, prune.macs])
def test_what_cannot_be_seen_is_refused_by_name(build, message, act):
    with pytest.raises(prune.PruneError, match=message):
        act(build())
