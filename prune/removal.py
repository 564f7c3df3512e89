"""Taking units out of a functional model, and piping the weights of what stays."""

import random
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.channel_types import MERGE_OPERATIONS, MERGES
from kdsuite.prune.errors import PruneError, first_line
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import copy_of, inputs_like, kind, nodes, rebuild, set_weights
from kdsuite.prune.units import Unit

OF_SEVERAL = {*MERGES, *MERGE_OPERATIONS, "Concatenate", "Dot"}
"""Layers and operations whose inputs have to fit each other."""


def remove(model: keras.Model, units: Sequence[Unit], weights: Literal["piped", "random"] = "piped") -> keras.Model:
    """A new model without the layers of the units; what came in goes on to what followed.

    Layers behind a removed stride or change of channels are built anew for their new input. Without units it is a copy.

    Args:
        model: functional or built Sequential model; it is left as it was. Models within it are flattened.
        units: from `prune.units` or `prune.select`.
        weights: "piped" copies the weights of each remaining layer whose shapes still fit and draws the others anew
            (CS230 §4, `pipe_weights`); "random" draws all anew but what a `Normalization` knows of the data. Draws
            follow `keras.utils.set_random_seed`.

    Returns:
        An uncompiled functional model whose layers keep their names.

    Raises:
        PruneError: units that the model does not have; a merge (`Add`, `Concatenate`, …) or another layer that cannot
            take what would reach it; an output that would have another shape. A merge may broadcast only where it did
            so before, and may not merge a tensor with itself. The message names the unit to blame.
    """
    if weights not in ("piped", "random"):
        raise PruneError(f"weights {weights!r}: expected 'piped' or 'random'")
    graph = flatten(model)
    _check_units(graph, units)
    try:
        pruned = _without(graph, units)
    except _Unfit as unfit:
        raise PruneError(_blame(graph, units, str(unfit))) from unfit.__cause__
    # What a layer was told of the data is not drawn.
    pipe(graph, pruned, () if weights == "piped" else (keras.layers.Normalization,))
    return pruned


def obstacle(model: keras.Model, units: Sequence[Unit]) -> str | None:
    """What hinders units from being removed together, as a predicate ("breaks merge 'add_1': …"); None if nothing does.

    Args:
        model: functional model without models within it.
    """
    try:
        with drawn_by():
            _without(model, units)
    except _Unfit as unfit:
        return str(unfit)
    return None


def _check_units(graph: keras.Model, units: Sequence[Unit]) -> None:
    names = {node.operation.name for node in nodes(graph)}
    for unit in units:
        if missing := [name for name in unit.layers if name not in names]:
            raise PruneError(
                f"model {graph.name!r} has no {missing[0]!r}, which unit {unit.name!r} holds: expected units of this "
                "model, from prune.units or prune.select"
            )


class _Unfit(Exception):
    """A layer cannot take what would reach it; the message is a predicate of what is removed."""


