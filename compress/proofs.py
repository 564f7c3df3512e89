"""Proofs that a result is what it claims to be, each a number anyone can compute again."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kdsuite import prune
from kdsuite.prune.channel_types import NORMALISATIONS, weight_axes
from kdsuite.prune.channels import Channels

READ = ("in", "query", "key", "value", "head")
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Proof:
    """One thing that was checked.

    Attributes:
        what: as a sentence.
        difference: the largest one found, in logits; None where it cannot be compared.
        allowed: the largest one that counts as equal; None where no bound is claimed.
    """

    what: str
    difference: float | None
    allowed: float | None = None

    @property
    def holds(self) -> bool | None:
        if self.difference is None or self.allowed is None:
            return None
        return self.difference <= self.allowed


def surgery(original: keras.Model, narrow: keras.Model, channels: dict[str, list[int]], images: np.ndarray) -> Proof:
    """Compares a network without some channels with the original in which these channels reach no layer.

    Args:
        original: flat, ends in logits.
        narrow: what surgery made of it.
        channels: by name of layer, which of its channels went.
        images: (n, height, width, channels).
    """
    what = "before its training, the cut network equals the original with the deleted channels set to zero"
    if not channels:
        return Proof(f"{what}: no channels were deleted", None)
    if any(type(layer).__name__ in NORMALISATIONS[1:] for layer in original.layers):
        return Proof(f"{what}: not compared, a normalisation takes its statistics over what is left", None)
    expected = np.asarray(masked(original, channels)(images, training=False))
    largest = float(np.abs(np.asarray(narrow(images, training=False)) - expected).max())
    return Proof(f"{what}, on {len(images)} images", largest, TOLERANCE * max(1.0, float(np.abs(expected).max())))


def masked(model: keras.Model, channels: dict[str, list[int]]) -> keras.Model:
    """A copy of a model of the same size in which no layer reads some channels: their weights in the readers are zero.

    Args:
        model: flat functional model.
        channels: by name of layer, indices of its channels.
    """
    copy = prune.remove(model, [])
    followed = Channels(copy)
    gone = followed.mask(int(followed.given[name][index]) for name, indices in channels.items() for index in indices)
    for layer in copy.layers:
        roles = followed.roles.get(layer.name)
        if roles is None:
            continue
        weights = layer.get_weights()
        for weight, axes in zip(weights, weight_axes(layer), strict=True):
            assert axes is not None, f"surgery has refused {layer.name}, a weight of which it does not know"
            first = weight.ndim - len(axes)
            for axis, role in enumerate(axes, start=first):
                if role in READ:
                    np.moveaxis(weight, axis, 0)[gone[roles[role]]] = 0
        layer.set_weights(weights)
    return copy


def saved(student: keras.Model, path: Path, images: np.ndarray) -> Proof:
    """Compares a network with what its file gives once it is loaded."""
    loaded = keras.models.load_model(path, compile=False)
    difference = np.abs(np.asarray(student(images, training=False)) - np.asarray(loaded(images, training=False)))
    what = f"{path.name}, loaded again, gives what the network gave before it was saved, on {len(images)} images"
    return Proof(what, float(difference.max()), 0.0)
