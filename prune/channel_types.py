"""What channel surgery knows of each type of layer and operation: how channels enter, pass and leave it."""

import functools
import inspect

import keras
import numpy as np

from kdsuite.prune.graph import kind

_CONVOLUTION = {"kernel": ("in", "out"), "bias": ("out",)}
_TRANSPOSED = {"kernel": ("out", "in"), "bias": ("out",)}
_SEPARABLE = {"depthwise_kernel": ("in", None), "pointwise_kernel": ("deep", "out"), "bias": ("out",)}
_DEPTHWISE = {"kernel": ("in", None), "bias": ("out",)}
_RECURRENT = {"kernel": ("in", "out"), "recurrent_kernel": ("out", "out"), "bias": ("out",)}
WEIGHT_AXES = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Dense"), _CONVOLUTION),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _TRANSPOSED),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _SEPARABLE),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _DEPTHWISE),
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM"), _RECURRENT),
    "Embedding": {"embeddings": (None, "out")},
    "MultiHeadAttention": {
        **{f"{name}/kernel": (name, "head", None) for name in ("query", "key", "value")},
        **{f"{name}/bias": ("head", None) for name in ("query", "key", "value", "gate")},
        "gate/kernel": ("query", "head", None),
        "attention_output/kernel": ("head", None, "out"),
        "attention_output/bias": ("out",),
    },
    "BatchNormalization": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ("out",)),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), dict.fromkeys(("gamma", "beta"), ("out",))),
    "RMSNormalization": {"scale": ("out",)},
    "PReLU": {"alpha": ("out",)},
    "LayerScale": {"*": ("out",)},
}
"""By type and weight, what its last axes count: channels read ("in"), channels given ("out"), what a separable
convolution's depthwise part gives to its pointwise one ("deep"), heads of attention ("head") and the channels that it
reads as "query", "key" and "value", or none of these (None)."""

NORMALISATIONS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")
RECURRENT = ("SimpleRNN", "GRU", "LSTM")
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "CustomScaleLayer")
MERGE_OPERATIONS = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Power")
ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU")
ELEMENTWISE = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Identity", "Masking", "ActivityRegularization", "Rescaling"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StochasticDepth"),
    *("GaussianNoise", "GaussianDropout", "AlphaDropout"),
)
ACTIVATION_OPERATIONS = (
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Silu", "HardSilu", "Sigmoid", "HardSigmoid"),
    *("LogSigmoid", "SparseSigmoid", "Tanh", "HardTanh", "TanhShrink", "Softplus", "SparsePlus", "Squareplus"),
    *("Softsign", "SoftShrink", "HardShrink", "Threshold"),
)
ELEMENTWISE_OPERATIONS = (
    *ACTIVATION_OPERATIONS,
    *("Absolute", "Negative", "Sign", "Square", "Sqrt", "Rsqrt"),
    *("Reciprocal", "Exp", "Exp2", "Expm1", "Log", "Log1p", "Sin", "Cos", "Erf", "Clip", "Cast", "StopGradient"),
)
SPATIAL = (
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D", "RepeatVector"),
)
RESHAPING = ("Flatten", "Reshape", "Permute")
LAYERS = {*WEIGHT_AXES, *MERGES, *ELEMENTWISE, *SPATIAL, *RESHAPING, "Concatenate"}
OPERATIONS = {*MERGE_OPERATIONS, *ELEMENTWISE_OPERATIONS, "Concatenate"}


def weight_axes(layer: keras.Layer) -> list[tuple[str | None, ...] | None]:
    """What the last axes of each of a layer's weights count; None for a weight that surgery does not know."""
    table = WEIGHT_AXES[kind(layer)]
    if getattr(layer, "groups", 1) != 1 and "kernel" in table:
        table = {**table, "kernel": (None, "out")}
    if kind(layer) == "PReLU" and layer.weights and layer.weights[0].shape[-1] == 1:
        # Shared by all channels, as in PyTorch.
        table = {"alpha": (None,)}
    parts = 2 if kind(layer) == "MultiHeadAttention" else 1
    # The weight of LayerScale has no fixed name.
    return [table.get("/".join(weight.path.split("/")[-parts:]), table.get("*")) for weight in layer.weights]


def attended(node) -> dict[str, keras.KerasTensor]:
    """What a call of a layer of type `MultiHeadAttention` reads as query, value and key."""
    call = inspect.signature(node.operation.call).bind(*node.arguments.args, **node.arguments.kwargs)
    tensors = {name: call.arguments.get(name) for name in ("query", "value", "key")}
    return {**tensors, "key": tensors["value"] if tensors["key"] is None else tensors["key"]}


