"""Small networks on which channels are deleted."""

import keras
import numpy as np
from keras import layers


def residual():
    inputs = keras.Input((8, 8, 3))
    shortcut = layers.Conv2D(6, 1, name="shortcut")(inputs)
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, padding="same", name="first")(inputs))
    x = layers.Add(name="add_one")([x, shortcut])
    y = layers.Conv2D(6, 3, padding="same", name="second")(layers.ReLU(name="relu")(x))
    x = layers.Add(name="add_two")([x, y])
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling2D()(x)))


def squeeze_and_excitation():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="first")(inputs)
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(4, activation="tanh", name="squeeze")(gate)
    gate = layers.Reshape((1, 1, 6))(layers.Dense(6, activation="sigmoid", name="excite")(gate))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(layers.Multiply()([x, gate])))


def concatenated(axis):
    inputs = keras.Input((8, 8, 3))
    branches = [layers.Conv2D(4, 3, name=name)(inputs) for name in ("first", "second")]
    x = layers.BatchNormalization()(layers.Concatenate(axis=axis)(branches))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x))


def shared():
    inputs = keras.Input((8, 8, 3))
    convolution = layers.Conv2D(3, 3, padding="same", name="first")
    x = convolution(layers.Conv2D(3, 1, name="stem")(inputs))
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(convolution(x)))


def two_outputs():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(inputs)
    pooled = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, [layers.Dense(2, name="one")(pooled), layers.Conv2D(3, 3, name="two")(x)])


def operators():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(inputs)
    y = layers.Conv2D(4, 3, name="second")(inputs)
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x * y + x))


def elementwise_operations():
    inputs = keras.Input((8, 8, 3))
    x = keras.ops.relu6(layers.Conv2D(5, 3, name="first")(inputs) + 3.0) / 6.0
    x = keras.ops.clip(keras.ops.silu(x) - keras.ops.square(x), -1, 1)
    return keras.Model(inputs, layers.Conv2D(2, 3, name="head")(x))


def attention():
    inputs = keras.Input((5, 4))
    x = layers.Dense(6, name="embed")(inputs)
    y = layers.MultiHeadAttention(4, 3, value_dim=2, name="mha")(x, layers.LayerNormalization(name="norm")(x))
    x = layers.Add(name="add")([x, y])
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.GlobalAveragePooling1D()(x)))


def grouped(layer):
    return lambda: sequence(
        (8, 8, 3), layers.Conv2D(6, 3, name="first"), layer(name="grouped"), layers.ReLU(), layers.Conv2D(4, 3)
    )


def sequence(shape, *middle, head=None):
    return keras.Sequential([keras.Input(shape), *middle, head or layers.Dense(3, name="head")])


