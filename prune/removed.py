"""What a removal did."""

from dataclasses import dataclass

import keras
import numpy as np

from kdsuite.prune.cost import macs, uncounted
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten


@dataclass(frozen=True)
class RemovalReport:
    """What a removal did, layers with weights by name.

    Attributes:
        removed: layers that are gone.
        piped: layers whose weights are the original's.
        initialised: layers with other weights than the original's.
        params: before and after.
        macs: multiply-accumulates of one example, before and after; None where layers have no fixed size.
        uncounted: layers with kernels that the multiply-accumulates leave out; see `prune.uncounted`.
    """

    removed: tuple[str, ...]
    piped: tuple[str, ...]
    initialised: tuple[str, ...]
    params: tuple[int, int]
    macs: tuple[int, int] | None
    uncounted: tuple[str, ...] = ()

    def __str__(self) -> str:
        macs = "unknown" if self.macs is None else f"{self.macs[0]:,} → {self.macs[1]:,}"
        return (
            f"removed {', '.join(self.removed) or 'nothing'}; piped {len(self.piped)} layers; "
            f"initialised anew {', '.join(self.initialised) or 'none'}; "
            f"parameters {self.params[0]:,} → {self.params[1]:,}; MACs {macs}"
            + (f", without those of {', '.join(self.uncounted)}" if self.uncounted else "")
        )


def removal_report(model: keras.Model, pruned: keras.Model) -> RemovalReport:
    """Compares a model with what `remove` made of it, before training changes the weights.

    Args:
        model: functional or built Sequential model, the original.
        pruned: what `remove` made of it.
    """
    before = {layer.name: layer.get_weights() for layer in flatten(model).layers if layer.weights}
    after = {layer.name: layer.get_weights() for layer in pruned.layers if layer.weights}

    def same(name):
        return len(before[name]) == len(after[name]) and all(map(np.array_equal, before[name], after[name]))

    costs = _macs(model, pruned)
    return RemovalReport(
        removed=tuple(name for name in before if name not in after),
        piped=tuple(name for name in after if same(name)),
        initialised=tuple(name for name in after if not same(name)),
        params=(model.count_params(), pruned.count_params()),
        macs=costs,
        uncounted=uncounted(model) if costs else (),
    )


def _macs(model: keras.Model, pruned: keras.Model) -> tuple[int, int] | None:
    try:
        return macs(model), macs(pruned)
    except PruneError:  # A layer has no fixed size.
        return None
