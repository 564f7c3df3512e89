"""Shrinking to a target: costs known beforehand, the order, rounding, steps."""

from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kdsuite import prune
from kdsuite.prune import shrinking, timing
from kdsuite.prune.cost import Costs
from tests.prune.networks import SMALL, attention, residual, squeeze_and_excitation


@pytest.mark.parametrize("build", [residual, squeeze_and_excitation, attention, *SMALL.values()])
def test_costs_are_known_before_the_surgery(build):
    model = build()
    channels = prune.Channels(prune.flatten(model))
    free = [number for number in channels.members if number not in channels.kept_because]
    saved = Costs(channels, "params").saved()
    for number in (free[0], free[-1]):
        pruned = prune.delete_channels(model, channels.given_by([number]))
        assert Costs(channels, "params").without([number]) == pruned.count_params()
        assert model.count_params() - saved[number] == pruned.count_params()
        if None not in model.input_shape[1:]:
            assert Costs(channels, "macs").without([number]) == prune.macs(pruned)
            assert prune.macs(model) - Costs(channels, "macs").saved()[number] == prune.macs(pruned)


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize(("target", "cost"), [("params", keras.Model.count_params), ("macs", prune.macs)])
@pytest.mark.parametrize("criterion", ["l1", "taylor"])
def test_shrink_reaches_its_target(criterion, target, cost, scope):
    model = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=3, classifier_activation=None
    )
    random = np.random.default_rng(0)
    data = [(random.normal(size=(4, 32, 32, 3)).astype("float32"), random.integers(0, 3, 4))]
    pruned = prune.shrink(model, data, keep=0.5, criterion=criterion, scope=scope, target=target)
    assert cost(pruned) / cost(model) == pytest.approx(0.5, rel=0.02)
    shares = [pruned.get_layer(f"conv_pw_{n}").filters / model.get_layer(f"conv_pw_{n}").filters for n in range(5, 14)]
    assert (max(shares) - min(shares) < 0.02) == (scope == "layer")


def test_shrink_takes_the_least_important_first():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10, name="first"), layers.Dense(2, name="logits")])
    pruned = prune.shrink(model, keep=0.511)
    kept = np.sort(prune.rank_channels(model, "first")[5:])
    np.testing.assert_array_equal(pruned.get_layer("first").kernel, model.get_layer("first").kernel.numpy()[:, kept])
    np.testing.assert_array_equal(pruned.get_layer("logits").kernel, model.get_layer("logits").kernel.numpy()[kept])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep": 1.0}, "keep 1.0: expected a share between 0 and 1"),
        ({"keep": 0.01}, "keep 0.01 of the params is out of reach: the nearest is 0.1"),
        ({"scope": "block"}, "scope 'block': expected 'global' or 'layer'"),
        ({"scores_per": "bytes"}, "scores_per 'bytes': expected None, 'params' or 'macs'"),
        ({"round_to": 0}, "round_to 0: expected a whole number from 1"),
        ({"steps": 1.5}, "steps 1.5: expected a whole number from 1"),
        ({"max_layer_share": 0}, "max_layer_share 0: expected a share above 0, up to 1"),
        ({"criterion": lambda group: np.ones(3)}, r"scores of shape \(3,\) for the group of .*: expected \(10,\)"),
        ({"criterion": "bn_scale"}, "criterion 'bn_scale' cannot score any channel"),
        ({"target": "bytes"}, "target 'bytes': expected 'params', 'macs' or 'latency'"),
    ],
)
def test_bad_shrink(arguments, message):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10), layers.Dense(2)])
    with pytest.raises(prune.PruneError, match=message):
        prune.shrink(model, **arguments)


def test_nothing_to_shrink():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(10)], name="linear")
    with pytest.raises(prune.PruneError, match="model 'linear' has no channels that can be deleted"):
        prune.shrink(model)


def chain():
    x = inputs = keras.Input((12, 12, 3))
    for number in range(4):
        x = layers.ReLU()(layers.Conv2D(40, 3, padding="same", name=f"conv_{number}")(x))
    return keras.Model(inputs, layers.Conv2D(2, 1, name="logits")(x))


