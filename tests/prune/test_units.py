import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune


def small_mobilenet():
    return keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(64, 64, 3), classes=2)


def chain():
    """Two convolutions whose weights are set by hand, a dense layer, logits."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.ZeroPadding2D(name="pad"),
            layers.Conv2D(2, 3, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Conv2D(2, 1, use_bias=False, name="second"),
            layers.Flatten(),
            layers.Dense(3, name="hidden"),
            layers.Dense(2, name="logits"),
        ]
    )
    first = np.full((3, 3, 1, 2), 0.5)
    first[0, 0, 0] = [0.005, -0.02]
    model.get_layer("first").set_weights([first, np.array([0.0, 1.0])])
    model.get_layer("second").set_weights([np.array([0.001, -0.001, 0.3, -0.3]).reshape(1, 1, 2, 2)])
    return model


def test_a_unit_takes_padding_normalisation_and_activation_along():
    found = {unit.name: unit.layers for unit in prune.units(chain())}
    assert found == {
        "first": ("pad", "first", "norm", "relu"),
        "second": ("second",),
        "hidden": ("hidden",),
    }


def test_mobilenet_has_27_layers_and_14_blocks():
    """conv1 and 13 depthwise-separable blocks (arXiv 1704.04861, table 1); the classifier is the output."""
    model = small_mobilenet()
    assert len(prune.units(model)) == 27
    blocks = prune.units(model, "block")
    assert len(blocks) == 14
    assert blocks[2].weighted == ("conv_dw_2", "conv_pw_2")
    assert blocks[2].layers == (
        "conv_pad_2", "conv_dw_2", "conv_dw_2_bn", "conv_dw_2_relu", "conv_pw_2", "conv_pw_2_bn", "conv_pw_2_relu",
    )  # fmt: skip


def test_zero_density_against_numpy():
    densities = prune.zero_density(chain(), 0.01)
    # 18 kernel values and 2 biases, of which 0.005 and 0.0 lie under 0.01.
    assert densities["first"] == pytest.approx(2 / 20)
    assert densities["second"] == pytest.approx(2 / 4)
    assert prune.zero_density(chain(), 0.021)["first"] == pytest.approx(3 / 20)
    model = small_mobilenet()
    for name, density in prune.zero_density(model, 0.05).items():
        kernel = model.get_layer(name).get_weights()[0]
        assert density == np.count_nonzero(np.abs(kernel) < 0.05) / kernel.size


def test_zero_density_of_a_block_pools_its_weights():
    model = small_mobilenet()
    kernels = [model.get_layer(name).get_weights()[0].ravel() for name in ("conv_dw_4", "conv_pw_4")]
    expected = np.mean(np.abs(np.concatenate(kernels)) < 0.1)
    assert prune.zero_density(model, 0.1, "block")["conv_dw_4"] == pytest.approx(expected)


def test_select_by_zero_density_takes_the_densest_and_keeps_the_models_order():
    model = chain()
    hidden = model.get_layer("hidden")
    hidden.set_weights([np.ones(hidden.kernel.shape), np.ones(3)])
    assert [unit.name for unit in prune.select(model, "zero_density", 1, threshold=0.01)] == ["second"]
    assert [unit.name for unit in prune.select(model, "zero_density", 2, threshold=0.01)] == ["first", "second"]


def test_order_of_zero_density_depends_on_the_threshold():
    model = chain()
    model.get_layer("first").set_weights([np.full((3, 3, 1, 2), 0.2), np.zeros(2)])
    order = [prune.select(model, "zero_density", 1, threshold=threshold)[0].name for threshold in (0.01, 0.25)]
    assert order == ["second", "first"]


def test_random_selection_is_reproducible_and_covers_all_units():
    convolutions = [layers.Conv2D(2, 3, padding="same", name=f"conv_{number}") for number in range(9)]
    model = keras.Sequential([keras.Input((8, 8, 2)), *convolutions, layers.Flatten(), layers.Dense(2)])
    pick, again = (
        [tuple(unit.name for unit in prune.select(model, "random", 4, seed=seed)) for seed in range(6)]
        for _ in range(2)
    )
    assert pick == again
    assert len(set(pick)) == 6
    assert {name for names in pick for name in names} == {unit.name for unit in prune.units(model)}


def test_select_by_name_takes_any_layer_of_a_unit():
    assert [unit.name for unit in prune.select(chain(), "name", names=["hidden", "norm"])] == ["first", "hidden"]


def test_layers_shared_with_another_model_keep_their_units():
    model = chain()
    keras.Model(model.inputs[0], layers.Dense(1)(layers.Flatten()(model.get_layer("relu").output)))
    assert prune.units(model)[0].layers == ("pad", "first", "norm", "relu")


@pytest.mark.parametrize(
    "norm", [layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization, layers.PReLU]
)
def test_a_head_with_a_normalisation_behind_it_is_no_unit(norm):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.ReLU(),
            layers.Conv2D(8, 1, name="classes"),
            norm(**({"groups": 2} if norm is layers.GroupNormalization else {})),
            layers.GlobalAveragePooling2D(),
        ]
    )
    assert [unit.name for unit in prune.units(model)] == ["first"]


def with_one_activation():
    """Three convolutions with the same activation layer behind each."""
    act, inputs = layers.ReLU(name="act"), keras.Input((8, 8, 4))
    x = inputs
    for name in ("c1", "c2", "c3"):
        x = act(layers.Conv2D(4, 3, padding="same", name=name)(x))
    return keras.Model(inputs, layers.Dense(2, name="logits")(layers.GlobalAveragePooling2D()(x)))


def test_an_activation_that_others_use_stays_when_one_of_them_goes():
    model = with_one_activation()
    assert [unit.layers for unit in prune.units(model)] == [("c1",), ("c2",), ("c3",)]
    pruned = prune.remove(model, prune.select(model, "name", names=["c2"]))
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 4)).astype("float32")
    x = images
    for name in ("c1", "c3"):
        x = np.maximum(model.get_layer(name)(x), 0)
    expected = model.get_layer("logits")(x.mean((1, 2)))
    np.testing.assert_allclose(pruned(images), expected, rtol=1e-5, atol=1e-6)


def test_a_pointwise_convolution_that_two_depthwise_ones_feed_joins_neither():
    inputs, pointwise = keras.Input((8, 8, 4)), layers.Conv2D(4, 1, name="pointwise")
    parts = [pointwise(layers.DepthwiseConv2D(3, name=name)(inputs)) for name in ("left", "right")]
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()(parts))
    model = keras.Model(inputs, layers.Dense(2)(x))
    assert {unit.weighted for unit in prune.units(model, "block")} == {("left",), ("right",), ("pointwise",)}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda model: prune.select(model, "random", 4), "4 units to remove: expected 1 to 3"),
        (lambda model: prune.select(model, "random", 0), "0 units"),
        (lambda model: prune.select(model, "name", names=["third"]), "no unit 'third': expected one of first, second"),
        (lambda model: prune.select(model, "size", 1), "select by 'size'"),
        (lambda model: prune.zero_density(model, 0), "threshold 0"),
        (lambda model: prune.units(model, "stage"), "unit size 'stage'"),
        (lambda model: prune.units(keras.Sequential([keras.Input((3,)), layers.Dense(2)])), "besides its output"),
    ],
)
def test_refusals(act, message):
    with pytest.raises(prune.PruneError, match=message):
        act(chain())


@pytest.mark.parametrize("tapped", ["second", "sum"])
def test_a_block_that_holds_an_output_is_no_unit(tapped):
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(2, 3, padding="same", name="first")(inputs)
    x = layers.Conv2D(2, 3, padding="same", name="second")(x)
    x = layers.Add(name="sum")([inputs, x])
    logits = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x))
    plain = keras.Model(inputs, logits)
    assert [unit.layers for unit in prune.units(plain, "block")] == [("first", "second", "sum")]
    model = keras.Model(inputs, {"aux": plain.get_layer(tapped).output, "logits": logits})
    assert not any(tapped in unit.layers for unit in prune.units(model, "block"))
