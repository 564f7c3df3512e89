"""Residual blocks as units, their importance, and what cannot be removed."""

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune


def residual_network(blocks=3):
    """A stem, blocks with an identity shortcut, and one with a projection."""
    inputs = keras.Input((8, 8, 6))
    x = layers.ReLU(name="stem_relu")(layers.Conv2D(6, 3, padding="same", name="stem")(inputs))
    for number in range(blocks):
        y = layers.Conv2D(4, 1, activation="relu", name=f"reduce_{number}")(x)
        y = layers.BatchNormalization(name=f"norm_{number}")(layers.Conv2D(6, 1, name=f"expand_{number}")(y))
        x = layers.ReLU(name=f"relu_{number}")(layers.Add(name=f"sum_{number}")([x, y]))
    y = layers.Conv2D(8, 3, strides=2, padding="same", name="wide")(x)
    x = layers.Add(name="sum_wide")([layers.Conv2D(8, 1, strides=2, name="shortcut")(x), y])
    return keras.Model(inputs, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="pool")(x)))


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    return [(random.normal(size=(10, 8, 8, 6)).astype("float32"), random.integers(0, 3, 10)) for _ in range(2)]


def test_a_residual_branch_with_its_sum_is_a_block():
    model = residual_network()
    blocks = prune.units(model, "block")
    assert [unit.name for unit in blocks[:4]] == ["stem", "reduce_0", "reduce_1", "reduce_2"]
    assert {unit.name for unit in blocks[4:]} == {"wide", "shortcut"}
    assert set(blocks[1].layers) == {"reduce_0", "expand_0", "norm_0", "sum_0"}
    assert blocks[1].weighted == ("reduce_0", "expand_0")


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # Bottlenecks but for the first of each of 4 stages (arXiv 1512.03385, table 1: 3, 4, 6, 3).
        ("ResNet50", 12),
        # Here the last block of each stage but one has the stride, and a pooled shortcut.
        ("ResNet50V2", 9),
        # Inverted residuals of stride 1 with equal widths (arXiv 1801.04381, table 2: n − 1 a row).
        ("MobileNetV2", 10),
        # arXiv 1905.11946, table 1: 1, 2, 2, 3, 3, 4, 1 layers a stage.
        ("EfficientNetB0", 9),
        # arXiv 2201.03545: 3, 3, 9, 3; here sums are operations and the downsampling Sequential models.
        ("ConvNeXtTiny", 18),
    ],
)
def test_blocks_of_published_networks(name, count):
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=3)
    operations = {operation.name: operation for operation in prune.flatten(model).operations}
    sums = {name for name, operation in operations.items() if type(operation).__name__ == "Add"}
    residual = [unit for unit in prune.units(model, "block") if sums & set(unit.layers)]
    assert len(residual) == count
    chosen = residual[1::4]
    pruned = prune.remove(model, chosen)
    assert prune.removal_report(model, pruned).initialised == ()
    weighted = {name for unit in chosen for name in unit.weighted}
    assert set(prune.removal_report(model, pruned).removed) >= weighted


def test_without_a_block_its_input_goes_on():
    model = residual_network(2)
    pruned = prune.remove(model, prune.select(model, "name", names=["sum_1"], size="block"))
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 6)).astype("float32")
    # The sum of a ReLU's output with nothing passes the next ReLU as it is.
    expected = keras.Model(model.get_layer("wide").input, model.output)
    before = keras.Model(model.input, model.get_layer("relu_0").output)(images)
    np.testing.assert_array_equal(pruned(images), expected(before))


def test_what_cannot_be_removed_is_passed_over_with_a_warning():
    model = residual_network(1)
    for name in ("expand_0", "reduce_0"):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros(layer.kernel.shape), np.zeros(layer.bias.shape)])
    layer = model.get_layer("stem")
    layer.set_weights([np.full(layer.kernel.shape, 0.001), np.ones(6)])
    # Densities: reduce_0 1, expand_0 1, stem 0.98; without both of the first, the sum has one tensor on both sides.
    with pytest.warns(
        UserWarning, match="unit 'expand_0' is passed over: removing it breaks merge 'sum_0': two of its"
    ):
        chosen = prune.select(model, "zero_density", 2, threshold=0.01)
    assert [unit.name for unit in chosen] == ["stem", "reduce_0"]
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(prune.PruneError, match="5 units to remove: only 2 of the 5 ranked units"),
    ):
        prune.select(model, "random", 5)


def test_sensitivity_is_what_is_lost_without_a_unit(data):
    model = residual_network()
    images, labels = (np.concatenate(parts) for parts in zip(*data, strict=True))

    def loss(network):
        return np.mean(keras.losses.sparse_categorical_crossentropy(labels, network(images), from_logits=True))

    lost = prune.sensitivity(model, data, "block")
    unit = prune.units(model, "block")[2]
    assert lost[unit.name] == pytest.approx(loss(prune.remove(model, [unit])) - loss(model), rel=1e-4)
    accuracy = prune.sensitivity(model, data, "block", measure="accuracy")
    right = [np.mean(np.argmax(m(images), -1) == labels) for m in (model, prune.remove(model, [unit]))]
    assert accuracy[unit.name] == pytest.approx(right[0] - right[1])
    # Without one side of it, the sum with the projection has other widths.
    assert set(lost) == {"stem", "reduce_0", "reduce_1", "reduce_2"}
    (chosen,) = prune.select(model, "sensitivity", 1, size="block", data=data)
    assert lost[chosen.name] == min(lost.values())


