"""Shrinking a network to a target: which channels go, and their deletion, at once or in steps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import keras

from kdsuite.prune.channels import Channels
from kdsuite.prune.cost import Cost, Costs
from kdsuite.prune.criteria import Criterion
from kdsuite.prune.deletion import Surgeon, cut
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.groups import groups_of
from kdsuite.prune.order import Scope, deletion_order, rounded
from kdsuite.prune.ranking import OwnCriterion, check_criterion, group_scores
from kdsuite.prune.timing import latency

Target = Literal["params", "macs", "latency"]
LATENCY_PROBES = 8
"""How many candidates are built and timed on the way to a latency."""


@dataclass(frozen=True)
class _Request:
    """What stays the same over all steps of one shrinking.

    Attributes:
        fewest: by name of layer, how many of its channels stay at least.
        whole: cost of the original.
        others: as in `shrink`.
    """

    data: Iterable | None
    criterion: Criterion | OwnCriterion
    scope: Scope
    target: Target
    seed: int
    tolerance: float
    round_to: int
    scores_per: Literal["params", "macs"] | None
    fewest: dict[str, int]
    whole: float


def shrink(
    model: keras.Model,
    data: Iterable | None = None,
    keep: float = 0.7,
    criterion: Criterion | OwnCriterion = "l1",
    scope: Scope = "global",
    target: Target = "params",
    *,
    seed: int = 0,
    tolerance: float | None = None,
    round_to: int = 1,
    scores_per: Literal["params", "macs"] | None = None,
    max_layer_share: float | None = None,
    steps: int = 1,
    between_steps: Callable[[keras.Model], object] | None = None,
    surgeon: Surgeon = "keras",
) -> keras.Model:
    """A new model with the least important channels deleted, down to a share of its parameters, MACs or latency.

    Scores are those of `channel_scores`, divided by the root mean square of their layer so that layers compare (those
    of "lamp", "bn_scale" and "taylor_weights" compare as they are). Channels that go together have the mean score of
    their members. Every layer keeps its best channel. Channels that a criterion cannot score stay: those without batch
    norm behind them by "bn_scale", heads of attention by "apoz" and "taylor".

    Args:
        model: functional or built Sequential model; it is left as it was. Models within it are flattened.
        data: batches of (inputs, integer labels), for the criteria "apoz", "taylor" and "taylor_weights"; with several
            steps, anew at each iteration.
        keep: share to keep, 0 < keep < 1.
        criterion: one of `channel_scores`, or a function from a `GroupView` to the scores of its channels.
        scope: "global" takes the least important channels wherever they are, "layer" the same share of each layer.
        target: what `keep` is a share of: "params", "macs", or "latency", the median seconds of a forward pass of one
            example, measured on this machine.
        seed: of the criterion "random".
        tolerance: how far from `keep` the result may be, as a share of it; by default 0.02, of a latency 0.05.
        round_to: each layer keeps a multiple of so many channels; 8 suits most hardware.
        scores_per: divides scores by the parameters or MACs that a channel costs.
        max_layer_share: the largest share of its channels that a layer may lose.
        steps: deletes in so many steps, each of which keeps the same share of the one before and ranks anew.
        between_steps: takes the uncompiled model after each step but the last; it may train it.
        surgeon: see `delete_channels`.

    Raises:
        PruneError: the target is not within reach, or another argument is not one of these.
    """
    if not isinstance(steps, int) or steps < 1:
        raise PruneError(f"steps {steps!r}: expected a whole number from 1")
    channels = Channels(flatten(model))
    request = _request(
        channels, data, keep, criterion, scope, target, seed, tolerance, round_to, scores_per, max_layer_share
    )
    original = channels.model
    for step in range(1, steps + 1):
        numbers = _step(channels, original, request, keep ** (step / steps))
        smaller = cut(channels, numbers, surgeon)
        if step < steps:
            if between_steps is not None:
                between_steps(smaller)
            channels = Channels(smaller)
    return smaller


def channels_to_delete(
    model: keras.Model,
    data: Iterable | None = None,
    keep: float = 0.7,
    criterion: Criterion | OwnCriterion = "l1",
    scope: Scope = "global",
    target: Target = "params",
    *,
    seed: int = 0,
    tolerance: float | None = None,
    round_to: int = 1,
    scores_per: Literal["params", "macs"] | None = None,
    max_layer_share: float | None = None,
) -> dict[str, list[int]]:
    """What `shrink` deletes in one step, for `delete_channels`: by name of layer, indices of its channels.

    Args, Raises:
        As `shrink`.
    """
    channels = Channels(flatten(model))
    request = _request(
        channels, data, keep, criterion, scope, target, seed, tolerance, round_to, scores_per, max_layer_share
    )
    return channels.given_by(_step(channels, channels.model, request, keep))


def _request(
    channels, data, keep, criterion, scope, target, seed, tolerance, round_to, scores_per, max_layer_share
) -> _Request:
    """The checked arguments of a shrinking."""
    _check_words(scope=(scope, ("global", "layer")), target=(target, ("params", "macs", "latency")))
    _check_words(scores_per=(scores_per, (None, "params", "macs")))
    if not 0 < keep < 1:
        raise PruneError(f"keep {keep}: expected a share between 0 and 1")
    if max_layer_share is not None and not 0 < max_layer_share <= 1:
        raise PruneError(f"max_layer_share {max_layer_share}: expected a share above 0, up to 1")
    if not isinstance(round_to, int) or round_to < 1:
        raise PruneError(f"round_to {round_to!r}: expected a whole number from 1")
    check_criterion(criterion, data)
    share = 1 if max_layer_share is None else max_layer_share
    return _Request(
        data=data,
        criterion=criterion,
        scope=scope,
        target=target,
        seed=seed,
        tolerance=(0.05 if target == "latency" else 0.02) if tolerance is None else tolerance,
        round_to=round_to,
        scores_per=scores_per,
        # Products such as 0.29 · 100 lie a bit below the whole number that they stand for.
        fewest={name: len(given) - int(share * len(given) + 1e-9) for name, given in channels.given.items()},
        whole=0 if target == "latency" else _cost(channels, target),
    )


def _cost(channels: Channels, target: Cost) -> int:
    if not (cost := Costs(channels, target).without(())):
        raise PruneError(f'model {channels.model.name!r} has no {target} that are counted: shrink it by "params"')
    return cost


def _step(channels: Channels, original: keras.Model, request: _Request, keep: float) -> list[int]:
    """Numbers of the channels to delete, down to a share of the original's cost."""
    groups = groups_of(channels)
    if not groups:
        raise PruneError(f"model {original.name!r} has no channels that can be deleted")
    scores = group_scores(channels, groups, request.data, request.criterion, request.seed)
    if all(values is None for values in scores):
        raise PruneError(f"criterion {request.criterion!r} cannot score any channel of model {original.name!r}")
    costs = Costs(channels, request.scores_per).saved() if request.scores_per else None
    most = {name: len(given) - request.fewest[name] for name, given in channels.given.items()}
    order = deletion_order(channels, groups, scores, request.scope, costs, most)
    if not order:
        raise PruneError(
            f"no channel of model {original.name!r} may go: each layer keeps its best, and the share that "
            "max_layer_share allows it to lose is less than a channel"
        )

    def deleted(count: int) -> list[int]:
        return rounded(channels, groups, order[:count], request.round_to)

    if request.target == "latency":

        def left(count: int) -> float:
            before, after = latency([original, cut(channels, deleted(count))])
            return after / before
    else:
        cost = Costs(channels, request.target)

        def left(count: int) -> float:
            return cost.without(deleted(count)) / request.whole

    count, share = _nearest(left, len(order), keep, LATENCY_PROBES if request.target == "latency" else len(order))
    if abs(share - keep) > request.tolerance * keep:
        raise PruneError(
            f"keep {keep:g} of the {request.target} is out of reach: the nearest is {share:.3f}, with "
            f"{len(deleted(count))} of {len(order)} channels deleted"
        )
    return deleted(count)


def _nearest(left: Callable[[int], float], high: int, keep: float, probes: int) -> tuple[int, float]:
    """The count from 0 to `high` whose share is nearest to `keep`, and that share; shares fall as counts rise."""
    low, shares = 0, {}

    def share(count: int) -> float:
        if count not in shares:
            shares[count] = left(count)
        return shares[count]

    while high - low > 1 and len(shares) < probes:
        middle = (low + high) // 2
        low, high = (middle, high) if share(middle) > keep else (low, middle)
    if len(shares) < probes:
        share(low)
        share(high)
    return min(shares.items(), key=lambda count_and_share: (abs(count_and_share[1] - keep), count_and_share[0]))


def _check_words(**words: tuple) -> None:
    for name, (value, expected) in words.items():
        if value not in expected:
            named = [repr(word) for word in expected]
            raise PruneError(f"{name} {value!r}: expected {', '.join(named[:-1])} or {named[-1]}")
