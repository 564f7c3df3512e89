"""How much each unit of a network matters."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import nodes
from kdsuite.prune.measuring import check_classifier, ends_in_softmax, numbered
from kdsuite.prune.removal import drawn_by, obstacle, remove
from kdsuite.prune.units import Size, Unit, units


def zero_density(model: keras.Model, threshold: float, size: Size = "layer") -> dict[str, float]:
    """Share of each unit's kernels' and biases' values w with |w| < threshold (CS230 §4), by unit name.

    Args:
        model: functional or built Sequential model.
        threshold: > 0, in the units of the weights.
        size: see `units`.

    Raises:
        PruneError: the threshold is not above 0.
    """
    if not threshold > 0:
        raise PruneError(f"threshold {threshold}: expected a number above 0")
    graph = flatten(model)
    densities = {}
    for unit in units(graph, size):
        weights = np.concatenate([w.numpy().ravel() for name in unit.weighted for w in graph.get_layer(name).weights])
        densities[unit.name] = float(np.mean(np.abs(weights) < threshold))
    return densities


def sensitivity(
    model: keras.Model,
    data: Iterable,
    size: Size = "layer",
    measure: Literal["loss", "accuracy"] = "loss",
    *,
    seed: int = 0,
) -> dict[str, float]:
    """What a network loses without each of its units, by unit name: the more, the more the unit matters.

    Units that cannot be removed alone are left out. Weights of the remaining layers are piped; those that no longer fit
    are drawn anew, so that a unit between layers of other widths comes out as important.

    Args:
        model: functional or built Sequential model that ends in logits or in a softmax.
        data: batches of (inputs, integer labels), anew at each iteration; a few are enough.
        size: see `units`.
        measure: "loss" gives the rise of the mean cross-entropy in nats, "accuracy" the fall of the share of right
            answers.
        seed: of the weights that are drawn.

    Raises:
        PruneError: a model of several outputs or of one class, batches that are not pairs or none, or `measure` is
            another word; for "accuracy", labels that are not one number an example.
    """
    if measure not in ("loss", "accuracy"):
        raise PruneError(f"measure {measure!r}: expected 'loss' or 'accuracy'")
    graph = flatten(model)
    check_classifier(graph)
    whole = _measured(graph, data, measure)
    lost = {}
    with drawn_by(seed):
        for unit in units(graph, size):
            if obstacle(graph, [unit]) is None:
                lost[unit.name] = _measured(remove(graph, [unit]), data, measure) - whole
    return lost


def block_influence(model: keras.Model, data: Iterable, size: Size = "block") -> dict[str, float]:
    """How much each unit turns what it reads: 1 − the cosine of its input and output (Men et al. 2024, eq. 1).

    The cosine is that of the channels at one position, averaged over positions and examples. Units whose output has
    another shape than their input are left out, and those with a layer that is called more than once.

    Args:
        model: functional or built Sequential model.
        data: batches of (inputs, …).
        size: see `units`.

    Raises:
        PruneError: the data hold no batches, or no unit that is called once keeps its shape.
    """
    graph = flatten(model)
    calls = Counter(node.operation.name for node in nodes(graph))
    called_once = [unit for unit in units(graph, size) if all(calls[name] == 1 for name in unit.layers)]
    ends = {unit.name: _ends(graph, unit) for unit in called_once}
    ends = {name: (read, given) for name, (read, given) in ends.items() if read.shape == given.shape}
    if not ends:
        raise PruneError(f"model {model.name!r} has no unit, called once, whose output has the shape of its input")
    observer = keras.Model(graph.input, [tensor for pair in ends.values() for tensor in pair])
    sums, count = dict.fromkeys(ends, 0.0), 0
    for batch in data:
        if not isinstance(batch, tuple | list):
            raise PruneError(f"a batch of type {type(batch).__name__}: expected (inputs, …)")
        inputs, *_ = batch
        values = [np.asarray(value, np.float64) for value in observer(inputs, training=False)]
        for name, read, given in zip(ends, values[::2], values[1::2], strict=True):
            norms = np.linalg.norm(read, axis=-1) * np.linalg.norm(given, axis=-1)
            # Nothing that stays nothing has not been turned.
            unturned = ~read.any(axis=-1) & ~given.any(axis=-1)
            cosines = np.where(unturned, 1, (read * given).sum(axis=-1) / np.where(norms == 0, 1, norms))
            sums[name] += float(np.mean(1 - cosines)) * len(read)
        count += len(read)
    if not count:
        raise PruneError("the data hold no batches: give batches of (inputs, …)")
    return {name: total / count for name, total in sums.items()}


def _ends(graph: keras.Model, unit: Unit):
    """The tensor that a unit reads and the one that it gives."""
    inside = [node for node in nodes(graph) if node.operation.name in unit.layers]
    made = {id(tensor) for node in inside for tensor in node.outputs}
    read = next(tensor for node in inside for tensor in node.input_tensors if id(tensor) not in made)
    return read, inside[-1].outputs[0]


def _measured(model: keras.Model, data: Iterable, measure: str) -> float:
    from_logits = not ends_in_softmax(model)
    total, count = 0.0, 0
    for inputs, labels in numbered(data, model):
        # Sums in half precision would lose most of what they add up.
        outputs = keras.ops.cast(model(inputs, training=False), "float32")
        if measure == "loss":
            losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=from_logits)
            total += float(np.sum(losses, dtype=np.float64))
        else:
            total += float(np.sum(np.argmax(outputs, axis=-1) != labels))
        count += len(labels)
    if not count:
        raise PruneError("the data hold no batches: give batches of (inputs, labels), anew at each iteration")
    return total / count
