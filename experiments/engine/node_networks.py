"""The networks of a trial on a node: what is missing here comes from the driver's cache, what is new goes there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray

from experiments.engine import checkpoints
from experiments.engine.networks import Networks
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from kdsuite import distill


class NodeNetworks(Networks):
    """`Networks` of a node.

    Args:
        study: builds and trains what is missing.
        cache: the node's own cache folder.
        store: handle of a `Store`.
        key: of the trial that the node trains, whose checkpoint is fetched.
    """

    def __init__(self, study: Study, cache: Path, store, key: str):
        super().__init__(study, cache, self._after_epoch)
        self.store, self.key = store, key
        self.fetch(self._checkpoint)

    def has(self, trial: Trial) -> bool:
        for path in self.files(trial):
            self.fetch(path)
        return super().has(trial)

    def save(self, trial: Trial, model, history: list[dict]) -> None:
        super().save(trial, model, history)
        for path in self.files(trial):
            send(self.store, self.cache, path)

    def outputs(self, trial: Trial, split, layers: Sequence[str] = ()) -> distill.TeacherOutputs:
        name = " ".join([self.study.key(trial), split.fingerprint, *layers])
        kept = ray.get(self.store.outputs.remote(name))
        if kept is None:
            computed = super().outputs(trial, split, layers)
            kept = ray.get(self.store.keep_outputs.remote(name, computed.arrays))
        arrays: Any = ray.get(kept)
        return distill.TeacherOutputs(arrays, split.fingerprint)

    def fetch(self, path: Path) -> None:
        """Copies a file of the cache from the driver, if it has one and this node has none."""
        if path.exists():
            return
        content: Any = ray.get(self.store.read.remote(str(path.relative_to(self.cache))))
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            content.tofile(path)

    @property
    def _checkpoint(self) -> Path:
        return self.cache / "trials" / self.key / checkpoints.NAME

    def _after_epoch(self, epoch: dict) -> None:
        if epoch and self._checkpoint.exists():
            send(self.store, self.cache, self._checkpoint)
        self.store.tell.remote("epoch", (self.key, epoch))


def send(store, cache: Path, path: Path) -> None:
    """Copies a file of a node's cache to the driver's; returns when it is there."""
    ray.get(store.write.remote(str(path.relative_to(cache)), np.fromfile(path, np.uint8)))