def test_sensitivity_draws_by_its_seed_and_leaves_other_draws_alone(data):
    model = residual_network()
    keras.utils.set_random_seed(5)
    expected = keras.initializers.GlorotUniform()((3, 3))
    keras.utils.set_random_seed(5)
    once = prune.sensitivity(model, data)
    np.testing.assert_array_equal(keras.initializers.GlorotUniform()((3, 3)), expected)
    assert prune.sensitivity(model, data) == once
    # A layer behind a change of width is drawn.
    assert prune.sensitivity(model, data, seed=1) != once


def test_block_influence_is_one_less_the_cosine_of_input_and_output(data):
    model = residual_network()
    expand = model.get_layer("expand_1")
    expand.set_weights([np.zeros(expand.kernel.shape), np.zeros(6)])
    influence = prune.block_influence(model, data)
    assert influence["reduce_1"] == pytest.approx(0, abs=1e-6)
    images = np.concatenate([images for images, _ in data])
    observer = keras.Model(model.input, [model.get_layer("relu_1").output, model.get_layer("sum_2").output])
    read, given = (value.numpy().reshape(-1, 6) for value in observer(images))
    cosines = [
        x @ y / (np.linalg.norm(x) * np.linalg.norm(y) or 1) if x.any() or y.any() else 1
        for x, y in zip(read, given, strict=True)
    ]
    assert influence["reduce_2"] == pytest.approx(1 - np.mean(cosines), rel=1e-4)
    assert set(influence) == {"stem", "reduce_0", "reduce_1", "reduce_2"}
    assert [unit.name for unit in prune.select(model, "block_influence", 1, size="block", data=data)] == ["reduce_1"]


def test_block_influence_leaves_out_what_is_called_twice():
    inputs, shared = keras.Input((8,)), layers.Dense(8, kernel_initializer="identity", name="shared")
    x = layers.Dense(8, kernel_initializer=keras.initializers.Constant(-1), name="between")(shared(inputs))
    model = keras.Model(inputs, layers.Dense(4, name="logits")(shared(x)))
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    # "between" gives −Σx on each axis.
    cosines = -np.sign(x.sum(1)) * x.sum(1) / (np.linalg.norm(x, axis=1) * np.sqrt(8))
    assert prune.block_influence(model, [(x, None)], "layer") == {"between": pytest.approx(1 - cosines.mean())}
    model = keras.Model(inputs, layers.Dense(4)(shared(shared(inputs))))
    with pytest.raises(prune.PruneError, match="no unit, called once, whose output has the shape of its input"):
        prune.block_influence(model, [(x, None)], "layer")


def test_a_branch_with_a_layer_called_twice_is_a_block_only_between_its_ends():
    def network(within):
        inputs = keras.Input((8, 8, 4))
        x = layers.Conv2D(4, 1, name="stem")(inputs)
        act = layers.ReLU(name="act")
        y = act(layers.Conv2D(4, 1, name="inner")(act(x if within else inputs)))
        return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Add(name="sum")([x, y]))))

    blocks = [{frozenset(unit.layers) for unit in prune.units(network(within), "block")} for within in (True, False)]
    assert blocks[0] == {frozenset({"stem"}), frozenset({"act", "inner", "sum"})}
    assert blocks[1] == {frozenset({"stem"}), frozenset({"inner"})}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda model: prune.select(model, "sensitivity", 1), "select by 'sensitivity' needs data"),
        (lambda model: prune.sensitivity(model, [], measure="f1"), "measure 'f1': expected 'loss' or 'accuracy'"),
        (lambda model: prune.sensitivity(model, []), "the data hold no batches"),
        (
            lambda model: prune.sensitivity(model, [(np.zeros((5, 8, 8, 6)), np.zeros((5, 1)))], measure="accuracy"),
            r"labels of shape \(5, 1\): expected \(n,\), the number of the class",
        ),
        (
            lambda model: prune.sensitivity(model, [(np.zeros((5, 8, 8, 6)), np.zeros((5, 3)))], measure="accuracy"),
            r"labels of shape \(5, 3\): expected \(n,\)",
        ),
        (lambda model: prune.block_influence(model, []), "the data hold no batches"),
        (
            lambda model: prune.block_influence(model, [np.zeros((5, 8, 8, 6))]),
            r"a batch of type ndarray: expected \(inputs, …\)",
        ),
    ],
)
def test_refusals(act, message):
    with pytest.raises(prune.PruneError, match=message):
        act(residual_network(1))