def widths(model):
    return {layer.name: layer.filters for layer in model.layers if hasattr(layer, "filters")}


def test_rounding_keeps_multiples_and_the_target():
    model = chain()
    pruned = prune.shrink(model, keep=0.5, criterion="random", round_to=8, target="macs", tolerance=0.1)
    assert prune.macs(pruned) / prune.macs(model) == pytest.approx(0.5, rel=0.1)
    kept = widths(pruned)
    assert all(width % 8 == 0 for name, width in kept.items() if name != "logits")
    plain = widths(prune.shrink(model, keep=0.5, criterion="random", target="macs"))
    assert kept != plain


def test_no_layer_loses_more_than_its_largest_share():
    model = chain()

    def uneven(group):
        """Takes conv_1 first."""
        return np.arange(len(group.group.channels)) + 1e6 * ("conv_1" not in group.layers)

    before = widths(model)
    free = widths(prune.shrink(model, keep=0.5, criterion=uneven))
    assert free == before | {"conv_1": free["conv_1"]}
    assert free["conv_1"] < 20
    bounded = widths(prune.shrink(model, keep=0.5, criterion=uneven, max_layer_share=0.4))
    assert min(bounded[name] / before[name] for name in before) == pytest.approx(0.6, abs=0.02)
    in_steps = widths(prune.shrink(model, keep=0.5, criterion=uneven, max_layer_share=0.4, steps=3))
    assert min(in_steps[name] / before[name] for name in before) == pytest.approx(0.6, abs=0.02)


def test_scores_by_what_a_channel_costs_take_the_costly_first():
    inputs = keras.Input((8,))
    x = layers.Dense(20, name="cheap")(inputs)
    x = layers.Dense(20, name="dear")(layers.Dense(1, name="neck")(x))
    model = keras.Model(inputs, layers.Dense(50, name="logits")(x))
    # A channel of "cheap" costs 8 + 1 + 1 parameters, one of "dear" 1 + 1 + 50.
    ones = {"keep": 0.8, "criterion": lambda group: np.ones(len(group.group.channels))}
    plain = prune.shrink(model, **ones)
    weighed = prune.shrink(model, scores_per="params", **ones)
    assert plain.get_layer("cheap").units < 20
    assert weighed.get_layer("cheap").units == 20
    assert weighed.get_layer("dear").units < plain.get_layer("dear").units


def test_a_criterion_of_ones_own_sees_the_group():
    model = residual()
    seen = {}

    def smallest_last(group):
        seen[group.group.layers] = group
        return group.mean(lambda layer: -np.abs(layer.weights).sum(1), normalised=False)

    pruned = prune.shrink(model, keep=0.7, criterion=smallest_last, tolerance=0.1)
    (group,) = seen.values()
    assert tuple(group.layers) == group.group.layers == ("first", "shortcut", "second")
    kernels = {name: model.get_layer(name).kernel.numpy() for name in group.layers}
    expected = -sum(np.abs(kernel).sum((0, 1, 2)) for kernel in kernels.values()) / 3
    np.testing.assert_allclose(smallest_last(group), expected, rtol=1e-6)
    kept = np.sort(np.argsort(expected)[-pruned.get_layer("first").filters :])
    np.testing.assert_array_equal(pruned.get_layer("shortcut").kernel, kernels["shortcut"][..., kept])


def test_steps_keep_equal_shares_rank_anew_and_let_one_train_between():
    model, seen = chain(), []

    def train(smaller):
        seen.append(smaller.count_params() / model.count_params())
        assert not smaller.compiled
        conv = smaller.get_layer("conv_3")
        kernel = np.ones(conv.kernel.shape)
        kernel[..., 0] = 0
        conv.set_weights([kernel, conv.bias])

    pruned = prune.shrink(model, keep=0.512, steps=3, between_steps=train)
    assert seen == pytest.approx([0.8, 0.64], rel=0.02)
    assert pruned.count_params() / model.count_params() == pytest.approx(0.512, rel=0.02)
    # What training made least important went in the last step.
    assert np.all(pruned.get_layer("conv_3").kernel.numpy() == 1)


