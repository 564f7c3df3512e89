"""Two ways to delete channels give the same weights, and only one of them needs tf_keras."""

import importlib.util
import subprocess
import sys

import keras
import numpy as np
import pytest

from kdsuite import prune
from tests.prune.networks import SMALL, attention, concatenated, inputs_for, operators, residual, shared
from tests.prune.zeroing import randomise

NOT_KERASSURGEONS = {
    *("Conv1DTranspose", "Conv3DTranspose", "SeparableConv1D", "DepthwiseConv1D", "PReLU for each position"),
    *("PReLU for all channels", "weights from an array"),
    *("LayerNormalization", "LayerNormalization of all axes", "RMSNormalization", "Embedding"),
    *("GroupNormalization, one group", "GroupNormalization, a group a channel"),
    *("GlobalAveragePooling3D", "GlobalMaxPooling3D"),
}
NETWORKS = {name: build for name, build in SMALL.items() if name not in NOT_KERASSURGEONS} | {
    "residual": residual,
    "Concatenate of positions": lambda: concatenated(1),
    "shared": shared,
    "operators": operators,
    "MobileNet": lambda: keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=3),
    "MobileNetV2": lambda: keras.applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3), classes=3),
}


def some_channels(model) -> dict[str, list[int]]:
    """A third of every group."""
    rng, deleted = np.random.default_rng(0), {}
    for group in prune.channel_groups(model):
        for index in rng.permutation(len(group.channels))[: -(-len(group.channels) // 3)]:
            for layer, channel in group.channels[index]:
                deleted.setdefault(layer, []).append(channel)
    return deleted


@pytest.mark.parametrize("name", NETWORKS)
def test_both_surgeons_give_the_same_weights_bit_for_bit(name):
    model = NETWORKS[name]()
    randomise(model)
    deleted = some_channels(model)
    ours, theirs = (prune.delete_channels(model, deleted, surgeon=surgeon) for surgeon in ("keras", "kerassurgeon"))
    assert ours.count_params() < model.count_params()
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        if not isinstance(one, keras.layers.Reshape):
            assert one.get_config() == other.get_config()
        assert one.output.shape == other.output.shape
        for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("name", sorted(NOT_KERASSURGEONS))
def test_what_kerassurgeon_does_not_know_is_refused_by_name(name):
    with pytest.raises(prune.PruneError, match=r"kerassurgeon cannot operate on '.*', of type .*: use surgeon='keras'"):
        prune.delete_channels(SMALL[name](), {"first": [0]}, surgeon="kerassurgeon")


def test_layers_that_kerassurgeon_does_not_know_may_stand_where_no_channel_is_deleted():
    model = attention()
    hidden = keras.layers.Dense(3, name="last")(keras.layers.Dense(4, name="hidden")(model.output))
    model = keras.Model(model.input, hidden)
    ours, theirs = (
        prune.delete_channels(model, {"hidden": [1]}, surgeon=surgeon) for surgeon in ("keras", "kerassurgeon")
    )
    np.testing.assert_array_equal(ours(inputs_for(model)), theirs(inputs_for(model)))


def test_a_surgeon_that_is_not_installed_or_unknown(monkeypatch):
    model = residual()
    with pytest.raises(prune.PruneError, match="surgeon 'doctor': expected 'keras' or 'kerassurgeon'"):
        prune.delete_channels(model, {"first": [0]}, surgeon="doctor")
    from kdsuite.prune import tf_keras_models

    tf_keras_models.kerassurgeon.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(prune.PruneError, match=r"pip install --no-deps kerassurgeon==0\.2\.0 tf_keras"):
        prune.delete_channels(model, {"first": [0]}, surgeon="kerassurgeon")


def test_deletion_and_its_result_need_no_tf_keras(tmp_path):
    model = residual()
    randomise(model)
    pruned = prune.delete_channels(model, {"first": [0, 5]})
    inputs = inputs_for(model)
    model.save(tmp_path / "model.keras")
    pruned.save(tmp_path / "pruned.keras")
    np.save(tmp_path / "inputs.npy", inputs)
    np.save(tmp_path / "outputs.npy", pruned(inputs, training=False))
    script = f"""
import sys, keras, numpy as np
from kdsuite import prune
pruned = keras.models.load_model(r"{tmp_path}/pruned.keras")
again = prune.delete_channels(keras.models.load_model(r"{tmp_path}/model.keras"), {{"first": [0, 5]}})
for model in (pruned, again):
    expected = np.load(r"{tmp_path}/outputs.npy")
    np.testing.assert_allclose(model(np.load(r"{tmp_path}/inputs.npy")), expected, rtol=1e-6, atol=1e-6)
assert not [name for name in sys.modules if name.split(".")[0] in ("tf_keras", "kerassurgeon")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)
