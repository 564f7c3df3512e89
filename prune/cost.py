"""What a network costs: multiply-accumulate operations of one forward pass."""

import math

import keras
from keras import layers


def macs(model: keras.Model) -> int:
    """Multiply-accumulates for one example, in convolutions and dense layers (biases and element-wise layers are free).

    Args:
        model: functional model with fixed input size.

    Raises:
        ValueError: a layer's output size is not fixed.
    """
    return sum(layer_macs(layer) for layer in model.layers)


def layer_macs(layer: keras.Layer) -> int:
    """Those of one layer."""
    if isinstance(layer, keras.Model):
        return macs(layer)
    if isinstance(layer, layers.Dense):
        return _positions(layer, layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.SeparableConv2D):
        kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return _positions(layer, _spatial(layer, layer.output)) * kernels
    if isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose):
        return _positions(layer, _spatial(layer, layer.input)) * math.prod(layer.kernel.shape)
    # Depthwise and grouped kernels already hold only the products that are computed at a position.
    if isinstance(
        layer, layers.Conv1D | layers.Conv2D | layers.Conv3D | layers.DepthwiseConv1D | layers.DepthwiseConv2D
    ):
        return _positions(layer, _spatial(layer, layer.output)) * math.prod(layer.kernel.shape)
    return 0


def _spatial(layer, tensor) -> tuple:
    return tensor.shape[2:] if layer.data_format == "channels_first" else tensor.shape[1:-1]


def _positions(layer, shape) -> int:
    if None in shape:
        raise ValueError(
            f"layer {layer.name!r} has no fixed output size {tuple(shape)}: build it with a fixed input size"
        )
    return math.prod(shape)
