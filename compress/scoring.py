"""Scores of channels, measured once for all the candidates that are cut by them."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

from kdsuite import prune
from kdsuite.prune.channels import Channels
from kdsuite.prune.groups import groups_of
from kdsuite.prune.order import Scope, ranks
from kdsuite.prune.ranking import group_scores


class Scores:
    """What criteria say of the channels of some models.

    Args:
        data: batches of (images, labels) of the training split, anew at each iteration.
    """

    def __init__(self, data: Iterable):
        self.data = data
        self._found: dict[tuple[int, str], tuple[keras.Model, dict[tuple[str, ...], np.ndarray | None]]] = {}

    def by(
        self, criterion: prune.Criterion, model: keras.Model, scope: Scope = "global"
    ) -> Callable[[prune.GroupView], np.ndarray]:
        """A criterion for `prune.channels_to_delete` on this very model that looks its scores up, for scope "global".

        Args:
            criterion: of `prune.shrink`.
            model: flat, ends in logits.
            scope: "layer" gives each channel its rank in its group (`ranks`), in place of its score: "global" then
                takes the same share of each layer.

        Raises:
            PruneError: the criterion can score no channel.
        """
        key = (id(model), criterion)
        if key not in self._found:
            channels = Channels(model)
            groups = groups_of(channels)
            values = group_scores(channels, groups, self.data, criterion, 0)
            if groups and all(of is None for of in values):
                raise prune.PruneError(f"criterion {criterion!r} cannot score any channel of model {model.name!r}")
            # The model is kept, so that no other one gets its id.
            self._found[key] = model, {group.layers: of for group, of in zip(groups, values, strict=True)}
        found = self._found[key][1]

        def look_up(view: prune.GroupView) -> np.ndarray:
            scores = found[view.group.layers]
            if scores is None:
                # What has no score goes last. `channels_to_delete` would rank it among the others for scope "layer".
                return np.full(len(view.group.channels), np.inf)
            return scores if scope == "global" else ranks(scores)

        return look_up
