"""MobileNet (arXiv 1704.04861) as one flat functional model, its ImageNet head replaced."""

import os
from pathlib import Path

import keras
from keras import layers

ALPHA_IN_FILE = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def mobilenet(
    *,
    classes: int,
    alpha: float = 1.0,
    image_size: int = 224,
    upscaled_to: int | None = None,
    imagenet: bool = True,
    name: str | None = None,
) -> keras.Model:
    """`keras.applications.MobileNet` up to global pooling, and a new dense layer of logits.

    Args:
        classes: number of logits.
        alpha: width multiplier; ImageNet weights exist for 0.25, 0.5, 0.75 and 1.
        image_size: height and width of the RGB images, pixels in [0, 255].
        upscaled_to: size to which the network itself resizes its images first, bilinearly.
        imagenet: start from ImageNet weights, from `KERAS_HOME` or downloaded.
        name: of the model; by default its kind and width.

    Returns:
        A model from images (n, image_size, image_size, 3) to logits (n, classes); "pool" gives the features.

    Raises:
        OSError: the weights are not at hand and cannot be downloaded.
    """
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(inputs)
    if upscaled_to not in (None, image_size):
        x = layers.Resizing(upscaled_to, upscaled_to, name="upscale")(x)
    weights = _weights(alpha) if imagenet else None
    try:
        base = keras.applications.MobileNet(input_tensor=x, alpha=alpha, include_top=False, weights=weights)
    except Exception as error:  # Keras raises a bare Exception when a download fails.
        if weights != "imagenet":
            raise
        at_hand = [str(a) for a in ALPHA_IN_FILE if _weights(a) != "imagenet"]
        raise OSError(
            f"no ImageNet weights for MobileNet alpha {alpha}: not in {_home() / 'models'} and not to be downloaded; "
            f"at hand: alpha {', '.join(at_hand) or 'none'}"
        ) from error
    x = layers.GlobalAveragePooling2D(name="pool")(base.output)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=name or f"mobilenet_{alpha:g}")


def _weights(alpha: float) -> str:
    # Keras downloads to a temporary folder when KERAS_HOME is read-only, even if the file is there.
    path = _home() / "models" / f"mobilenet_{ALPHA_IN_FILE.get(alpha)}_224_tf_no_top.h5"
    return str(path) if path.exists() else "imagenet"


def _home() -> Path:
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
