import keras
import numpy as np
import pytest

from kdsuite import models


def test_resnet_20_has_the_parameters_of_its_definition():
    """0.27 million in He et al. 2016, table 6; here by hand, with 1 × 1 shortcuts and batch norm."""

    def convolution(size, inputs, outputs):
        return size * size * inputs * outputs + 4 * outputs

    expected = convolution(3, 3, 16) + 6 * convolution(3, 16, 16)
    for inputs, outputs in ((16, 32), (32, 64)):
        expected += convolution(3, inputs, outputs) + 5 * convolution(3, outputs, outputs)
        expected += convolution(1, inputs, outputs)
    assert models.resnet(20).count_params() == expected + 64 * 10 + 10
    assert sum(isinstance(layer, keras.layers.Add) for layer in models.resnet(20).layers) == 9


@pytest.mark.parametrize("depth", [2, 22, 21])
def test_a_resnet_of_no_whole_number_of_blocks_is_refused(depth):
    with pytest.raises(ValueError, match=rf"depth {depth}: expected 6 n \+ 2 layers"):
        models.resnet(depth)


@pytest.mark.parametrize(("depth", "width", "dense"), [(2, 8, 0), (3, 16, 1), (4, 8, 2)])
def test_small_cnn_has_its_depth_width_and_dense_layers(depth, width, dense):
    model = models.small_cnn(depth, width, dense)
    filters = [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [width * 2**number for number in range(depth)]
    assert sum(isinstance(layer, keras.layers.Dense) for layer in model.layers) == dense + 1
    assert model(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 10)


def test_resnet50_sees_what_keras_preprocessing_gives_and_has_the_weights_of_a_file(tmp_path):
    original = keras.applications.ResNet50(input_shape=(32, 32, 3), include_top=False, weights=None)
    original.save_weights(tmp_path / "resnet50.weights.h5")
    model = models.imagenet_teacher(
        "resnet50", classes=10, upscaled_to=32, weights=str(tmp_path / "resnet50.weights.h5")
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    look = keras.Model(model.input, [model.get_layer("preprocess").output, model.get_layer("pool").output])
    seen, pooled = look(images, training=False)
    expected = keras.applications.resnet.preprocess_input(images.copy())
    np.testing.assert_allclose(seen, expected, atol=1e-3)
    features = original(expected, training=False)
    np.testing.assert_allclose(pooled, np.mean(features, axis=(1, 2)), rtol=1e-3, atol=1e-5)


def test_missing_weights_are_an_os_error():
    with pytest.raises(OSError, match=r"no weights '/nowhere\.h5' for resnet50 \(.+\): give a file without top"):
        models.imagenet_teacher("resnet50", classes=10, upscaled_to=32, weights="/nowhere.h5")


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        ("resnet", 96, "network 'resnet': expected one of resnet50, inception_v3"),
        ("inception_v3", 74, "upscaled_to 74: inception_v3 takes images of 75 pixels or more"),
    ],
)
def test_other_networks_and_images_that_are_too_small_are_refused(network, size, message):
    with pytest.raises(ValueError, match=message):
        models.imagenet_teacher(network, classes=10, upscaled_to=size)
