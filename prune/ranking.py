"""How much each channel of a layer matters."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import keras
import numpy as np

from kdsuite.prune.channel_types import gives_channels, weight_axes
from kdsuite.prune.channels import HEADS, Channels
from kdsuite.prune.criteria import CRITERIA, Criterion, Filters, GroupView
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import kind
from kdsuite.prune.groups import ChannelGroup
from kdsuite.prune.measuring import (
    activation_behind,
    check_classifier,
    check_one_output,
    effect,
    effect_of_weights,
    share_of_zeros,
)

OwnCriterion = Callable[[GroupView], np.ndarray]


def rank_channels(
    model: keras.Model,
    layer: str,
    data: Iterable | None = None,
    criterion: Criterion = "l1",
    *,
    seed: int = 0,
) -> np.ndarray:
    """Channels of one layer, least important first: what `delete_channels` should take first. See `channel_scores`.

    Returns:
        int64 (channels,).
    """
    return np.argsort(channel_scores(model, [layer], data, criterion, seed=seed)[layer], kind="stable")


def channel_scores(
    model: keras.Model,
    layers: Sequence[str],
    data: Iterable | None = None,
    criterion: Criterion = "l1",
    *,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Importance of each channel of some layers; the higher, the more it matters.

    Of the weights that make a channel: "l1" is their absolute sum (Li et al. 2017), "l2" their Euclidean norm (Fang et
    al. 2023), "lamp" their squared norm over those of the layer that are not smaller (Lee et al. 2021), "fpgm" their
    distance to the layer's other filters (He et al. 2019). "bn_scale" is the factor of the batch norm behind the
    channel (Liu et al. 2017). On data: "apoz" is one less the average percentage of zeros of its activation (Hu et al.
    2016), "taylor" the first-order effect on the loss of setting its activation to zero (Molchanov et al. 2017),
    "taylor_weights" that of setting its weights to zero, squared (Molchanov et al. 2019). "random" draws from [0, 1).
    `prune.criteria` has their equations, and `measuring.activation_behind` says which activation stands for a layer.

    Args:
        model: functional model that ends in logits or in a softmax; it is left as it was.
        layers: names of layers that give channels; `<layer>/heads` for the heads of attention.
        data: for "apoz", "taylor" and "taylor_weights", batches of (inputs, integer labels): `split.batches(32)`, a
            `tf.data.Dataset`.
        criterion: one of these.
        seed: of "random".

    Returns:
        Name of layer → float64 (channels,).

    Raises:
        PruneError: an unknown criterion or layer, a layer whose channels cannot be followed, or a criterion that lacks
            its data, its batch norm or its activation; on data, a model of several outputs, batches that are not pairs,
            and for the effects on the loss an output of one class.
    """
    check_criterion(criterion, data)
    channels = Channels(flatten(model))
    for name in layers:
        if name in channels.refused:
            raise PruneError(f"layer {name!r} gives no channels that can be ranked: it is {channels.refused[name]}")
        if name in channels.given and name not in _givers(channels):
            makers = {maker for number in set(channels.given[name]) for maker, _ in channels.members[int(number)]}
            raise PruneError(
                f"layer {name!r} only passes on the channels that it reads: rank those of {', '.join(sorted(makers))}"
            )
        if name not in _givers(channels):
            raise PruneError(f"no channels in layer {name!r}: expected one of {', '.join(_givers(channels))}")
    views = filters_of(channels, layers, data, criterion, seed)
    scores = {}
    for name, view in views.items():
        values = CRITERIA[criterion].of(view)
        if values is None:
            lack = "batch norm" if criterion == "bn_scale" else "activation of its own"
            raise PruneError(f"criterion {criterion!r} cannot score layer {name!r}: no {lack} stands behind it")
        _check_numbers(values, name, criterion)
        scores[name] = values
    return scores


def _check_numbers(values: np.ndarray | None, layers: str, criterion: Criterion | OwnCriterion) -> None:
    """Refuses NaN, by which channels would go in the order of their numbers; infinity keeps a channel."""
    if values is not None and np.isnan(values).any():
        what = "of your own" if callable(criterion) else repr(criterion)
        raise PruneError(
            f"criterion {what} gives NaN for channels of {layers}: look for NaN in the data and in the weights"
        )


