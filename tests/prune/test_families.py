"""Every family of `keras.applications`: groups, shrinking to a share, and deletion that equals zeroing.

pytest tests/prune/test_families.py -m "slow or not slow" -rP        (minutes; prints a row for each)
"""

import time
from unittest import mock

import keras
import numpy as np
import pytest

from kdsuite import prune
from kdsuite.prune import shrinking
from tests.prune.zeroing import assert_equals_zeroing, randomise

SIZES = {
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "MobileNetV3Large": 64,
    "VGG16": 32,
    "VGG19": 32,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "ConvNeXtTiny": 64,
    "InceptionV3": 80,
    "InceptionResNetV2": 80,
    "Xception": 80,
    "NASNetMobile": 64,
}
FAST = ("MobileNet", "MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny")
GROUPS = {"MobileNet": 14, "MobileNetV2": 25, "ResNet50": 37, "VGG16": 15, "DenseNet121": 120, "ConvNeXtTiny": 22}
"""Counted by hand: ConvNeXt-T has 18 hidden layers and 4 stages, each with one residual stream."""


def build(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    settings = {"alpha": 0.5} if name in ("MobileNet", "MobileNetV2") else {}
    if name != "NASNetMobile":
        settings["classifier_activation"] = None
    shape = (SIZES[name], SIZES[name], 3)
    model = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=5, **settings)
    randomise(model)
    return model


CASES = [
    pytest.param(name, keep, marks=() if name in FAST and keep == 0.5 else pytest.mark.long)
    for name in SIZES
    for keep in (0.7, 0.5)
]


@pytest.mark.parametrize(("name", "keep"), CASES)
def test_a_family_shrinks_to_its_share_exactly(name, keep):
    model = build(name)
    graph = prune.flatten(model)
    if name in GROUPS:
        assert len(prune.channel_groups(model)) == GROUPS[name]
    weights = model.get_weights()
    with mock.patch.object(shrinking, "cut", wraps=shrinking.cut) as cut:
        begin = time.perf_counter()
        pruned = prune.shrink(model, keep=keep, criterion="random", seed=1)
        seconds = time.perf_counter() - begin
    channels, numbers, _ = cut.call_args.args
    deleted = channels.given_by(numbers)
    inputs = np.random.default_rng(1).uniform(0, 255, size=(2, *model.input_shape[1:])).astype("float32")
    assert_equals_zeroing(graph, pruned, deleted, inputs)
    share = pruned.count_params() / model.count_params()
    assert share == pytest.approx(keep, rel=0.02)
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in graph.layers]
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    for layer, indices in deleted.items():
        if not layer.endswith("/heads"):
            assert pruned.get_layer(layer).output.shape[-1] == graph.get_layer(layer).output.shape[-1] - len(indices)
    print(f"| {name} | {model.count_params():,} | {share:.4f} | {len(deleted)} | {seconds:.1f} s |")
