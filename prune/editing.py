"""Putting a layer into a functional model, or another in a layer's place."""

from typing import Literal

import keras

from kdsuite.prune.errors import PruneError
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
        PruneError: an unknown layer, or a layer that cannot take what reaches it.
    """

    def call(old, *args, **kwargs):
        return layer(*args, **kwargs)

    return _edited(model, name, layer, call)


def insert_layer(
    model: keras.Model, name: str, layer: keras.Layer, where: Literal["before", "after"] = "before"
) -> keras.Model:
    """A new model with one more layer, before or after another; kerassurgeon's `insert_layer`.

    Args:
        model: functional or built Sequential model; it is left as it was. Models within it are flattened.
        name: of the layer next to which the new one is put; it reads and gives one tensor.
        layer: new layer, of a name that the model does not have.
        where: "before" or "after" that layer.

    Returns, Raises:
        As `replace_layer`.
    """
    if where not in ("before", "after"):
        raise PruneError(f"where {where!r}: expected 'before' or 'after'")

    def call(old, *args, **kwargs):
        if where == "after":
            return layer(old(*args, **kwargs))
        return old(layer(args[0]), *args[1:], **kwargs)

    return _edited(model, name, layer, call)


def _edited(model: keras.Model, name: str, layer: keras.Layer, edit) -> keras.Model:
    graph = flatten(model)
    names = [old.name for old in graph.layers]
    if name not in names:
        raise PruneError(f"no layer {name!r}: expected one of {', '.join(names)}")
    copies = {}

    def call(operation, *args, **kwargs):
        if id(operation) not in copies:
            copies[id(operation)] = copy_of(operation)
        try:
            if operation.name == name:
                return edit(copies[id(operation)], *args, **kwargs)
            return copies[id(operation)](*args, **kwargs)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise PruneError(f"{layer.name!r} leaves layer {operation.name!r} with an unfit input: {reason}") from error

    weights = layer.get_weights()
    inputs = inputs_like(graph)
    edited = keras.Model(inputs, rebuild(graph, inputs, call), name=graph.name)
    pipe(graph, edited)
    if weights:
        layer.set_weights(weights)
    return edited