def _without(graph: keras.Model, units: Sequence[Unit]) -> keras.Model:
    removed = {name for unit in units for name in unit.layers}
    before: dict[str, list] = {}
    for node in nodes(graph):
        before.setdefault(node.operation.name, []).append(node)
    copies = {}

    def call(operation, *args, **kwargs):
        node = before[operation.name].pop(0)
        if operation.name in removed:
            given = {name: value for name, value in kwargs.items() if "mask" not in name}
            passed = _passed_on(operation, keras.tree.flatten(args or given))
            return [passed] * len(node.outputs)
        if kind(operation) in OF_SEVERAL:
            given = [x for x in keras.tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
            _check_merge(node, given)
        if id(operation) not in copies:
            copies[id(operation)] = copy_of(operation)
        try:
            return copies[id(operation)](*args, **kwargs)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise _Unfit(f"leaves layer {operation.name!r} with an unfit input: {first_line(error)}") from error

    inputs = inputs_like(graph.input)
    without = keras.Model(inputs, rebuild(graph, inputs, call), name=graph.name)
    for tensor, left in zip(graph.outputs, without.outputs, strict=True):
        if tensor.shape != left.shape:
            name = tensor._keras_history.operation.name
            raise _Unfit(f"changes the model's output {name!r} from shape {tensor.shape} to {left.shape}")
    return without


def _passed_on(operation, inputs: Sequence):
    """What comes in goes on; a merge whose branch is gone has the same tensor on each side."""
    tensors = [x for x in inputs if isinstance(x, keras.KerasTensor)]
    if len({id(tensor) for tensor in tensors}) > 1:
        raise _Unfit(f"leaves merge {operation.name!r} with different inputs: remove its whole branch")
    return tensors[0]


def _check_merge(node, inputs: Sequence) -> None:
    name, before = node.operation.name, [tuple(tensor.shape) for tensor in node.input_tensors]
    shapes = [tuple(tensor.shape) for tensor in inputs]
    if len({id(tensor) for tensor in inputs}) < len({id(tensor) for tensor in node.input_tensors}):
        raise _Unfit(f"breaks merge {name!r}: two of its inputs would be the same tensor")
    if shapes == before:
        return
    fits = [len(shape) for shape in shapes] == [len(shape) for shape in before]
    if fits and kind(node.operation) == "Concatenate":
        axis = node.operation.axis % len(shapes[0])
        shapes_apart = [shape[:axis] + shape[axis + 1 :] for shape in shapes]
        fits = len(set(shapes_apart)) == 1
    # Which axes of a `Dot` have to fit, it says itself.
    elif fits and kind(node.operation) != "Dot":
        fits = len({len(shape) for shape in shapes}) == 1 and all(
            map(_still_fit, zip(*shapes, strict=True), zip(*before, strict=True))
        )
    if not fits:
        raise _Unfit(f"breaks merge {name!r}: its inputs would have the shapes {shapes}")


def _still_fit(sizes: Sequence[int | None], before: Sequence[int | None]) -> bool:
    """Whether sizes along one axis merge as they did: all equal, but for those that were 1 beside larger ones."""
    broadcast = [was == 1 and set(before) != {1} for was in before]
    full = {size for size, small in zip(sizes, broadcast, strict=True) if not small}
    return len(full) == 1 and all(size in {1, *full} for size in sizes)


def _blame(graph: keras.Model, units: Sequence[Unit], reason: str) -> str:
    """Names the units but for one of which all could be removed; or else the fewest that cannot, and the reason."""
    guilty = [unit for unit in units if obstacle(graph, _but_for(units, unit)) is None]
    if not guilty:
        guilty = list(units)
        for unit in units:
            if (cause := obstacle(graph, _but_for(guilty, unit))) is not None:
                guilty, reason = _but_for(guilty, unit), cause
    return f"removing {' together with '.join(unit.name for unit in guilty)} {reason}"


def _but_for(units: Sequence[Unit], unit: Unit) -> list[Unit]:
    return [other for other in units if other is not unit]


@contextmanager
def drawn_by(seed: int | None = None):
    """Layers built within draw by a seed, or as they would; what is drawn afterwards is as if none had been built."""
    state = random.getstate()
    try:
        if seed is not None:
            # Keras draws from here what an initialiser or a dropout without a seed begins with.
            random.seed(seed)
        yield
    finally:
        random.setstate(state)


def pipe(source: keras.Model, target: keras.Model, kinds: tuple[type, ...] = (), *, but_for: str | None = None) -> None:
    """Copies the weights of each layer that both models have, where their shapes are equal.

    Args:
        source: gives the weights.
        target: takes them.
        kinds: of the layers that are piped; all, where none is given.
        but_for: name of a layer that is not piped.
    """
    stored = {layer.name: layer.get_weights() for layer in source.layers if not kinds or isinstance(layer, kinds)}
    for layer in target.layers:
        weights = stored.get(layer.name, [])
        if weights and layer.name != but_for and _shapes(layer.get_weights()) == _shapes(weights):
            set_weights(layer, weights)


def _shapes(arrays: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    return [array.shape for array in arrays]