SMALL = {
    "Conv1D": lambda: sequence(
        (12, 2), layers.Conv1D(5, 3, name="first"), layers.MaxPooling1D(), layers.Conv1D(4, 2), layers.Flatten()
    ),
    "Conv3D": lambda: sequence(
        (6, 6, 6, 2),
        *(layers.Conv3D(5, 3, name="first"), layers.BatchNormalization(), layers.AveragePooling3D(2), layers.Flatten()),
    ),
    "Conv2DTranspose": lambda: sequence(
        (4, 4, 3),
        *(layers.Conv2DTranspose(5, 3, name="first"), layers.Conv2DTranspose(4, 3, strides=2), layers.Flatten()),
    ),
    "SeparableConv2D": lambda: sequence(
        (8, 8, 3),
        layers.SeparableConv2D(5, 3, depth_multiplier=2, name="first"),
        layers.SeparableConv2D(4, 3, depth_multiplier=2),
    ),
    "SeparableConv2D without bias": lambda: sequence(
        (8, 8, 3), layers.SeparableConv2D(5, 3, use_bias=False, name="first"), layers.SeparableConv2D(4, 3)
    ),
    "DepthwiseConv2D": lambda: sequence(
        (8, 8, 3),
        layers.Conv2D(5, 3, name="first"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
        layers.BatchNormalization(scale=False),
        layers.Conv2D(4, 3),
    ),
    "Flatten into Dense": lambda: sequence(
        (8, 8, 3), layers.Conv2D(5, 3, name="first"), layers.Cropping2D(1), layers.UpSampling2D(), layers.Flatten()
    ),
    "batch norm behind Flatten": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Flatten(), layers.BatchNormalization()
    ),
    "Reshape": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Reshape((16, 5)), layers.Conv1D(2, 3), layers.Flatten()
    ),
    "Reshape to one axis": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Reshape((-1,)), layers.Dropout(0.5)
    ),
    "Permute of positions": lambda: sequence(
        (6, 5, 3), layers.Conv2D(5, 3, name="first"), layers.Permute((2, 1, 3)), layers.Flatten()
    ),
    "PReLU": lambda: sequence(
        (6, 6, 3),
        layers.Conv2D(5, 3, name="first"),
        layers.PReLU(shared_axes=(1, 2), alpha_initializer="ones"),
        layers.ZeroPadding2D(1),
        layers.Conv2D(2, 3),
    ),
    "pooling that keeps its axes": lambda: sequence(
        (6, 6, 3),
        *(layers.Conv2D(5, 3, name="first"), layers.GlobalMaxPooling2D(keepdims=True), layers.Conv2D(3, 1)),
        head=layers.Flatten(),
    ),
    "Dense": lambda: sequence((7,), layers.Dense(5, name="first"), layers.ELU(), layers.RepeatVector(2)),
    "Dense on a sequence": lambda: sequence((6, 3), layers.Dense(5, name="first"), layers.LeakyReLU(), layers.Dense(2)),
    "SimpleRNN": lambda: sequence(
        (6, 3), layers.SimpleRNN(5, return_sequences=True, name="first"), layers.SimpleRNN(4)
    ),
    "GRU": lambda: sequence((6, 3), layers.GRU(5, return_sequences=True, name="first"), layers.GRU(4)),
    "GRU, reset before": lambda: sequence(
        (6, 3), layers.GRU(5, return_sequences=True, reset_after=False, name="first"), layers.GRU(4, reset_after=False)
    ),
    "LSTM": lambda: sequence((6, 3), layers.LSTM(5, return_sequences=True, name="first"), layers.LSTM(4)),
    "two outputs": two_outputs,
    "Conv1DTranspose": lambda: sequence((6, 2), layers.Conv1DTranspose(5, 3, name="first"), layers.Conv1D(3, 2)),
    "Conv3DTranspose": lambda: sequence(
        (4, 4, 4, 2), layers.Conv3DTranspose(5, 3, name="first"), layers.Conv3DTranspose(3, 2)
    ),
    "SeparableConv1D": lambda: sequence(
        (9, 3),
        layers.SeparableConv1D(5, 3, depth_multiplier=2, name="first"),
        layers.SeparableConv1D(4, 3, depth_multiplier=3),
    ),
    "DepthwiseConv1D": lambda: sequence(
        (9, 3), layers.Conv1D(5, 3, name="first"), layers.DepthwiseConv1D(3, depth_multiplier=2), layers.Conv1D(4, 2)
    ),
    "PReLU for all channels": lambda: sequence(
        (6, 6, 3),
        layers.Conv2D(5, 3, name="first"),
        layers.PReLU(shared_axes=(1, 2, 3), alpha_initializer="ones"),
        layers.Conv2D(2, 3),
    ),
    "weights from an array": lambda: sequence(
        (6, 6, 3),
        layers.Conv2D(5, 3, bias_initializer=keras.initializers.Constant(np.arange(5.0)), name="first"),
        layers.Conv2D(2, 3),
    ),
    "PReLU for each position": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.PReLU(alpha_initializer="uniform"), layers.Conv2D(2, 3)
    ),
    "LayerNormalization": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.LayerNormalization(epsilon=1e-6), layers.Conv2D(2, 3)
    ),
    "LayerNormalization of all axes": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.LayerNormalization(axis=(1, 2, 3)), layers.Conv2D(2, 3)
    ),
    "RMSNormalization": lambda: sequence(
        (6, 3), layers.Dense(5, name="first"), layers.RMSNormalization(), layers.Dense(3)
    ),
    "GroupNormalization, one group": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.GroupNormalization(1), layers.Conv2D(2, 3)
    ),
    "GroupNormalization, a group a channel": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.GroupNormalization(-1), layers.Conv2D(2, 3)
    ),
    "Rescaling": lambda: sequence(
        (6, 6, 3), layers.Conv2D(5, 3, name="first"), layers.Rescaling(0.5, offset=1), layers.Conv2D(2, 3)
    ),
    "GlobalAveragePooling3D": lambda: sequence(
        (5, 5, 5, 2), layers.Conv3D(5, 3, name="first"), layers.GlobalAveragePooling3D(keepdims=True), layers.Flatten()
    ),
    "GlobalMaxPooling3D": lambda: sequence(
        (5, 5, 5, 2), layers.Conv3D(5, 3, name="first"), layers.GlobalMaxPooling3D()
    ),
    "Embedding": lambda: sequence((6,), layers.Embedding(9, 5, name="first"), layers.LSTM(4)),
    "elementwise operations": elementwise_operations,
    "a Lambda before": lambda: sequence(
        (6, 6, 3), layers.Lambda(lambda x: x * 2), layers.Conv2D(5, 3, name="first"), layers.Conv2D(2, 3)
    ),
    "a model within": lambda: sequence(
        (6, 6, 3), sequence((6, 6, 3), layers.Conv2D(5, 3, name="first"), head=layers.ReLU()), layers.Conv2D(2, 3)
    ),
    "Concatenate of channels": lambda: concatenated(-1),
    "any image size": lambda: keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(5, 3, name="first"), layers.MaxPooling2D(), layers.Conv2D(2, 3)]
    ),
}


def inputs_for(model):
    shape = [8 if size is None else size for size in model.input_shape[1:]]
    if isinstance(model.layers[0], layers.Embedding):
        return np.random.default_rng(1).integers(0, 9, (4, *shape))
    return np.random.default_rng(1).normal(size=(4, *shape)).astype("float32")
