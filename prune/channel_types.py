"""What channel surgery knows of each type of layer: how channels enter, pass and leave it."""

import keras

from kdsuite.prune.graph import kind

WEIGHT_AXES = {
    "Conv1D": {"kernel": ("in", "out"), "bias": ("out",)},
    "Conv2D": {"kernel": ("in", "out"), "bias": ("out",)},
    "Conv3D": {"kernel": ("in", "out"), "bias": ("out",)},
    "Conv2DTranspose": {"kernel": ("out", "in"), "bias": ("out",)},
    "SeparableConv2D": {"depthwise_kernel": ("in", None), "pointwise_kernel": ("in", "out"), "bias": ("out",)},
    "Dense": {"kernel": ("in", "out"), "bias": ("out",)},
    "SimpleRNN": {"kernel": ("in", "out"), "recurrent_kernel": ("out", "out"), "bias": ("out",)},
    "GRU": {"kernel": ("in", "out"), "recurrent_kernel": ("out", "out"), "bias": ("out",)},
    "LSTM": {"kernel": ("in", "out"), "recurrent_kernel": ("out", "out"), "bias": ("out",)},
    "DepthwiseConv2D": {"kernel": ("in", None), "bias": ("out",)},
    "BatchNormalization": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ("out",)),
    "PReLU": {"alpha": ("out",)},
}
"""By type and weight, what its last axes count: channels read ("in"), channels given ("out"), or neither (None)."""

PER_CHANNEL = ("DepthwiseConv2D", "BatchNormalization", "PReLU")
PRODUCERS = tuple(name for name in WEIGHT_AXES if name not in PER_CHANNEL)
RECURRENT = ("SimpleRNN", "GRU", "LSTM")
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU")
ELEMENTWISE = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Identity", "Masking", "ActivityRegularization"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("GaussianNoise", "GaussianDropout", "AlphaDropout"),
)
SPATIAL = (
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D", "RepeatVector"),
)
RESHAPING = ("Flatten", "Reshape", "Permute")
KNOWN = {*WEIGHT_AXES, *MERGES, *ELEMENTWISE, *SPATIAL, *RESHAPING, "Concatenate"}
MIXING_ACTIVATIONS = ("softmax", "log_softmax", "sparsemax", "glu")


def refusal(node) -> str | None:
    """Why channels cannot be followed through a call of a layer, or None."""
    layer, name, rank = node.operation, kind(node.operation), len(node.outputs[0].shape)
    if isinstance(layer, keras.Model):
        return "a model within the model: prune it by itself, or build one flat model"
    if name not in KNOWN or not (isinstance(layer, keras.Layer) or _is_merge_of_two(node)):
        return f"a layer of type {type(layer).__name__}, which channel surgery does not know"
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return "whose data_format is channels_first: expected channels_last"
    if getattr(layer, "groups", 1) != 1:
        return f"a convolution in {layer.groups} groups: expected 1"
    if len(node.outputs) > 1 or (name in RECURRENT and len(node.input_tensors) > 1):
        return "which has several outputs or takes an initial state"
    if name not in PRODUCERS and (mixing := mixing_activation(layer)):
        return mixing
    if name == "BatchNormalization" and layer.axis % rank != rank - 1:
        return f"which normalises axis {layer.axis}: expected the last"
    if name == "PReLU" and any(size != 1 for size in layer.alpha.shape[:-1]):
        return "with a parameter for each position: expected shared_axes for all axes but the last"
    if name in MERGES and any(len(tensor.shape) != rank for tensor in node.input_tensors):
        return "which merges tensors of different rank"
    return None


def mixing_activation(layer) -> str | None:
    """Why channels are no longer separate behind a layer's activation, or None."""
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return f"whose activation {name} mixes channels" if name in MIXING_ACTIVATIONS else None


def _is_merge_of_two(node) -> bool:
    return kind(node.operation) in MERGES and len(node.input_tensors) == 2