def passes_through(layer) -> bool:
    """Whether a layer with weights gives the channels that it reads: depthwise and grouped convolutions, norms."""
    groups = getattr(layer, "groups", 1)
    return kind(layer) in (*NORMALISATIONS, "PReLU", "LayerScale", "DepthwiseConv1D", "DepthwiseConv2D") or groups != 1


def gives_channels(layer) -> bool:
    """Whether a layer makes channels of its own."""
    return kind(layer) in WEIGHT_AXES and not passes_through(layer)


def refusal(node) -> str | None:
    """What hinders channels to be followed through a call, as a noun phrase; None if nothing does."""
    operation, name = node.operation, kind(node.operation)
    if not isinstance(operation, keras.Layer):
        return _refused_operation(node)
    if name not in LAYERS:
        return f"a layer of type {type(operation).__name__}, which channel surgery does not know"
    if getattr(operation, "data_format", "channels_last") == "channels_first":
        return "a layer whose data_format is channels_first: expected channels_last"
    if name in WEIGHT_AXES:
        for weight, axes in zip(operation.weights, weight_axes(operation), strict=True):
            if axes is None:
                return f"a layer of type {name} with the weight {weight.name!r}, which channel surgery does not know"
    several = name in (*MERGES, "Concatenate", "MultiHeadAttention")
    if len(node.outputs) > 1 or (not several and len(node.input_tensors) > 1):
        return "a layer with several outputs or an initial state"
    if not gives_channels(operation) and (mixing := mixing_activation(operation)):
        return mixing
    return _refused_shape(node, name)


def mixing_activation(layer) -> str | None:
    """Why channels are no longer separate behind a layer's activation, as a noun phrase, or None."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return None
    # A recurrent layer applies it to one step at a time.
    rank = 2 if kind(layer) in RECURRENT else len(layer._inbound_nodes[0].outputs[0].shape)
    if not _mixes_channels(activation, rank):
        return None
    return f"a layer whose activation {getattr(activation, '__name__', activation)} mixes channels"


@functools.cache
def _mixes_channels(activation, rank: int) -> bool:
    """Whether one channel changes what the others become, or it takes one number of channels alone."""
    for channels in (8, 5):
        first = np.linspace(-1, 1, 3 ** (rank - 2) * channels, dtype=np.float32).reshape(1, *[3] * (rank - 2), channels)
        second = first.copy()
        second[..., 0] = 2
        try:
            before, after = (np.asarray(activation(keras.ops.array(x))) for x in (first, second))
        except Exception:  # A function of the user's own may raise anything.
            return True
        if before.shape != first.shape or not np.array_equal(before[..., 1:], after[..., 1:]):
            return True
    return False


def _refused_shape(node, name: str) -> str | None:
    layer, rank = node.operation, len(node.outputs[0].shape)
    if name in NORMALISATIONS:
        axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
        if rank - 1 not in [axis % rank for axis in axes]:
            return f"a layer of type {name} over axis {layer.axis}: expected the last"
    if name == "Rescaling" and np.size(layer.scale) * np.size(layer.offset) > 1:
        return "a layer of type Rescaling with a value for each channel: expected one for all"
    if (getattr(layer, "noise_shape", None) or [None])[-1] not in (None, 1):
        return f"a layer of type {name} whose noise_shape has a size for the channels: expected None or 1 there"
    if name == "MultiHeadAttention" and np.size(layer.get_config()["output_shape"]) > 1:
        return f"a layer of type {name} whose output_shape {layer.get_config()['output_shape']} has several axes"
    if name in MERGES and any(len(tensor.shape) != rank for tensor in node.input_tensors):
        return "a layer which merges tensors of different rank"
    return None


def _refused_operation(node) -> str | None:
    operation, name = node.operation, kind(node.operation)
    if name not in OPERATIONS:
        return f"an operation of type {type(operation).__name__}, which channel surgery does not know"
    rank = len(node.outputs[0].shape)
    if any(len(tensor.shape) != rank for tensor in node.input_tensors):
        return "an operation which merges tensors of different rank"
    arguments = [*node.arguments._flat_arguments, *vars(operation).values()]
    if any(np.ndim(value) for value in arguments if not isinstance(value, keras.KerasTensor | list | dict | tuple)):
        return f"an operation of type {name} with an array: expected one number for all channels"
    return None
