"""ResNet50 and InceptionV3 as teachers for small images, their ImageNet heads replaced (study 5 §3)."""

from typing import Literal

import keras
from keras import layers, ops

BGR_MEANS = (103.939, 116.779, 123.68)
SMALLEST = {"resnet50": 32, "inception_v3": 75}


def imagenet_teacher(
    network: Literal["resnet50", "inception_v3"],
    *,
    classes: int,
    image_size: int = 32,
    upscaled_to: int = 96,
    weights: str | None = None,
) -> keras.Model:
    """`keras.applications` up to global pooling, and a new dense layer of logits.

    Args:
        network: "resnet50" or "inception_v3".
        classes: number of logits.
        image_size: height and width of the RGB images, pixels in [0, 255].
        upscaled_to: size to which the network itself resizes its images first, bilinearly; at least 32 or 75.
        weights: "imagenet", a path of a weights file without top, or None for Keras' own initialisation.

    Returns:
        A model from images to logits (n, classes); "pool" gives the features.

    Raises:
        ValueError: another network, or a size that is too small for it.
        OSError: the weights are not at hand and cannot be downloaded, or are of another network.
    """
    if network not in SMALLEST:
        raise ValueError(f"network {network!r}: expected one of {', '.join(SMALLEST)}")
    if upscaled_to < SMALLEST[network]:
        raise ValueError(f"upscaled_to {upscaled_to}: {network} takes images of {SMALLEST[network]} pixels or more")
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Resizing(upscaled_to, upscaled_to, name="upscale")(inputs)
    if network == "resnet50":
        # What `preprocess_input` does in mode "caffe": BGR, without the means of ImageNet. Without weights of its own,
        # because `build` loads its file into all layers from the images on.
        x = ops.flip(x, axis=-1)
        x = layers.Rescaling(1.0, offset=[-mean for mean in BGR_MEANS], name="preprocess")(x)
        build = keras.applications.ResNet50
    else:
        x = layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(x)
        build = keras.applications.InceptionV3
    try:
        base = build(input_tensor=x, include_top=False, weights=weights)
    except Exception as error:  # Keras raises a bare Exception when a download fails.
        if weights is None:
            raise
        raise OSError(
            f"no weights {weights!r} for {network} ({_first_line(error)}): give a file without top, or None to start "
            "anew"
        ) from error
    x = layers.GlobalAveragePooling2D(name="pool")(base.output)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=network)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
