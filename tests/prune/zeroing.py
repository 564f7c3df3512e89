"""What deletion must equal: a network computed call by call, deleted channels zero wherever a kernel reads them."""

import keras
import numpy as np
from keras import layers

RECURRENT = (layers.SimpleRNN, layers.GRU, layers.LSTM)
CONVOLUTIONS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose, layers.Conv2DTranspose),
    *(layers.Conv3DTranspose, layers.SeparableConv1D, layers.SeparableConv2D),
)
NORMALISATIONS = (
    *(layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization, layers.RMSNormalization),
)
READERS = (*CONVOLUTIONS, layers.Dense, layers.MultiHeadAttention, *RECURRENT)


def zeroed_output(model: keras.Model, inputs: np.ndarray, deleted: dict[str, list[int]]) -> list[np.ndarray]:
    """Outputs of the model with deleted channels zero, behind batch norm and activation.

    Where a deleted channel goes is not read from the graph: it is made not-a-number, and layers pass that on. Layer
    and group normalisation leave what is not a number out of their statistics.
    """
    values = {id(model.inputs[0]): inputs}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                values[id(node.outputs[0])] = _call(node, values, deleted)
    return [values[id(tensor)] for tensor in model.outputs]


def assert_equals_zeroing(model, pruned, deleted, inputs) -> None:
    """The pruned model equals the model with channels zero, to 1e-5 of its largest output, and these mattered."""
    expected = zeroed_output(model, inputs, deleted)
    outputs = keras.tree.flatten(pruned(inputs, training=False))
    for output, zeroed, original in zip(outputs, expected, keras.tree.flatten(model(inputs)), strict=True):
        np.testing.assert_allclose(output, zeroed, rtol=0, atol=1e-5 * np.abs(zeroed).max())
        assert np.abs(original - zeroed).max() > 1e-4 * np.abs(zeroed).max()


def _call(node, values: dict[int, np.ndarray], deleted: dict[str, list[int]]) -> np.ndarray:
    layer = node.operation
    read = [values[id(tensor)] for tensor in node.input_tensors]
    reads = isinstance(layer, READERS) and getattr(layer, "groups", 1) == 1
    given = [_zero(values) for values in read] if reads else read
    args, kwargs = node.arguments.fill_in(dict(zip(map(id, node.input_tensors), given, strict=True)))
    call = layer
    if isinstance(layer, layers.LayerNormalization | layers.RMSNormalization):
        call = _normalise
        args = (layer, *args, layer.axis)
    elif isinstance(layer, layers.GroupNormalization) and layer.groups == 1:
        call = _normalise
        args = (layer, *args, list(range(1, read[0].ndim)))
    elif f"{layer.name}/heads" in deleted or (isinstance(layer, RECURRENT) and layer.name in deleted):
        call = _forgetful
        args = (layer, deleted, *args)
    output = np.array(call(*args, **kwargs))
    if not reads and len(read) == 1 and output.shape[-1] == read[0].shape[-1]:
        # Maximum pooling would pass over it.
        output[..., _deleted(read[0])] = np.nan
    if layer.name in deleted:
        output[..., deleted[layer.name]] = np.nan
    return output


def _deleted(values: np.ndarray) -> np.ndarray:
    return np.isnan(values).any(axis=tuple(range(values.ndim - 1)))


def _zero(values: np.ndarray) -> np.ndarray:
    return np.where(_deleted(values), np.float32(0), values) if values.dtype.kind == "f" else values


def _normalise(layer, values: np.ndarray, axis) -> np.ndarray:
    axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
    values = values.astype("float64")
    if not isinstance(layer, layers.RMSNormalization):
        values = values - np.nanmean(values, axes, keepdims=True)
    values = values / np.sqrt(np.nanmean(values**2, axes, keepdims=True) + layer.epsilon)
    scale, offset = (getattr(layer, name, None) for name in ("gamma", "beta"))
    scale = layer.scale if isinstance(layer, layers.RMSNormalization) else scale
    return (values * (1 if scale is None else scale.numpy()) + (0 if offset is None else offset.numpy())).astype("f4")


def _forgetful(layer, deleted, *args, **kwargs) -> np.ndarray:
    """A recurrent layer that does not remember its deleted channels either, or attention without some of its heads."""
    before = layer.get_weights()
    weights = [weight.copy() for weight in before]
    if isinstance(layer, RECURRENT):
        weights[1][deleted[layer.name]] = 0
    else:
        (position,) = (n for n, w in enumerate(layer.weights) if w.path.endswith("attention_output/kernel"))
        weights[position][deleted[f"{layer.name}/heads"]] = 0
    layer.set_weights(weights)
    output = np.array(layer(*args, **kwargs))
    layer.set_weights(before)
    return output


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Gives weights of normalisations, and scales of layers, that are unlike their start."""
    rng = np.random.default_rng(seed)
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.5, 1), "moving_mean": (-0.2, 0.2), "moving_variance": (0.5, 2)}
    for layer in model._flatten_layers():
        if isinstance(layer, NORMALISATIONS) or type(layer).__name__ == "LayerScale":
            for weight in layer.weights:
                # LayerScale's weight has no name.
                low, high = ranges.get(weight.name, (0.5, 1.5))
                weight.assign(rng.uniform(low, high, weight.shape))