def test_latency_is_what_is_left_of_the_time_of_a_pass():
    model = chain()
    with mock.patch.object(shrinking, "latency", lambda models: [float(prune.macs(m)) for m in models]):
        pruned = prune.shrink(model, keep=0.5, criterion="random", target="latency")
    assert prune.macs(pruned) / prune.macs(model) == pytest.approx(0.5, rel=0.05)


def test_latency_is_the_median_of_passes_in_turns_after_those_that_warm_up(monkeypatch):
    now, passes = [0.0], []

    def taking(name, *seconds):
        takes = iter([100.0, 100.0, 100.0, *seconds])

        def go_on(x):
            now[0] += next(takes)
            passes.append(name)
            return x

        same = layers.Lambda(lambda x: tf.numpy_function(go_on, [x], tf.float32), output_shape=(4,))
        return keras.Sequential([keras.Input((4,)), same])

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert prune.latency([taking("a", 1, 5, 3), taking("b", 2, 2, 9)], turns=3) == [3.0, 2.0]
    assert passes == ["a", "b"] * 6


def test_latency_needs_inputs_of_a_fixed_size():
    with pytest.raises(prune.PruneError, match="has no fixed size"):
        prune.latency([SMALL["any image size"]()])


def test_what_is_tolerated_is_the_callers_choice():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(2)])
    with pytest.raises(prune.PruneError, match="out of reach"):
        prune.shrink(model, keep=0.6)
    # 2 units of 4 leave 20 of 38 parameters.
    assert prune.shrink(model, keep=0.6, tolerance=0.2).count_params() == 20


@pytest.mark.parametrize("settings", [{"keep": 0.9, "max_layer_share": 0.2}, {"keep": 0.6}])
def test_layers_that_may_lose_no_channel_are_one_clear_error(settings):
    """A fifth of four channels is less than one; of a single channel the best one stays."""
    width = 4 if len(settings) > 1 else 1
    model = keras.Sequential([keras.Input((6,)), layers.Dense(width), layers.Dense(2)])
    for called in (prune.shrink, prune.channels_to_delete):
        with pytest.raises(prune.PruneError, match=r"no channel of model '.*' may go: each layer keeps its best"):
            called(model, **settings)


def test_channels_to_delete_are_those_that_shrink_deletes():
    model = residual()
    settings = {"keep": 0.5, "criterion": "l1", "target": "macs", "tolerance": 0.2}
    channels = prune.channels_to_delete(model, **settings)
    one, other = prune.delete_channels(model, channels), prune.shrink(model, **settings)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_latency_looks_up_what_any_table_has_and_refuses_texts():
    segments = keras.Sequential([keras.Input((128,), dtype="int32"), layers.Embedding(2, 8), layers.Flatten()])
    (seconds,) = prune.latency([segments], turns=1)
    assert seconds > 0
    words = keras.Sequential([keras.Input((2,), dtype="string"), layers.Identity()])
    with pytest.raises(prune.PruneError, match="is text: expected numbers to measure latency"):
        prune.latency([words])


def test_the_largest_share_of_a_layer_is_not_rounded_down_by_a_channel():
    """0.29 · 100 is 28.999… in floats."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(100, name="hidden"), layers.Dense(2)])
    deleted = prune.channels_to_delete(model, keep=0.71, max_layer_share=0.29)
    assert len(deleted["hidden"]) == 29


def test_a_model_whose_multiply_adds_are_not_counted_is_refused():
    inputs = keras.Input((6,))
    x = layers.Embedding(9, 4)(inputs)
    model = keras.Model(inputs, layers.GlobalAveragePooling1D()(x))
    with pytest.raises(prune.PruneError, match='has no macs that are counted: shrink it by "params"'):
        prune.shrink(model, target="macs")


def test_a_dropout_whose_noise_is_of_the_channels_size_is_refused():
    model = keras.Sequential(
        [
            *(keras.Input((4, 4, 3)), layers.Conv2D(8, 3, name="first"), layers.Dropout(0.5, (None, 1, 1, 8))),
            *(layers.Conv2D(4, 1), layers.Flatten(), layers.Dense(2)),
        ]
    )
    with pytest.raises(prune.PruneError, match="noise_shape has a size for the channels: expected None or 1 there"):
        prune.delete_channels(model, {"first": [0]})
