"""Reading the graph of a functional model, and calling its layers again on other tensors."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import keras

from kdsuite.prune.errors import PruneError, first_line


def nodes(model: keras.Model) -> list:
    """Calls of layers and operations in a functional model, inputs first."""
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def kind(operation) -> str:
    """Class name of a layer or operation that is Keras' own; subclasses have none, as they may do anything."""
    return type(operation).__name__ if type(operation).__module__.startswith("keras.") else ""


def context_arguments(operation) -> Iterable[str]:
    """Names of the arguments, such as `training`, that Keras hands on from the call of a model to those within it."""
    return getattr(operation, "_call_context_args", ())


def inputs_like(inputs):
    """New inputs of the structure, shapes, types and names of a model's; `clone_model` names them after tensors."""

    def like(x):
        layer = x._keras_history.operation
        return keras.Input(
            batch_shape=x.shape, dtype=x.dtype, name=layer.name, sparse=x.sparse, optional=layer.optional
        )

    return keras.tree.map_structure(like, inputs)


def rebuild(model: keras.Model, inputs, call: Callable):
    """Runs through the model's graph on other inputs; a tensor is dropped behind its last reader.

    `keras.models.clone_model` with a `call_function` does the same, and also compiles the copy and clones each layer.

    Args:
        model: functional model.
        inputs: symbolic or real tensors in the structure of `model.input`.
        call: takes a layer or operation of the model and the arguments of one call; returns the outputs of that call.

    Returns:
        Tensors in the structure of `model.output`.
    """
    given = keras.tree.flatten(inputs)
    tensors = {id(before): after for before, after in zip(model.inputs, given, strict=True)}
    calls = [node for node in nodes(model) if not node.is_input]
    readers = Counter(id(tensor) for node in calls for tensor in node.input_tensors)
    readers.update(id(tensor) for tensor in model.outputs)
    for node in calls:
        args, kwargs = node.arguments.fill_in(tensors)
        outputs = keras.tree.flatten(call(node.operation, *args, **kwargs))
        tensors |= {id(before): after for before, after in zip(node.outputs, outputs, strict=True)}
        readers.subtract(id(tensor) for tensor in node.input_tensors)
        for tensor in node.input_tensors:
            if not readers[id(tensor)]:
                tensors.pop(id(tensor), None)
    return keras.tree.map_structure(lambda tensor: tensors[id(tensor)], model.output)


def copy_of(operation, settings: Mapping | None = None):
    """A new layer or operation of the same configuration, with other weights.

    Args:
        operation: layer or operation.
        settings: configuration that the copy has instead of the original's.

    Raises:
        PruneError: its class cannot be built from its configuration.
    """
    if type(operation) is keras.layers.Lambda:
        # Keras refuses to read a Python function from a configuration; here it is at hand.
        return keras.layers.Lambda(
            operation.function,
            operation._output_shape,
            operation.mask,
            operation.arguments,
            name=operation.name,
            dtype=operation.dtype_policy,
        )
    try:
        config = {**operation.get_config(), **(settings or {})}
        copy = type(operation).from_config(config)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise PruneError(
            f"{operation.name!r}, of type {type(operation).__name__}, cannot be copied from its configuration "
            f"({first_line(error)}): give its class get_config and from_config"
        ) from error
    if hasattr(operation, "get_vocabulary") and config.get("vocabulary") is None:
        raise PruneError(
            f"{operation.name!r}, of type {type(operation).__name__}, has its vocabulary from adapt(), which a copy "
            "would lose: look words up in front of the model, or give the layer its vocabulary when it is built"
        )
    return copy


def set_weights(layer: keras.Layer, weights: list) -> None:
    """Sets a layer's weights, and what the layer derives from them."""
    layer.set_weights(weights)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
