"""Putting a layer into a functional model, or another in a layer's place."""

import inspect
from collections.abc import Sequence
from typing import Literal

import keras
import tensorflow as tf

from kdsuite.prune.errors import PruneError, first_line
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import copy_of, inputs_like, rebuild
from kdsuite.prune.removal import pipe


def replace_layer(model: keras.Model, name: str, layer: keras.Layer) -> keras.Model:
    """A new model with a layer in the place of another, wherever that is called; kerassurgeon's `replace_layer`.

    Args:
        model: functional or built Sequential model; it is left as it was. Models within it are flattened.
        name: of the layer whose place is taken.
        layer: new layer, under a name of its own or that of the old one. Built, it keeps its weights; its output
            may have another shape.

    Returns:
        An uncompiled functional model. The other layers keep their names and, where they still fit, their weights.

    Raises:
        PruneError: an unknown layer or an input, a name that another layer has, or a layer that cannot take what
            reaches it.
    """

    takes_masks = "mask" in inspect.signature(layer.call).parameters

    def call(old, *args, **kwargs):
        # Keras notes the arguments that it fills in itself, which another layer may not have.
        own = {name: value for name, value in kwargs.items() if value is not None and (takes_masks or name != "mask")}
        return layer(*args, **own)

    graph = flatten(model)
    _check_names(graph, name, layer, [name])
    if _is_input(graph, name):
        raise PruneError(f"{name!r} is an input: expected a layer; insert_layer(..., 'after') puts one behind it")
    return _edited(graph, name, layer, call)


def insert_layer(
    model: keras.Model, name: str, layer: keras.Layer, where: Literal["before", "after"] = "before"
) -> keras.Model:
    """A new model with one more layer, before or after another; kerassurgeon's `insert_layer`.

    Args:
        model: functional or built Sequential model; it is left as it was. Models within it are flattened.
        name: of the layer next to which the new one is put; it reads and gives one tensor. Or of an input.
        layer: new layer, of a name that the model does not have.
        where: "before" or "after" that layer; of an input, "after".

    Returns, Raises:
        As `replace_layer`.
    """
    if where not in ("before", "after"):
        raise PruneError(f"where {where!r}: expected 'before' or 'after'")

    def call(old, *args, **kwargs):
        if where == "after":
            return layer(old(*args, **kwargs))
        if not args or not isinstance(args[0], keras.KerasTensor):
            raise PruneError(
                f"layer {name!r} reads several tensors, or one by keyword: expected a layer that is called with one "
                "tensor; insert before or after the layers that it reads"
            )
        return old(layer(args[0]), *args[1:], **kwargs)

    graph = flatten(model)
    _check_names(graph, name, layer, [])
    if where == "before" and _is_input(graph, name):
        raise PruneError(f"{name!r} is an input: expected where='after'")
    return _edited(graph, name, layer, call)


def _check_names(graph: keras.Model, name: str, layer: keras.Layer, free: Sequence[str]) -> None:
    """Raises a PruneError where the graph has no such layer, or has the new layer's name already, unless it is free."""
    names = [old.name for old in graph.layers]
    if name not in names:
        raise PruneError(f"no layer {name!r}: expected one of {', '.join(names)}")
    if layer.name in {operation.name for operation in graph.operations}.difference(free):
        raise PruneError(f"model {graph.name!r} has a layer {layer.name!r} already: give the new one another name")


def _is_input(graph: keras.Model, name: str) -> bool:
    return isinstance(graph.get_layer(name), keras.layers.InputLayer)


def _edited(graph: keras.Model, name: str, layer: keras.Layer, edit) -> keras.Model:
    copies = {}

    def call(operation, *args, **kwargs):
        if id(operation) not in copies:
            copies[id(operation)] = copy_of(operation)
        return call_named(operation.name, copies[id(operation)], *args, **kwargs)

    def call_named(old_name, operation, *args, **kwargs):
        try:
            return edit(operation, *args, **kwargs) if old_name == name else operation(*args, **kwargs)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise PruneError(
                f"{layer.name!r} leaves layer {old_name!r} with an unfit input: {first_line(error)}"
            ) from error

    weights = layer.get_weights()
    inputs = inputs_like(graph.input)

    def called(tensor):
        """What an input gives, as if the input were a layer."""
        return call_named(tensor._keras_history.operation.name, lambda given: given, tensor)

    fed = keras.tree.map_structure(called, inputs)
    edited = keras.Model(inputs, rebuild(graph, fed, call), name=graph.name)
    pipe(graph, edited, but_for=layer.name)
    if weights:
        layer.set_weights(weights)
    return edited
