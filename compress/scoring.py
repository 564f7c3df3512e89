"""Scores of channels, measured once for all the candidates that are cut by them."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

from kdsuite import prune
from kdsuite.prune.channels import Channels
from kdsuite.prune.groups import groups_of
from kdsuite.prune.ranking import group_scores


class Scores:
    """What criteria say of the channels of some models.

    Args:
        data: batches of (images, labels) of the training split, anew at each iteration.
    """

    def __init__(self, data: Iterable):
        self.data = data
        self._found: dict[tuple[int, str], tuple[keras.Model, dict[tuple[str, ...], np.ndarray | None]]] = {}

    def by(self, criterion: prune.Criterion, model: keras.Model) -> Callable[[prune.GroupView], np.ndarray]:
        """A criterion for `prune.channels_to_delete` on this very model that looks its scores up.

        Args:
            criterion: of `prune.shrink`.
            model: flat, ends in logits.
        """
        key = (id(model), criterion)
        if key not in self._found:
            channels = Channels(model)
            groups = groups_of(channels)
            values = group_scores(channels, groups, self.data, criterion, 0)
            # The model is kept, so that no other one gets its id.
            self._found[key] = model, {group.layers: of for group, of in zip(groups, values, strict=True)}
        found = self._found[key][1]

        def look_up(view: prune.GroupView) -> np.ndarray:
            # What has no score goes last.
            scores = found[view.group.layers]
            return np.full(len(view.group.channels), np.inf) if scores is None else scores

        return look_up
