"""Networks for MNIST: multilayer perceptrons and the convolutional network of the Keras examples."""

from collections.abc import Sequence

import keras
from keras import layers


def mlp(
    units: Sequence[int],
    *,
    classes: int = 10,
    input_shape=(28, 28, 1),
    dropout: tuple[float, float] = (0.0, 0.0),
    max_norm: float | None = None,
    weight_decay: float = 0.0,
    name: str | None = None,
) -> keras.Model:
    """Multilayer perceptron with rectified linear hidden layers (Hinton 2015 §3; CS230 §4 for 10–10 and 10).

    Args:
        units: width of each hidden layer, first to last.
        classes: number of logits.
        input_shape: (height, width, channels) of the images, pixels in [0, 255].
        dropout: share of pixels and of hidden units dropped in training.
        max_norm: upper bound of the Euclidean norm of each hidden unit's incoming weights, or None (Hinton et al.
            2012, which Hinton 2015 §3 follows).
        weight_decay: c of a penalty ½ c ‖w‖² on all weights and biases, what an optimiser's coupled weight decay is.
        name: of the model; by default its kind and widths.

    Returns:
        A model from images (n, *input_shape) to logits (n, classes), float32.
    """
    constraint = keras.constraints.MaxNorm(max_norm, axis=0) if max_norm else None
    regulariser = keras.regularizers.L2(weight_decay / 2) if weight_decay else None
    penalties = {"kernel_regularizer": regulariser, "bias_regularizer": regulariser}
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    x = layers.Flatten(name="flatten")(x)
    if dropout[0]:
        x = layers.Dropout(dropout[0], name="dropout_pixels")(x)
    for number, width in enumerate(units, 1):
        x = layers.Dense(width, activation="relu", kernel_constraint=constraint, name=f"dense_{number}", **penalties)(x)
        if dropout[1]:
            x = layers.Dropout(dropout[1], name=f"dropout_{number}")(x)
    logits = layers.Dense(classes, name="logits", **penalties)(x)
    return keras.Model(inputs, logits, name=name or "mlp_" + "_".join(map(str, units)))


def mnist_cnn(
    filters: Sequence[int] = (32, 64),
    dense: int = 128,
    *,
    classes: int = 10,
    input_shape=(28, 28, 1),
    name: str | None = None,
) -> keras.Model:
    """The Keras MNIST example (`mnist_cnn.py`) that CS230 §4 takes as teacher; `filters=(32,)` is its student.

    3×3 convolutions, 2×2 max-pooling, dropout 0.25, one dense layer, dropout 0.5.

    Args:
        filters: filters of each convolution, first to last.
        dense: width of the dense layer.
        classes: number of logits.
        input_shape: (height, width, channels) of the images, pixels in [0, 255].
        name: of the model; by default its kind and widths.

    Returns:
        A model from images (n, *input_shape) to logits (n, classes), float32.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for number, width in enumerate(filters, 1):
        x = layers.Conv2D(width, 3, activation="relu", name=f"conv_{number}")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Dropout(0.25, name="dropout_1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout_2")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(inputs, logits, name=name or "mnist_cnn_" + "_".join(map(str, filters)))
