import keras
import pytest
from keras import layers

from kdsuite import prune


@pytest.mark.parametrize(
    ("model", "millions"),
    [
        # MobileNet (arXiv 1704.04861, table 8): 569 million multiply-adds; 0.5 MobileNet-224: 149.
        (lambda: keras.applications.MobileNet(weights=None), 569),
        (lambda: keras.applications.MobileNet(weights=None, alpha=0.5), 149),
        # MobileNetV2 (arXiv 1801.04381, table 4): 300.
        (lambda: keras.applications.MobileNetV2(weights=None), 300),
    ],
)
def test_published_multiply_adds(model, millions):
    assert prune.macs(model()) / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Dense(5), (7,), 35),
        (layers.Dense(5), (3, 7), 3 * 35),
        (layers.Conv2D(4, 3, padding="same", strides=2), (8, 8, 3), 16 * 9 * 3 * 4),
        (layers.Conv2D(4, 3, padding="same", groups=2), (8, 8, 6), 64 * 9 * 3 * 4),
        (layers.Conv1D(4, 3), (8, 3), 6 * 3 * 3 * 4),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), (8, 8, 3), 64 * 9 * 3 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), (8, 8, 3), 64 * (9 * 3 + 3 * 5)),
        (layers.Conv2DTranspose(4, 3, strides=2), (8, 8, 3), 64 * 9 * 4 * 3),
        (layers.MaxPooling2D(), (8, 8, 3), 0),
    ],
)
def test_layers_by_hand(layer, shape, macs):
    assert prune.macs(keras.Sequential([keras.Input(shape), layer])) == macs


def test_unknown_input_size_is_refused_by_name():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="first")])
    with pytest.raises(ValueError, match="'first' has no fixed output size"):
        prune.macs(model)
