"""What deletion must equal: a network computed call by call, deleted channels zero wherever a kernel reads them."""

import keras
import numpy as np
from keras import layers

RECURRENT = (layers.SimpleRNN, layers.GRU, layers.LSTM)
READERS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv2DTranspose, layers.SeparableConv2D, layers.Dense),
    *RECURRENT,
)


def zeroed_output(model: keras.Model, inputs: np.ndarray, deleted: dict[str, list[int]]) -> list[np.ndarray]:
    """Outputs of the model with deleted channels zero, behind batch norm and activation.

    Where a deleted channel goes is not read from the graph: it is made not-a-number, and layers pass that on.
    """
    values = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            layer = node.operation
            read = [values[id(tensor)] for tensor in node.input_tensors]
            if node.is_input:
                output = inputs
            elif isinstance(layer, RECURRENT) and layer.name in deleted:
                output = _forgetful(layer, _zero(read[0]), deleted[layer.name])
            elif isinstance(layer, READERS):
                output = np.array(layer(_zero(read[0])))
            elif isinstance(layer, layers.Layer):
                output = np.array(layer(read[0] if len(read) == 1 else read))
                if len(read) == 1 and output.shape[-1] == read[0].shape[-1]:
                    # Maximum pooling would pass over it.
                    output[..., _deleted(read[0])] = np.nan
            else:
                output = np.array(layer(*read))
            if layer.name in deleted:
                output[..., deleted[layer.name]] = np.nan
            values[id(node.outputs[0])] = output
    return [values[id(tensor)] for tensor in model.outputs]


def _deleted(values: np.ndarray) -> np.ndarray:
    return np.isnan(values).any(axis=tuple(range(values.ndim - 1)))


def _zero(values: np.ndarray) -> np.ndarray:
    return np.where(_deleted(values), np.float32(0), values)


def _forgetful(layer, inputs, channels) -> np.ndarray:
    """A recurrent layer that does not remember its deleted channels either."""
    own = layer.get_weights()
    weights = [weight.copy() for weight in own]
    weights[1][channels] = 0
    layer.set_weights(weights)
    output = np.array(layer(inputs))
    layer.set_weights(own)
    return output


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Gives batch-norm weights that are unlike their start."""
    rng = np.random.default_rng(seed)
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.5, 1), "moving_mean": (-0.2, 0.2), "moving_variance": (0.5, 2)}
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(*ranges[weight.name], weight.shape))
