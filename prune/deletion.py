"""Deleting named channels of a Keras model, and telling which others go with them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.surgery import without_channels

Surgeon = Literal["keras", "kerassurgeon"]


def delete_channels(
    model: keras.Model, channels: Mapping[str, Sequence[int]], *, surgeon: Surgeon = "keras"
) -> keras.Model:
    """A new model without some channels of some layers, and without all weights that they alone fed.

    Equals the original with those channels set to zero wherever a layer with a kernel reads them, behind batch norm
    and activation. Layer, group (of one group) and RMS normalisation take their statistics over the channels that are
    left. Channels that can only go together (residual `Add`, `Multiply`, a group of a grouped convolution or of group
    normalisation) all go: one name of the group is enough, and `deletion_report` tells which go and why. A depthwise
    convolution or a normalisation may be named for the layer whose channels pass through it; `<layer>/heads` names
    the heads of a layer of type `MultiHeadAttention`.

    Args:
        model: functional or built Sequential model with channels last; it is left as it was. Models within it are
            flattened.
        channels: by name of layer, indices of its channels, from 0.
        surgeon: "keras" slices weights and clones the graph; "kerassurgeon" lets kerassurgeon 0.2.0 operate on a
            tf_keras copy, of which nothing remains. Both give the same weights.

    Returns:
        An uncompiled Keras 3 model; layers keep their names and configuration.

    Raises:
        PruneError: an unknown layer or one without channels, an index out of range or given twice, all channels of a
            layer, channels that reach the model's output or a layer that surgery does not know, or a layer that
            kerassurgeon does not know.
    """
    followed = Channels(flatten(model))
    return cut(followed, _asked(followed, channels), surgeon)


def cut(channels: Channels, deleted: Iterable[int], surgeon: Surgeon = "keras") -> keras.Model:
    """The model without the channels with these numbers, which may go."""
    if surgeon == "keras":
        return without_channels(channels, deleted)
    if surgeon != "kerassurgeon":
        raise PruneError(f"surgeon {surgeon!r}: expected 'keras' or 'kerassurgeon'")
    # Importing tf_keras takes seconds, and a process that does without must not need it.
    from kdsuite.prune.surgeon import operate

    return operate(channels, deleted)


@dataclass(frozen=True)
class DeletionReport:
    """What a deletion takes.

    Attributes:
        deleted: by name of layer, the indices of all its channels that go.
        because: by the (layer, channel) pairs that go without having been named, what ties them to those that were.
    """

    deleted: dict[str, tuple[int, ...]]
    because: dict[tuple[str, int], str]

    def __str__(self) -> str:
        lines = ["deleted " + "; ".join(f"{name}: {len(channels)}" for name, channels in self.deleted.items())]
        reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
        for (name, channel), reason in self.because.items():
            reasons[name, reason].append(channel)
        lines += [
            f"with them go {name} {', '.join(map(str, sorted(channels)))}, because {reason}"
            for (name, reason), channels in reasons.items()
        ]
        return "\n".join(lines)


def deletion_report(model: keras.Model, channels: Mapping[str, Sequence[int]]) -> DeletionReport:
    """What `delete_channels` would take with the channels that are named, and why.

    Raises:
        PruneError: as `delete_channels`.
    """
    followed = Channels(flatten(model))
    numbers = _asked(followed, channels)
    deleted = followed.given_by(numbers)
    because = {
        (name, channel): _tie(followed, name, channel, channels)
        for name, indices in deleted.items()
        for channel in indices
        if channel not in channels.get(name, ())
    }
    return DeletionReport({name: tuple(indices) for name, indices in deleted.items()}, because)


def check_layer(channels: Channels, name: str) -> None:
    """Raises a PruneError where no channels of a layer can be named, with the reason."""
    if name in channels.given:
        return
    if name in channels.refused:
        raise PruneError(f"layer {name!r} gives no channels that can be deleted: it is {channels.refused[name]}")
    known = ", ".join(channels.given)
    raise PruneError(f"layer {name!r} gives no channels that can be deleted: expected one of {known}")


def _asked(channels: Channels, asked: Mapping[str, Sequence[int]]) -> set[int]:
    """Numbers of the channels asked for.

    Raises:
        PruneError: a name, an index or a channel that cannot be deleted, or a layer that would lose them all.
    """
    numbers = {number for name, indices in asked.items() for number in _checked(channels, name, indices)}
    for name, given in channels.given.items():
        if len(given) and np.isin(given, list(numbers)).all():
            raise PruneError(f"layer {name!r} would lose all its {len(given)} channels: keep at least one")
    return numbers


def _checked(channels: Channels, name: str, indices: Sequence[int]) -> list[int]:
    check_layer(channels, name)
    if not isinstance(indices, Iterable):
        raise PruneError(f"channels {indices!r} of layer {name!r}: expected several, as in {{{name!r}: [{indices!r}]}}")
    given, indices = channels.given[name], list(indices)
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < len(given):
            raise PruneError(f"channel {index!r} of layer {name!r}: expected 0 to {len(given) - 1}")
        if indices.count(index) > 1:
            raise PruneError(f"channel {index} of layer {name!r} is given more than once: name each once")
        if reason := channels.kept_because.get(int(given[index])):
            raise PruneError(f"channel {index} of layer {name!r} cannot be deleted: it {reason}")
    return [int(given[index]) for index in indices]


def _tie(channels: Channels, name: str, channel: int, asked: Mapping[str, Sequence[int]]) -> str:
    """The reasons on the shortest way to a channel from one that was asked for."""
    numbers = channels.numbers_before_joins
    start = int(numbers[name][channel])
    goals = {int(numbers[other][index]): other for other, indices in asked.items() for index in indices}
    ways: dict[int, tuple[str, ...]] = {start: ()}
    while True:
        reached = [number for number in ways if number in goals]
        if reached:
            way = ", and ".join(dict.fromkeys(reversed(ways[reached[0]])))
            return way or f"{goals[reached[0]]!r} passes them on"
        grown = dict(ways)
        for first, second, reason in channels.ties:
            for one, other in ((first, second), (second, first)):
                for index in np.flatnonzero(np.isin(one, list(ways))):
                    grown.setdefault(int(other[index]), (*ways[int(one[index])], reason))
        ways = grown
