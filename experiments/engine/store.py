"""An actor on the driver's machine: it keeps what trials on a cluster send, and gives them what they need."""

from pathlib import Path
from typing import Any

import numpy as np
import ray

from experiments.engine import checkpoints
from kdsuite.data.files import whole_file


@ray.remote(num_cpus=0)
class Store:
    """The driver's cache, and the teacher outputs of a run in Ray's object store.

    Outputs are put there by this actor and not by who computed them: Ray loses an object with the process that put it.

    Args:
        cache: the driver's cache folder.
    """

    def __init__(self, cache: Path):
        self.cache = cache
        self._outputs: dict[str, ray.ObjectRef] = {}
        self._news: list[tuple[str, Any]] = []

    def read(self, name: str) -> np.ndarray | None:
        """The bytes of a file of the cache, uint8 (n,); None where there is none."""
        path = self.cache / name
        return np.fromfile(path, np.uint8) if path.exists() else None

    def write(self, name: str, content: np.ndarray) -> None:
        """Writes a file of the cache, whole or not at all."""
        path = self.cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            content.tofile(temporary)

    def forget(self, key: str) -> None:
        """Removes the checkpoint of a trial that is done."""
        checkpoints.forget(self.cache / "trials" / key)

    def outputs(self, name: str) -> ray.ObjectRef | None:
        """Where a teacher's outputs are; None where nobody has computed them."""
        return self._outputs.get(name)

    def keep_outputs(self, name: str, arrays: dict[str, np.ndarray]) -> ray.ObjectRef:
        """Keeps a teacher's outputs, unless another trial was first; gives where they are."""
        if name not in self._outputs:
            self._outputs[name] = ray.put(arrays)
        return self._outputs[name]

    def tell(self, word: str, content: Any) -> None:
        """Takes news of a trial for the driver: ("epoch", (key, measured)) or ("text", what it printed)."""
        self._news.append((word, content))

    def news(self) -> list[tuple[str, Any]]:
        """What was told since this was last asked."""
        news, self._news = self._news, []
        return news