def group_scores(
    channels: Channels,
    groups: Sequence[ChannelGroup],
    data: Iterable | None,
    criterion: Criterion | OwnCriterion,
    seed: int,
) -> list[np.ndarray | None]:
    """For each group, the scores of its channels, float64; None where the criterion has none.

    Raises:
        PruneError: a criterion that is unknown, lacks its data or gives another number of scores.
    """
    check_criterion(criterion, data)
    names = [name for group in groups for name in group.layers]
    views = filters_of(channels, names, data, criterion, seed)
    scores = []
    for group in groups:
        view = GroupView(group, {name: views[name] for name in group.layers})
        if callable(criterion):
            values = np.asarray(criterion(view), np.float64)
            if values.shape != (len(group.channels),):
                raise PruneError(
                    f"the criterion gives scores of shape {values.shape} for the group of {', '.join(group.layers)}: "
                    f"expected ({len(group.channels)},)"
                )
        else:
            values = view.mean(CRITERIA[criterion].of, CRITERIA[criterion].normalised)
        _check_numbers(values, ", ".join(group.layers), criterion)
        scores.append(values)
    return scores


def check_criterion(criterion, data: Iterable | None) -> None:
    """Raises a PruneError where a criterion is unknown or lacks its data."""
    if callable(criterion):
        return
    if criterion not in CRITERIA:
        raise PruneError(f"criterion {criterion!r}: expected {', '.join(map(repr, CRITERIA))} or a function")
    if CRITERIA[criterion].measures not in (None, "chance") and data is None:
        raise PruneError(f"criterion {criterion!r} needs data: give batches of (inputs, labels)")


def filters_of(channels: Channels, names: Sequence[str], data, criterion, seed: int) -> dict[str, Filters]:
    """What a criterion sees of some layers."""
    measured = _measured(channels, names, data, None if callable(criterion) else CRITERIA[criterion].measures, seed)
    views = {}
    for name in names:
        kernels, arrange = _kernels(channels, name)
        weights = arrange([kernel.numpy().astype(np.float64) for kernel in kernels])
        views[name] = Filters(name, weights, _scale(channels, name), measured.get(name))
    return views


def _givers(channels: Channels) -> list[str]:
    """Names that channels can be ranked under, in the model's order; heads of attention last."""
    names = [layer.name for layer in channels.model.layers if layer.name in channels.given and gives_channels(layer)]
    return names + [name + HEADS for name in names if name + HEADS in channels.given]


def _measured(channels: Channels, names: Sequence[str], data, measures, seed: int) -> dict[str, np.ndarray]:
    if measures is None:
        return {}
    if measures == "chance":
        known = _givers(channels)
        sizes = {name: len(channels.given[name]) for name in names}
        return {name: np.random.default_rng([seed, known.index(name)]).random(sizes[name]) for name in names}
    (check_one_output if measures == "zeros" else check_classifier)(channels.model)
    if measures == "effect of weights":
        filters = [_kernels(channels, name) for name in names]
        return dict(zip(names, effect_of_weights(channels.model, filters, data), strict=True))
    features = {name: activation_behind(channels, name) for name in names}
    features = {name: feature for name, feature in features.items() if feature is not None}
    if not features:
        return {}
    measure = share_of_zeros if measures == "zeros" else effect
    return dict(zip(features, measure(channels.model, list(features.values()), data), strict=True))


def _kernels(channels: Channels, name: str) -> tuple[list, Callable]:
    """The kernels that make a layer's channels, and a function from arrays like them to (channels, weights)."""
    layer, role = channels.model.get_layer(name.removesuffix(HEADS)), "head" if name.endswith(HEADS) else "out"
    pairs = [(w, axes) for w, axes in zip(layer.weights, weight_axes(layer), strict=True) if axes is not None]
    kernels = [(weight, axes) for weight, axes in pairs if len(weight.shape) > 1 and axes.count(role) == 1]
    if role == "out":
        kernels = kernels[:1]
    else:
        kernels = [(weight, axes) for weight, axes in kernels if "out" not in axes and len(axes) == 3]
    axes = [axes.index(role) - len(axes) for _, axes in kernels]
    return [weight for weight, _ in kernels], partial(_by_channel, axes, len(channels.given[name]))


def _by_channel(axes: Sequence[int], size: int, arrays: Sequence[np.ndarray]) -> np.ndarray:
    # A recurrent kernel holds the gates one after the other.
    parts = [np.moveaxis(array, axis, -1).reshape(-1, size).T for array, axis in zip(arrays, axes, strict=True)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _scale(channels: Channels, name: str) -> np.ndarray | None:
    """The factor of the first batch norm behind a layer that normalises all its channels."""
    numbers = channels.given[name]
    for node in channels.carrying(name):
        layer = node.operation
        if not (kind(layer) == "BatchNormalization" and layer.scale and layer.name in channels.roles):
            continue
        behind = channels.given[layer.name]
        if np.isin(numbers, behind).all():
            order = np.argsort(behind, kind="stable")
            return layer.gamma.numpy().astype(np.float64)[order[np.searchsorted(behind[order], numbers)]]
    return None
