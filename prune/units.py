"""Units: what can be taken out of a network as one, and the order to take them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from keras import layers

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flatten import flatten

WEIGHTED = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Dense,
)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
BEFORE = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
AFTER = (
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)

Size = Literal["layer", "block"]


@dataclass(frozen=True)
class Unit:
    """Layers that are removed together.

    Attributes:
        name: of the first layer with a kernel.
        layers: names of all its layers, input to output: padding, kernel, normalisation, activation.
        weighted: names of those with a kernel.
    """

    name: str
    layers: tuple[str, ...]
    weighted: tuple[str, ...]


def units(model: keras.Model, size: Size = "layer") -> tuple[Unit, ...]:
    """The units of a functional model, in its order; the last layer with weights before each output is in none.

    Args:
        model: functional model; layers inside nested models are not looked at.
        size: "layer" makes a unit of each convolution or dense layer with the padding before it and the normalisation
            and activation after it; "block" joins a depthwise unit with the convolution that follows it.

    Raises:
        PruneError: the model has no such layer, or `size` is another word.
    """
    if size not in ("layer", "block"):
        raise PruneError(f"unit size {size!r}: expected 'layer' or 'block'")
    model = flatten(model)
    heads = {_head(model, tensor._keras_history.operation).name for tensor in model.outputs}
    kernels = [layer for layer in model.layers if isinstance(layer, WEIGHTED) and layer.name not in heads]
    found = [_unit_around(model, layer) for layer in kernels]
    if not found:
        raise PruneError(f"model {model.name!r} has no convolution or dense layer besides its output")
    return tuple(found) if size == "layer" else _blocks(model, found)


def zero_density(model: keras.Model, threshold: float, size: Size = "layer") -> dict[str, float]:
    """Share of each unit's convolution and dense weights w with |w| < threshold (CS230 §4), by unit name.

    Args:
        model: functional model.
        threshold: > 0, in the units of the weights.
        size: see `units`.

    Raises:
        PruneError: the threshold is not above 0.
    """
    if not threshold > 0:
        raise PruneError(f"threshold {threshold}: expected a number above 0")
    densities = {}
    for unit in units(model, size):
        weights = np.concatenate([w.numpy().ravel() for name in unit.weighted for w in model.get_layer(name).weights])
        densities[unit.name] = float(np.mean(np.abs(weights) < threshold))
    return densities


def select(
    model: keras.Model,
    by: Literal["zero_density", "random", "name"],
    count: int | None = None,
    *,
    threshold: float = 0.01,
    seed: int = 0,
    names: Sequence[str] = (),
    size: Size = "layer",
) -> tuple[Unit, ...]:
    """Chooses units to remove; given in the model's order.

    Args:
        model: functional model.
        by: "zero_density" takes the `count` units of highest zero density (ties: the earlier one), "random" any
            `count`, "name" those in `names`.
        count: how many, for the first two.
        threshold: of the zero density.
        seed: of the random choice; the same seed gives the same units.
        names: names of units, or of any of their layers.
        size: see `units`.

    Raises:
        PruneError: a count that the model does not have, or an unknown name or way.
    """
    available = units(model, size)
    if by == "name":
        return _by_name(available, names)
    if count is None or not 0 < count <= len(available):
        raise PruneError(f"{count} units to remove: expected 1 to {len(available)}, the units of {model.name!r}")
    if by == "zero_density":
        densities = zero_density(model, threshold, size)
        chosen = set(sorted(densities, key=densities.__getitem__, reverse=True)[:count])
    elif by == "random":
        order = np.random.default_rng(seed).permutation(len(available))
        chosen = {available[index].name for index in order[:count]}
    else:
        raise PruneError(f"select by {by!r}: expected 'zero_density', 'random' or 'name'")
    return tuple(unit for unit in available if unit.name in chosen)


def _by_name(available: Sequence[Unit], names: Sequence[str]) -> tuple[Unit, ...]:
    for name in names:
        if not any(name in unit.layers for unit in available):
            known = ", ".join(unit.name for unit in available)
            raise PruneError(f"no unit {name!r}: expected one of {known}")
    return tuple(unit for unit in available if set(names) & set(unit.layers))


def _unit_around(model: keras.Model, layer: keras.Layer) -> Unit:
    names = [layer.name]
    previous = _neighbours(model, layer, "input")
    if len(previous) == 1 and isinstance(previous[0], BEFORE) and len(_neighbours(model, previous[0], "output")) == 1:
        names.insert(0, previous[0].name)
    current = layer
    while len(following := _neighbours(model, current, "output")) == 1 and isinstance(following[0], AFTER):
        current = following[0]
        names.append(current.name)
    return Unit(layer.name, tuple(names), (layer.name,))


def _head(model: keras.Model, layer: keras.Layer) -> keras.Layer:
    """The layer itself, or the first one with weights on the way back to the input."""
    while not layer.weights and len(previous := _neighbours(model, layer, "input")) == 1:
        layer = previous[0]
    return layer


def _blocks(model: keras.Model, found: Sequence[Unit]) -> tuple[Unit, ...]:
    """Joins each depthwise unit with the convolution it alone feeds."""
    by_first_layer = {unit.layers[0]: unit for unit in found}
    blocks, joined = [], set()
    for unit in found:
        if unit.name in joined:
            continue
        following = _neighbours(model, model.get_layer(unit.layers[-1]), "output")
        partner = by_first_layer.get(following[0].name) if len(following) == 1 else None
        if isinstance(model.get_layer(unit.name), DEPTHWISE) and partner is not None:
            joined.add(partner.name)
            unit = Unit(unit.name, unit.layers + partner.layers, unit.weighted + partner.weighted)
        blocks.append(unit)
    return tuple(blocks)


def _neighbours(model: keras.Model, layer: keras.Layer, side: Literal["input", "output"]) -> list[keras.Layer]:
    """Layers next to a layer within this model; its layers may take part in other models too."""
    own = {node for nodes in model._nodes_by_depth.values() for node in nodes}
    if side == "output":
        return [node.operation for node in layer._outbound_nodes if node in own]
    return [
        tensor._keras_history.operation for node in layer._inbound_nodes if node in own for tensor in node.input_tensors
    ]
