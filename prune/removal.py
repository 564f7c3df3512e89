"""Taking units out of a functional model, and piping the weights of what stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from keras import layers

from kdsuite.prune.cost import macs
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flatten import flatten
from kdsuite.prune.graph import inputs_like
from kdsuite.prune.units import Unit

MERGES = (layers.Add, layers.Average, layers.Concatenate, layers.Dot, layers.Maximum, layers.Minimum, layers.Multiply)


def remove(model: keras.Model, units: Sequence[Unit], weights: Literal["piped", "random"] = "piped") -> keras.Model:
    """A new model without the layers of the units; what came in goes on to what followed.

    Layers behind a removed stride or change of channels are built anew for their new input.

    Args:
        model: functional model; it is left as it was.
        units: from `prune.units` or `prune.select`.
        weights: "piped" copies the weights of each remaining layer whose shapes still fit and draws the others anew
            (CS230 §4, `pipe_weights`); "random" draws all anew. Draws follow `keras.utils.set_random_seed`.

    Returns:
        An uncompiled functional model whose layers keep their names.

    Raises:
        PruneError: a merge (`Add`, `Concatenate`, …) or another layer cannot take what would reach it.
    """
    if weights not in ("piped", "random"):
        raise PruneError(f"weights {weights!r}: expected 'piped' or 'random'")
    removed = {name for unit in units for name in unit.layers}
    named = ", ".join(unit.name for unit in units)

    def call(layer, *args, **kwargs):
        if layer.name in removed:
            return args[0]
        if isinstance(layer, MERGES):
            _check_merge(layer, args[0], named)
        try:
            return layer(*args, **kwargs)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise PruneError(f"removing {named} leaves layer {layer.name!r} with an unfit input: {reason}") from error

    graph = flatten(model)
    pruned = keras.models.clone_model(graph, input_tensors=inputs_like(graph), call_function=call)
    if weights == "piped":
        _pipe(graph, pruned)
    return pruned


def _check_merge(layer: keras.Layer, inputs, named: str) -> None:
    if len({id(tensor) for tensor in inputs}) < len(inputs):
        raise PruneError(f"removing {named} breaks merge {layer.name!r}: two of its inputs would be the same tensor")
    shapes = [tuple(tensor.shape) for tensor in inputs]
    if isinstance(layer, layers.Concatenate):
        axis = layer.axis % len(shapes[0])
        compared = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    else:
        compared = set(shapes)
    if len(compared) > 1:
        raise PruneError(f"removing {named} breaks merge {layer.name!r}: its inputs would have the shapes {shapes}")


def _pipe(source: keras.Model, target: keras.Model) -> None:
    stored = {layer.name: layer.get_weights() for layer in source.layers}
    for layer in target.layers:
        if _shapes(layer.get_weights()) == _shapes(stored[layer.name]):
            layer.set_weights(stored[layer.name])


def _shapes(arrays: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    return [array.shape for array in arrays]


@dataclass(frozen=True)
class RemovalReport:
    """What a removal did, layers with weights by name.

    Attributes:
        removed: layers that are gone.
        piped: layers whose weights are the original's.
        initialised: layers with other weights than the original's.
        params, macs: before and after; multiply-accumulates of one example.
    """

    removed: tuple[str, ...]
    piped: tuple[str, ...]
    initialised: tuple[str, ...]
    params: tuple[int, int]
    macs: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"removed {', '.join(self.removed) or 'nothing'}; piped {len(self.piped)} layers; "
            f"initialised anew {', '.join(self.initialised) or 'none'}; "
            f"parameters {self.params[0]:,} → {self.params[1]:,}; MACs {self.macs[0]:,} → {self.macs[1]:,}"
        )


def removal_report(model: keras.Model, pruned: keras.Model) -> RemovalReport:
    """Compares a model with what `remove` made of it, before training changes the weights."""
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    after = {layer.name: layer.get_weights() for layer in pruned.layers if layer.weights}

    def same(name):
        return len(before[name]) == len(after[name]) and all(map(np.array_equal, before[name], after[name]))

    return RemovalReport(
        removed=tuple(name for name in before if name not in after),
        piped=tuple(name for name in after if same(name)),
        initialised=tuple(name for name in after if not same(name)),
        params=(model.count_params(), pruned.count_params()),
        macs=(macs(model), macs(pruned)),
    )
