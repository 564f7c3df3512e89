"""VGG networks for small images, and the networks of study 4 that are built alike."""

from collections.abc import Sequence

import keras
from keras import layers

Blocks = Sequence[Sequence[int]]

VGG_16: Blocks = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
VGG_19: Blocks = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
S1: Blocks = ((32, 32), (64, 64), (128, 128), (256, 256), (512,))
OF_2: Blocks = ((32, 32), (64, 64), (128, 128), (256, 256))
OF_4: Blocks = ((32,), (32,), (64, 64), (128, 128), (128, 128))
OF_8: Blocks = ((32, 32), (32, 32), (32, 64), (64, 64), (64, 64, 64))


def vgg(
    blocks: Blocks = VGG_16,
    *,
    classes: int | None = 10,
    features: int | None = None,
    input_shape=(32, 32, 3),
    name: str = "vgg",
) -> keras.Model:
    """Blocks of 3 × 3 convolutions with batch norm, each halving the image, and a dense layer (study 4, Methodology).

    With `VGG_16` it has the 14,728,266 trainable parameters of study 4's teacher.

    Args:
        blocks: filters of each convolution, block by block.
        classes: number of logits, or None for a network that ends in features.
        features: units of a linear layer before the logits, or None.
        input_shape: (height, width, channels) of the images, pixels in [0, 255].
        name: of the model.

    Returns:
        A model from images to logits (n, classes), or to features (n, channels); layers "block_k" give a block's
        pooled output and "pool" the vector before the dense layers.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(inputs)
    for number, filters in enumerate(blocks, 1):
        for place, width in enumerate(filters, 1):
            x = layers.Conv2D(width, 3, padding="same", name=f"conv_{number}_{place}")(x)
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"bn_{number}_{place}")(x)
            x = layers.ReLU(name=f"relu_{number}_{place}")(x)
        # Sizes are rounded up, so that 28 × 28 images last for five blocks too.
        x = layers.MaxPooling2D(2, padding="same", name=f"block_{number}")(x)
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    if features is not None:
        x = layers.Dense(features, name="features")(x)
    if classes is not None:
        x = layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, x, name=name)
