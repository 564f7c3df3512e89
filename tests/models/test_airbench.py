import keras
import numpy as np
import pytest

from kdsuite import models


@pytest.fixture
def images():
    """Smooth images, so that neighbouring pixels are correlated as those of photographs are."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(64, 32, 32, 3)).cumsum(1).cumsum(2)
    return np.clip(128 + 8 * noise, 0, 255).astype(np.uint8)


def test_airbench94_has_the_parameters_of_its_paper():
    convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 256 * 256 + 2 * 256 * 256)
    betas = 2 * (64 + 256 + 256)
    trainable = 24 + convolutions + betas + 256 * 10
    model = models.airbench()
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == trainable
    # The frozen filters, and a moving mean and variance for each beta.
    assert model.count_params() == trainable + 2 * 2 * 3 * 24 + 2 * betas


def test_images_are_normalized_inside(images):
    model = models.airbench((8, 8))
    normalized = keras.Model(model.input, model.get_layer("normalize").output)(images)
    expected = (images / 255 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    np.testing.assert_allclose(normalized, expected, atol=1e-5)


def test_whitened_patches_have_unit_second_moments(images):
    model = models.airbench((8, 8))
    models.set_whitening(model, images, epsilon=0.0)
    whitened = output_of(model, "whiten", images)
    assert whitened.shape == (64, 31, 31, 24)
    flat = whitened[..., :12].reshape(-1, 12).astype(np.float64)
    np.testing.assert_allclose(flat.T @ flat / len(flat), np.eye(12), atol=5e-3)
    np.testing.assert_allclose(whitened[..., 12:], -whitened[..., :12], atol=1e-4)


def test_whitening_filters_agree_with_a_singular_value_decomposition(images):
    model = models.airbench((8, 8))
    models.set_whitening(model, images, epsilon=0.01)
    pixels = output_of(model, "normalize", images)
    patches = np.array(
        [pixels[n, y : y + 2, x : x + 2].ravel() for n in range(64) for y in range(31) for x in range(31)]
    )
    _, lengths, directions = np.linalg.svd(patches, full_matrices=False)
    expected = directions / np.sqrt(lengths**2 / len(patches) + 0.01)[:, None]
    filters = model.get_layer("whiten").kernel.numpy()[..., :12].reshape(12, 12).T
    signs = np.sign(np.sum(filters * expected, axis=1, keepdims=True))
    np.testing.assert_allclose(filters, signs * expected, atol=2e-3)


def test_whitening_filters_stay_frozen_through_copies_and_files(tmp_path):
    model = models.airbench((8, 8))
    model.save(tmp_path / "model.keras")
    for copy in (model, keras.models.clone_model(model), keras.models.load_model(tmp_path / "model.keras")):
        trained = {weight.path for weight in copy.trainable_weights}
        assert "whiten/bias" in trained
        assert "whiten/kernel" not in trained
        assert not any("gamma" in path for path in trained)


@pytest.mark.parametrize(("widths", "layer", "passed"), [((32, 40), "conv_1_1", 24), ((32, 40), "conv_2_2", 40)])
def test_convolutions_start_as_the_identity_of_their_inputs(widths, layer, passed):
    convolution = models.airbench(widths).get_layer(layer)
    inputs = np.random.default_rng(0).normal(size=(2, 9, 9, passed)).astype(np.float32)
    np.testing.assert_allclose(convolution(inputs)[..., :passed], inputs, atol=1e-6)


def test_a_narrowing_convolution_starts_as_the_identity_of_its_first_inputs():
    convolution = models.airbench((32, 8)).get_layer("conv_2_1")
    inputs = np.random.default_rng(0).normal(size=(2, 9, 9, 32)).astype(np.float32)
    np.testing.assert_allclose(convolution(inputs), inputs[..., :8], atol=1e-6)


def test_a_loaded_network_gives_the_same_logits(tmp_path, images):
    model = models.airbench((8, 16))
    models.set_whitening(model, images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images), loaded(images))
    np.testing.assert_allclose(model(images), output_of(model, "head", images) / 9, rtol=1e-6)


def output_of(model: keras.Model, layer: str, images: np.ndarray) -> np.ndarray:
    return keras.Model(model.input, model.get_layer(layer).output)(images).numpy()
