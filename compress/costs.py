"""What a model costs: parameters, multiply-accumulates, bytes, milliseconds."""

import math
from dataclasses import dataclass, replace

import keras

from kdsuite import prune
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.goals import Goal

FLOAT_BYTES = 4
AIM = 0.97
"""Milliseconds vary by some percent from one timing to the next, and bytes are estimated: a cut aims below its goal."""
BYTES_A_CHANNEL = 28
"""What an int8 LiteRT file holds for a channel beside its kernel: a bias of 4 bytes, and for each of the two a scale of
4 and a zero point of 8. Batch norm is folded into these."""
BYTES_A_LAYER = 950
"""What it holds for a layer beside these, roughly: 26,552 bytes for MobileNet's 28 layers, at each of three widths."""


@dataclass(frozen=True)
class ModelCosts:
    """Costs of one model.

    Attributes:
        params: number of weights.
        macs: multiply-accumulates for one image.
        bytes: an estimate of its int8 LiteRT file: a byte a weight of the kernels, and what describes channels and
            layers.
        ms: median milliseconds for one image in Keras on this machine; None where that is no goal.
    """

    params: int
    macs: int
    bytes: int
    ms: float | None = None


def milliseconds(model: keras.Model) -> float:
    """Median milliseconds for one image in Keras on this machine."""
    return 1000 * prune.latency([model])[0]


def costs_of(model: keras.Model, beside: tuple[keras.Model, float] | None = None) -> ModelCosts:
    """Costs of a model, its milliseconds too where another is given with its own.

    The two are timed in turns: their ratio does not tell how busy the machine is.
    """
    ms = None
    if beside is not None:
        other, known = beside
        before, after = prune.latency([other, model])
        ms = known * after / before
    return ModelCosts(model.count_params(), prune.macs(model), _int8_bytes(model), ms)


def widths(model: keras.Model) -> dict[str, int]:
    """Channels of each layer with a kernel, by name, in the model's order."""
    # Of several outputs, such as attention with its scores, the first.
    return {
        layer.name: int(keras.tree.flatten(layer.output)[0].shape[-1])
        for layer in model.layers
        if _kernel_weights(layer)
    }


def _int8_bytes(model: keras.Model) -> int:
    kernels = sum(math.prod(kernel.shape) for layer in model.layers for kernel in _kernel_weights(layer))
    channels = widths(model)
    return kernels + BYTES_A_CHANNEL * sum(channels.values()) + BYTES_A_LAYER * len(channels)


def _kernel_weights(layer: keras.Layer) -> list:
    return [weight for weight in layer.weights if len(weight.shape) > 1]


def share(costs: ModelCosts, of: ModelCosts, goal: Goal) -> float:
    """What a model costs of what the teacher costs, in the goal's measure; MACs where the goal has none."""
    name = goal.target or "macs"
    return getattr(costs, name) / getattr(of, name)


def search_goal(goal: Goal, teacher: ModelCosts, file_bytes: int) -> Goal:
    """The goal that the search takes: a share of the .keras file becomes one of the parameters.

    What describes the layers stays in the file, however few weights it holds.

    Args:
        goal: as the user put it.
        teacher: its costs.
        file_bytes: size of its .keras file.

    Raises:
        CompressionError: the teacher reaches the goal already, or the description alone is larger than the share.
    """
    wanted = wanted_share(goal, teacher)
    if wanted is not None and wanted >= 1:
        cost = f"{teacher.ms:.3g} milliseconds" if goal.target == "ms" else f"{teacher.bytes:,} bytes in int8"
        raise CompressionError(
            f"goal {goal}: the model reaches it already, with about {cost}: give a smaller target_{goal.target}"
        )
    if goal.target != "bytes" or goal.value >= 1:
        return goal
    description = file_bytes - FLOAT_BYTES * teacher.params
    params = (goal.value * file_bytes - description) / (FLOAT_BYTES * teacher.params)
    if params <= 0:
        raise CompressionError(
            f"target_bytes {goal.value:g}: the description of the layers alone takes {description / file_bytes:.2f} of "
            f"the {file_bytes:,} bytes: give bytes of the smallest file instead, such as {teacher.bytes // 2}"
        )
    return replace(goal, target="params", value=params)


def aimed_share(goal: Goal, teacher: ModelCosts) -> float | None:
    """The share of the teacher's cost that candidates are cut to: what the goal leaves, or less where costs vary."""
    wanted = wanted_share(goal, teacher)
    return AIM * wanted if wanted is not None and goal.target in ("ms", "bytes") else wanted


def wanted_share(goal: Goal, teacher: ModelCosts) -> float | None:
    """The share of the teacher's cost that the goal leaves, or None where it has no target."""
    if goal.target is None:
        return None
    if goal.target == "ms" or (goal.target == "bytes" and goal.value >= 1):
        return goal.value / getattr(teacher, goal.target)
    return goal.value
