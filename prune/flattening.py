"""Models within a model, inlined: one graph in which every layer can be seen."""

from functools import partial

import keras
from keras.src.models.functional import Functional

from kdsuite.prune.errors import PruneError
from kdsuite.prune.graph import context_arguments, copy_of, inputs_like, nodes, rebuild, set_weights


def flatten(model: keras.Model) -> keras.Model:
    """A functional model with the same outputs, bit for bit, and no models within it.

    The layers of functional and Sequential models within the model, at any depth, become layers of the result; the
    way a model within is called (`base(x, training=False)`) becomes the way its layers are called. The result shares
    its layers, and so its weights, with the model. Only where two layers have one name (two networks of one
    architecture side by side) are all layers copied, and the second is called `<its model>_<its name>`.

    Args:
        model: functional or built Sequential model. A functional model that is flat already is returned itself.

    Raises:
        PruneError: the model, or one within it, is a subclass whose layers cannot be seen, a Sequential model has no
            input shape yet, or a model within is given inputs of another rank than its own.
    """
    graph = _functional(model, model.name if isinstance(model, keras.Model) else repr(model))
    if not any(isinstance(node.operation, keras.Model) for node in nodes(graph)):
        return graph
    names: dict[str, list] = {}
    _collect(graph, (), names)
    share = all(len(same) == 1 for same in names.values())
    copies = {} if share else _copies(names)
    inputs = inputs_like(graph.input)
    outputs = rebuild(graph, inputs, partial(_inline, copies, {}))
    flat = keras.Model(inputs, outputs, name=model.name)
    for original, copy in copies.values():
        if isinstance(copy, keras.Layer):
            set_weights(copy, original.get_weights())
            copy.trainable = original.trainable
    return flat


def _functional(model, path: str) -> keras.Model:
    """The functional model itself, or the graph of a Sequential one."""
    if isinstance(model, keras.Sequential) and type(model).call is keras.Sequential.call:
        if not model.built or getattr(model, "_functional", None) is None:
            raise PruneError(
                f"model {path!r} has no input shape yet: start it with keras.Input(shape), or call its build((None, …))"
            )
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not isinstance(model, Functional) or type(model).call is not Functional.call:
        raise PruneError(
            f"model {path!r} is not functional: its class {type(model).__name__} hides its layers; "
            "expected keras.Model(inputs, outputs)"
        )
    return model


def _collect(graph: keras.Model, path: tuple[str, ...], names: dict[str, list]) -> None:
    """Adds each operation below the graph to those of its name, with the names of the models it is in."""
    for node in nodes(graph):
        operation = node.operation
        if isinstance(operation, keras.Model):
            within = (*path, operation.name)
            _collect(_functional(operation, "/".join(within)), within, names)
        elif not (node.is_input and path):
            same = names.setdefault(operation.name, [])
            if all(operation is not other for other, _ in same):
                same.append((operation, path))


def _copies(names: dict[str, list]) -> dict[int, tuple]:
    """By id of an operation, the operation and a copy of it whose name no other has."""
    copies, taken = {}, set(names)
    for name, same in names.items():
        for position, (operation, path) in enumerate(same):
            unique = name
            if position:
                unique = wanted = "_".join((*path, name))
                number = 1
                while unique in taken:
                    unique, number = f"{wanted}_{number}", number + 1
                taken.add(unique)
            copy = copy_of(operation)
            copy.name = unique
            copies[id(operation)] = (operation, copy)
    return copies


def _inline(copies: dict[int, tuple], context: dict, operation, *args, **kwargs):
    """Calls an operation, or all those of a model, as Keras would: an outer `training` goes before an inner one."""
    known = context_arguments(operation)
    kwargs |= {name: value for name, value in context.items() if name in known}
    if not isinstance(operation, keras.Model):
        return copies.get(id(operation), (None, operation))[1](*args, **kwargs)
    graph = _functional(operation, operation.name)
    given = keras.tree.flatten(_in_order(args[0] if args else kwargs.pop("inputs"), graph))
    if [len(tensor.shape) for tensor in given] != [len(tensor.shape) for tensor in graph.inputs]:
        raise PruneError(
            f"model {operation.name!r} is given inputs of shapes {[tuple(tensor.shape) for tensor in given]}: expected "
            f"the rank of {[tuple(tensor.shape) for tensor in graph.inputs]}"
        )
    casted = [
        tensor if tensor.dtype == expected.dtype else keras.ops.cast(tensor, expected.dtype)
        for tensor, expected in zip(given, graph.inputs, strict=True)
    ]
    inner = {name: value for name, value in kwargs.items() if name in known and value is not None}
    return rebuild(graph, casted, partial(_inline, copies, inner))


def _in_order(inputs, graph: keras.Model):
    """Inputs given by name, in the order of the model's own."""
    if isinstance(inputs, dict) and not isinstance(graph.input, dict):
        return [inputs[tensor.name] for tensor in graph.inputs]
    return inputs
