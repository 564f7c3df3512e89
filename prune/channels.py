"""Deleting channels of a Keras 3 model."""

from collections.abc import Mapping, Sequence

import keras

from kdsuite.prune.graph import functional, inputs_like
from kdsuite.prune.groups import Channels


def delete_channels(model: keras.Model, channels: Mapping[str, Sequence[int]]) -> keras.Model:
    """A new model without some channels of some layers, and without all weights that they alone fed.

    Equals the original with those channels set to zero wherever a layer with a kernel reads them, behind batch norm
    and activation. Channels that can only go together (residual `Add`, `Multiply`) all go: one name of the group is
    enough. A depthwise convolution or batch norm may be named for the layer whose channels pass through it.

    Args:
        model: functional model with channels last; it is left as it was.
        channels: by name of layer, indices of its channels, from 0.

    Returns:
        An uncompiled Keras 3 model; layers keep their names and configuration. kerassurgeon 0.2.0 operates, on a
        tf_keras copy of which nothing remains.

    Raises:
        PruneError: an unknown layer or one without channels, an index out of range or given twice, all channels of a
            layer, or channels that reach the model's output or a layer that surgery does not know.
    """
    graph = functional(model)
    return cut(graph, Channels(graph).together_with(channels))


def cut(graph: keras.Model, deleted: dict[str, list[int]]) -> keras.Model:
    """The model without channels that were found to go together."""
    # Importing tf_keras takes seconds, and a process that only loads the result must not need it.
    from kdsuite.prune import carry, surgeon

    inputs = inputs_like(graph)
    if not deleted:
        return carry.bring_back(carry.carry(graph), graph, inputs)
    with carry.deep_recursion(graph):
        operated = surgeon.operate(carry.carry(graph), deleted)
    return carry.bring_back(operated, graph, inputs)
