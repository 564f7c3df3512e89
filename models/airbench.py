"""The fast CIFAR-10 network of airbench (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", arXiv 2404.00498, §2–3)."""

import keras
import numpy as np
from keras import layers

# Of CIFAR-10's training images, pixels in [0, 1] (the paper's code, `CIFAR_MEAN`, `CIFAR_STD`).
MEAN = (0.4914, 0.4822, 0.4465)
STANDARD_DEVIATION = (0.2470, 0.2435, 0.2616)
PATCH = 2


@keras.saving.register_keras_serializable(package="kdsuite")
class FrozenKernelConv2D(layers.Conv2D):
    """A convolution of which only the bias is trained."""

    def build(self, input_shape):
        super().build(input_shape)
        self._kernel.trainable = False


def airbench(
    widths: tuple[int, ...] = (64, 256, 256),
    *,
    classes: int = 10,
    input_shape=(32, 32, 3),
    name: str | None = None,
) -> keras.Model:
    """A whitening convolution, then blocks of two convolutions that each halve the image (§3.1, listing 2).

    Batch norm has no scale and the short memory of 0.6. The first filters of each 3 × 3 convolution start as identities
    of one input each (§3.3), the others as PyTorch's do. Logits are scaled by 1/9. Whitening filters start random: call
    `set_whitening` before training. Departs from the paper's code in batch norm's ε, there 1e-12.

    Args:
        widths: filters of each block; (64, 256, 256) is airbench94, (128, 384, 384) airbench95.
        classes: number of logits.
        input_shape: (height, width, 3) of the images, pixels in [0, 255].
        name: of the model; by default its widths.

    Returns:
        A model from images to logits (n, classes), float32; "pool" gives the features.
    """
    inputs = keras.Input(input_shape, name="image")
    scale = [1 / (255 * deviation) for deviation in STANDARD_DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, STANDARD_DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="normalize")(inputs)
    filters = 2 * PATCH**2 * input_shape[-1]
    x = FrozenKernelConv2D(filters, PATCH, kernel_initializer=_as_pytorch(), name="whiten")(x)
    x = layers.Activation("gelu", name="gelu_whiten")(x)
    for number, width in enumerate(widths, 1):
        x = _convolution(width, f"{number}_1")(x)
        x = layers.MaxPooling2D(2, name=f"block_{number}")(x)
        x = _normalized(x, f"{number}_1")
        x = _convolution(width, f"{number}_2")(x)
        x = _normalized(x, f"{number}_2")
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    x = layers.Dense(classes, use_bias=False, kernel_initializer=_as_pytorch(), name="head")(x)
    logits = layers.Rescaling(1 / 9, dtype="float32", name="logits")(x)
    model = keras.Model(inputs, logits, name=name or f"airbench_{'_'.join(map(str, widths))}")
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D) and layer.name.startswith("conv_"):
            layer.kernel.assign(_passing_on(layer.kernel.numpy()))
    return model


def set_whitening(model: keras.Model, images: np.ndarray, *, epsilon: float = 5e-4) -> None:
    """Gives the first convolution the filters that whiten patches of 2 × 2 pixels, and their negatives (§3.2).

    Args:
        model: from `airbench`.
        images: training images, uint8 (n, height, width, 3); the paper takes 5,000.
        epsilon: added to the variances, lest filters of tiny ones amplify noise.
    """
    patches = _patches(np.asarray(keras.Model(model.input, model.get_layer("normalize").output)(images)))
    variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
    # Largest variance first. Not centred, as in the paper's code: the first filter sees brightness.
    filters = (directions / np.sqrt(variances + epsilon))[:, ::-1]
    kernel = np.concatenate([filters, -filters], axis=1).reshape(PATCH, PATCH, images.shape[-1], -1)
    model.get_layer("whiten").kernel.assign(kernel)


def _patches(images: np.ndarray) -> np.ndarray:
    """All patches of 2 × 2 pixels: float64 (patches, 4 · channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    return np.moveaxis(windows, 3, 5).reshape(-1, PATCH * PATCH * images.shape[-1]).astype(np.float64)


def _passing_on(kernel: np.ndarray) -> np.ndarray:
    """The kernel (3, 3, inputs, outputs) with its first filters replaced by identities of one input each."""
    kernel = kernel.copy()
    inputs, outputs = kernel.shape[2:]
    kernel[..., :inputs] = 0
    both = np.arange(min(inputs, outputs))
    kernel[1, 1, both, both] = 1
    return kernel


def _convolution(filters: int, name: str) -> layers.Conv2D:
    return layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer=_as_pytorch(), name=f"conv_{name}"
    )


def _normalized(x, name: str):
    x = layers.BatchNormalization(momentum=0.6, epsilon=1e-5, scale=False, name=f"bn_{name}")(x)
    return layers.Activation("gelu", name=f"gelu_{name}")(x)


def _as_pytorch() -> keras.initializers.Initializer:
    # Uniform within 1 / sqrt(fan-in).
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
