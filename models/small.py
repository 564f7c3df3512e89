"""Small convolutional networks for 32 × 32 images: students of study 5, and a teacher that trains in minutes."""

import keras
from keras import layers


def small_cnn(
    depth: int = 3,
    width: int = 32,
    dense: int = 1,
    *,
    classes: int = 10,
    input_shape=(32, 32, 3),
    name: str | None = None,
) -> keras.Model:
    """Convolutions that double their filters and halve the image, then dense layers (study 5 §4).

    Args:
        depth: convolutions, each with batch norm and pooling.
        width: filters of the first.
        dense: hidden dense layers of 128 units behind global pooling.
        classes: number of logits.
        input_shape: (height, width, channels) of the images, pixels in [0, 255].
        name: of the model; by default its kind and size.

    Returns:
        A model from images to logits (n, classes), float32.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(inputs)
    for number in range(1, depth + 1):
        x = _convolution(x, width * 2 ** (number - 1), f"{number}")
        x = layers.MaxPooling2D(2, padding="same", name=f"pool_{number}")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    for number in range(1, dense + 1):
        x = layers.Dense(128, activation="relu", name=f"dense_{number}")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, logits, name=name or f"cnn_{depth}_{width}_{dense}")


def resnet(
    depth: int = 20, width: int = 16, *, classes: int = 10, input_shape=(32, 32, 3), name: str | None = None
) -> keras.Model:
    """The residual network for CIFAR-10 of He et al. 2016, §4.2: three stages of (depth − 2) / 6 blocks.

    Shortcuts that change the size are 1 × 1 convolutions (option B).

    Args:
        depth: 6 n + 2 layers.
        width: filters of the first stage, doubled in each.
        classes: number of logits.
        input_shape: (height, width, channels) of the images, pixels in [0, 255].
        name: of the model; by default its kind and size.

    Returns:
        A model from images to logits (n, classes), float32.

    Raises:
        ValueError: a depth that is not 8, 14, 20, …
    """
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth {depth}: expected 6 n + 2 layers, 8, 14, 20, …")
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(inputs)
    x = _convolution(x, width, "stem")
    for stage in range(3):
        for block in range((depth - 2) // 6):
            strides = 2 if stage and not block else 1
            x = _residual_block(x, width * 2**stage, strides, f"{stage + 1}_{block + 1}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, logits, name=name or f"resnet_{depth}_{width}")


def _convolution(x, filters: int, name: str, strides: int = 1, activation: bool = True):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"conv_{name}")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"bn_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x) if activation else x


def _residual_block(x, filters: int, strides: int, name: str):
    shortcut = x
    if strides > 1 or x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides, use_bias=False, name=f"shortcut_{name}")(x)
        shortcut = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"shortcut_bn_{name}")(shortcut)
    x = _convolution(x, filters, f"{name}a", strides)
    x = _convolution(x, filters, f"{name}b", activation=False)
    return layers.ReLU(name=f"relu_{name}")(layers.Add(name=f"add_{name}")([x, shortcut]))
