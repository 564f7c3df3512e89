"""Reading the graph of a functional model."""

import keras

from kdsuite.prune.errors import PruneError


def functional(model: keras.Model) -> keras.Model:
    """The model itself, or a functional model of the same layers for a Sequential one.

    Raises:
        PruneError: the model is a subclass without a graph of layers.
    """
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not isinstance(model, keras.Model) or not hasattr(model, "_nodes_by_depth"):
        raise PruneError(
            f"model {getattr(model, 'name', model)!r} is not functional: expected keras.Model(inputs, outputs)"
        )
    return model


def inputs_like(model: keras.Model):
    """New inputs of the same structure, shapes, types and names; `clone_model` would name them after their tensors."""
    return keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name), model.input
    )


def nodes(model: keras.Model) -> list:
    """Calls of layers in a functional model, inputs first."""
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def kind(operation) -> str:
    """Class name of a layer or operation that is Keras' own; subclasses have none, as they may do anything."""
    return type(operation).__name__ if type(operation).__module__.startswith("keras.") else ""
