import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from kdsuite.prune.removal import _shapes
from tests.prune.networks import sequence


def network(names=("a", "b", "c"), *, strides=(1, 1, 1), filters=(4, 4, 4), seed=0):
    """A chain of convolutions; `names` says which of a, b, c are there."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3), name="image")
    x = inputs
    for name, stride, width in zip("abc", strides, filters, strict=True):
        if name in names:
            x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=name)(x)
            x = layers.BatchNormalization(name=f"{name}_bn")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(x))


def shake(model):
    """Gives each weight, batch-norm statistics too, a value of its own."""
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.2, 1, weight.shape) for weight in model.get_weights()])
    return model


IMAGES = np.random.default_rng(2).normal(size=(3, 16, 16, 3)).astype(np.float32)


def test_removal_equals_the_network_built_by_hand_layer_for_layer():
    model = shake(network())
    pruned = prune.remove(model, prune.select(model, "name", names=["b"]))
    by_hand = network("ac")
    for layer in by_hand.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in by_hand.layers]
    for one, other in zip(pruned.layers, by_hand.layers, strict=True):
        assert one.get_config() == other.get_config()
        assert one.output.shape == other.output.shape
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(pruned(IMAGES), by_hand(IMAGES))


def test_across_a_change_of_channels_only_what_no_longer_fits_is_new():
    model = shake(network(filters=(4, 6, 8)))
    pruned = prune.remove(model, prune.select(model, "name", names=["b"]))
    assert pruned.get_layer("c").kernel.shape == (3, 3, 4, 8)
    report = prune.removal_report(model, pruned)
    assert report.removed == ("b", "b_bn")
    assert report.initialised == ("c",)
    assert report.piped == ("a", "a_bn", "c_bn", "logits")
    removed, narrowed = 9 * 4 * 6 + 4 * 6, 9 * (6 - 4) * 8
    assert report.params == (model.count_params(), model.count_params() - removed - narrowed)
    assert report.macs[0] - report.macs[1] == 256 * (9 * 4 * 6 + narrowed)


def test_across_a_stride_everything_behind_sees_larger_images():
    model = shake(network(strides=(1, 2, 1)))
    pruned = prune.remove(model, prune.select(model, "name", names=["b"]))
    assert pruned.get_layer("c_relu").output.shape == (None, 16, 16, 4)
    assert prune.removal_report(model, pruned).initialised == ()


def test_random_weights_are_new_everywhere_and_follow_the_seed():
    model = shake(network())
    pruned = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        pruned.append(prune.remove(model, prune.select(model, "name", names=["b"]), weights="random"))
    assert prune.removal_report(model, pruned[0]).piped == ()
    np.testing.assert_array_equal(pruned[0](IMAGES), pruned[1](IMAGES))
    assert np.any(pruned[0].get_layer("a").kernel.numpy() != pruned[2].get_layer("a").kernel.numpy())


def test_the_callers_model_is_left_as_it_was():
    model = shake(network())
    before, output = model.get_weights(), model(IMAGES).numpy()
    pruned = prune.remove(model, prune.units(model)[:1])
    pruned.compile("sgd", "mse")
    pruned.fit(IMAGES, np.ones((3, 2)), verbose=0, shuffle=False)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(output, model(IMAGES))
    assert len(prune.units(model)) == 3


def test_the_pruned_network_saves_and_loads(tmp_path):
    model = shake(network())
    pruned = prune.remove(model, prune.units(model)[1:2])
    pruned.save(tmp_path / "pruned.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "pruned.keras")(IMAGES), pruned(IMAGES))


@pytest.mark.parametrize("count", [1, 5, 13])
@pytest.mark.parametrize("size", ["layer", "block"])
def test_any_choice_of_mobilenet_units_gives_a_network_that_runs(count, size):
    model = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(64, 64, 3), include_top=False, pooling="avg"
    )
    model = keras.Model(model.input, layers.Dense(2, name="logits")(model.output))
    chosen = prune.select(model, "random", count, seed=count, size=size)
    pruned = prune.remove(model, chosen)
    assert pruned(np.zeros((1, 64, 64, 3))).shape == (1, 2)
    report = prune.removal_report(model, pruned)
    assert set(report.removed) >= {name for unit in chosen for name in unit.weighted}
    assert set(report.piped) | set(report.initialised) == {layer.name for layer in pruned.layers if layer.weights}
    for name in report.initialised:
        old, new = (m.get_layer(name).get_weights() for m in (model, pruned))
        assert _shapes(old) != _shapes(new)


def residual(merge):
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    y = layers.Conv2D(6, 1, name="expand")(x)
    y = layers.Conv2D(4, 1, name="project")(y)
    x = merge([x, y])
    return keras.Model(inputs, layers.Dense(2, name="logits")(layers.GlobalAveragePooling2D()(x)))


def test_inside_a_residual_branch_a_removal_that_fits_is_made():
    model = residual(layers.Add(name="merge"))
    pruned = prune.remove(model, prune.select(model, "name", names=["expand"]))
    assert prune.removal_report(model, pruned).initialised == ("project",)


@pytest.mark.parametrize(
    ("merge", "names", "message"),
    [
        (layers.Add(name="merge"), ["project"], r"removing project breaks merge 'merge': .*\(None, 8, 8, 6\)"),
        (layers.Add(name="merge"), ["expand", "project"], "breaks merge 'merge': two of its inputs"),
        (layers.Concatenate(name="merge"), ["expand", "project"], "breaks merge 'merge': two of its inputs"),
    ],
)
def test_a_removal_that_breaks_a_merge_is_refused_by_name(merge, names, message):
    model = residual(merge)
    with pytest.raises(prune.PruneError, match=message):
        prune.remove(model, prune.select(model, "name", names=names))


def test_a_concatenation_with_other_channels_is_fine_and_another_size_is_refused():
    model = residual(layers.Concatenate(name="merge"))
    assert prune.remove(model, prune.select(model, "name", names=["project"])).get_layer("merge").output.shape[-1] == 10
    inputs = keras.Input((8, 8, 4))
    halves = [layers.Conv2D(4, 3, strides=2, padding="same", name=name)(inputs) for name in ("left", "right")]
    merged = layers.GlobalAveragePooling2D()(layers.Concatenate(name="merge")(halves))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(merged))
    with pytest.raises(prune.PruneError, match="breaks merge 'merge': its inputs would have the shapes"):
        prune.remove(model, prune.select(model, "name", names=["left"]))


def test_a_layer_that_cannot_take_its_new_input_is_named():
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(6, 1, name="widen")(inputs)
    x = layers.Reshape((8, 8 * 6), name="reshape")(x)
    model = keras.Model(inputs, layers.Dense(2, name="logits")(layers.Flatten()(x)))
    with pytest.raises(prune.PruneError, match="removing widen leaves layer 'reshape' with an unfit input"):
        prune.remove(model, prune.units(model))


def test_unknown_weights_are_refused():
    model = network()
    with pytest.raises(prune.PruneError, match="weights 'copied': expected 'piped' or 'random'"):
        prune.remove(model, prune.units(model)[:1], weights="copied")


def test_a_sequential_model_is_pruned_as_the_functional_one():
    functional = shake(network())
    sequential = keras.Sequential(functional.layers)
    pruned = prune.remove(sequential, prune.select(sequential, "name", names=["b"]))
    np.testing.assert_array_equal(pruned(IMAGES), prune.remove(functional, prune.units(functional)[1:2])(IMAGES))


def squeeze_and_excitation():
    """As in EfficientNet: a block whose gate is broadcast over positions, with an identity shortcut."""
    inputs = keras.Input((8, 8, 6))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    y = layers.Conv2D(6, 1, name="expand")(x)
    gate = layers.Reshape((1, 1, 6), name="reshape")(layers.GlobalAveragePooling2D(name="pool")(y))
    gate = layers.Conv2D(2, 1, activation="relu", name="reduce")(gate)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(gate)
    y = layers.Conv2D(6, 1, name="project")(layers.Multiply(name="gated")([y, gate]))
    x = layers.Add(name="sum")([x, y])
    x = layers.Conv2D(8, 3, name="last")(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(layers.GlobalAveragePooling2D()(x)))


SMALL_IMAGES = np.random.default_rng(2).normal(size=(3, 8, 8, 6)).astype(np.float32)


def test_a_gate_that_is_broadcast_is_no_break():
    model = squeeze_and_excitation()
    for name in ("stem", "expand", "reduce", "project", "last"):
        pruned = prune.remove(model, prune.select(model, "name", names=[name]))
        assert name not in [layer.name for layer in pruned.layers]
        assert pruned(SMALL_IMAGES).shape == (3, 2)
    with pytest.raises(prune.PruneError, match=r"removing excite breaks merge 'gated': .*\(None, 1, 1, 2\)"):
        prune.remove(model, prune.select(model, "name", names=["excite"]))


def test_a_merge_that_did_not_broadcast_may_not_begin_to():
    inputs = keras.Input((8, 8, 1))
    branches = [layers.Conv2D(6, 1, name=name)(inputs) for name in ("left", "right")]
    x = layers.GlobalAveragePooling2D()(layers.Add(name="sum")(branches))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    with pytest.raises(prune.PruneError, match=r"removing right breaks merge 'sum': its inputs would have the shapes"):
        prune.remove(model, prune.select(model, "name", names=["right"]))


def test_an_output_keeps_its_shape():
    inputs = keras.Input((8, 8, 4))
    branches = [layers.Conv2D(6, 1, name=name)(inputs) for name in ("left", "right")]
    narrow = layers.Conv2D(6, 1, name="narrow")(layers.Conv2D(3, 1, name="middle")(branches[0]))
    model = keras.Model(inputs, [layers.Concatenate(name="both")(branches), narrow])
    assert [unit.name for unit in prune.units(model)] == ["left", "right", "middle"]
    message = r"removing left changes the model's output 'both' from shape \(None, 8, 8, 12\) to \(None, 8, 8, 10\)"
    with pytest.raises(prune.PruneError, match=message):
        prune.remove(model, prune.select(model, "name", names=["left", "middle"]))
    assert prune.remove(model, prune.select(model, "name", names=["middle"])).output_shape == model.output_shape


def test_removing_nothing_is_a_copy():
    model = shake(squeeze_and_excitation())
    copy = prune.remove(model, [])
    np.testing.assert_array_equal(copy(SMALL_IMAGES), model(SMALL_IMAGES))
    assert copy.layers[1] is not model.layers[1]
    assert str(prune.removal_report(model, copy)).startswith("removed nothing; piped 7 layers; initialised anew none")


def test_a_refusal_names_the_unit_to_blame():
    model = squeeze_and_excitation()
    chosen = prune.select(model, "name", names=["stem", "reduce", "excite", "last"])
    # Without "reduce" too, the gate has all 6 channels.
    prune.remove(model, prune.select(model, "name", names=["reduce", "excite"]))
    with pytest.raises(prune.PruneError, match=r"^removing excite breaks merge 'gated'"):
        prune.remove(model, [unit for unit in chosen if unit.name in ("stem", "last", "excite")])
    inputs = keras.Input((8, 8, 4))
    branches = [layers.Conv2D(4, 1, name=name)(inputs) for name in ("left", "right")]
    x = layers.Conv2D(3, 1, name="last")(layers.Add(name="sum")(branches))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(layers.GlobalAveragePooling2D()(x)))
    with pytest.raises(prune.PruneError, match=r"^removing left together with right breaks merge 'sum': two of its"):
        prune.remove(model, prune.units(model))


def test_a_model_within_is_looked_into_and_left_as_it_was():
    base = shake(network())
    base = keras.Model(base.input, base.get_layer("pool").output)
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(base(inputs)))
    pruned = prune.remove(model, prune.select(model, "name", names=["b"]))
    assert "b" not in [layer.name for layer in pruned.layers]
    assert prune.removal_report(model, pruned).initialised == ()
    assert prune.macs(pruned) < prune.macs(model)


def test_what_a_normalization_knows_of_the_data_is_not_drawn():
    normalise = layers.Normalization(name="normalise")
    normalise.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    model = keras.Sequential([keras.Input((2,)), normalise, layers.Dense(2, name="one"), layers.Dense(2, name="two")])
    pruned = prune.remove(model, prune.select(model, "name", names=["one"]), weights="random")
    np.testing.assert_allclose(pruned.get_layer("normalise")(np.array([[2.0, 20.0]])), [[0, 0]], atol=1e-6)
    assert not np.array_equal(pruned.get_layer("two").kernel, model.get_layer("two").kernel)


def attention():
    """Dot products over axes of different sizes, and a gate of fewer axes than what it gates."""
    inputs = keras.Input((6, 4))
    x = layers.Dense(4, name="query")(inputs)
    weights = layers.Softmax()(layers.Dot(axes=(2, 2))([x, x := layers.Dense(4, name="keys")(x)]))
    x = layers.Dot(axes=(2, 1), name="mixed")([weights, x])
    gate = layers.Dense(4, name="gate")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(2)(layers.Multiply()([x, gate])))


def test_merges_that_nothing_changes_are_no_obstacle():
    model = attention()
    images = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    np.testing.assert_allclose(prune.remove(model, [])(images), model(images), rtol=1e-6)
    pruned = prune.remove(model, prune.select(model, "name", names=["query"]))
    assert "query" not in [layer.name for layer in pruned.layers]


def test_a_block_with_an_operation_of_several_outputs_goes():
    """A gated feed-forward (GEGLU) halves what a dense layer gives."""
    inputs = keras.Input((6, 8))
    first = x = layers.Dense(8, name="first")(inputs)
    values, gates = keras.ops.split(layers.Dense(32, name="wide")(layers.LayerNormalization()(x)), 2, axis=-1)
    x = layers.Add()([x, layers.Dense(8, name="narrow")(values * keras.ops.gelu(gates))])
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    (block,) = [unit for unit in prune.units(model, "block") if "wide" in unit.layers]
    pruned = prune.remove(model, [block])
    images = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    expected = model.get_layer("head")(keras.Model(inputs, first)(images))
    np.testing.assert_allclose(pruned(images), expected, rtol=1e-5, atol=1e-6)


def test_a_layer_that_is_called_by_keyword_passes_on_what_it_reads():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(4, name="middle")(inputs=inputs)))
    assert len(prune.remove(model, prune.select(model, "name", names=["middle"])).layers) == 2


def test_units_of_another_model_are_refused():
    model, other = (sequence((4,), layers.Dense(4, name=name), layers.Dense(4)) for name in ("ours", "theirs"))
    with pytest.raises(prune.PruneError, match="has no 'theirs', which unit 'theirs' holds: expected units of this"):
        prune.remove(model, prune.units(other)[:1])


def test_each_call_of_a_shared_merge_is_compared_with_itself():
    inputs = keras.Input((4, 4, 3))
    scale = layers.Dense(3, name="scale")(layers.GlobalAveragePooling2D(keepdims=True)(inputs))
    multiply = layers.Multiply(name="multiply")
    x = multiply([inputs, scale])
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(multiply([x, inputs]))))
    copy = prune.remove(model, [])
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(copy(images), model(images))


def test_optional_and_sparse_inputs_stay_so():
    inputs = keras.Input((4,), name="given")
    extra = keras.Input((4,), name="extra", optional=True)
    sparse = keras.Input((9,), name="sparse", sparse=True)
    x = [layers.Dense(3)(inputs), layers.Dense(3)(sparse)]
    model = keras.Model([inputs, extra, sparse], layers.Add()(x))
    copy = prune.remove(model, [])
    assert [(i.sparse, i._keras_history.operation.optional) for i in copy.inputs] == [
        (False, False),
        (False, True),
        (True, False),
    ]
