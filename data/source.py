"""What every source of pictures gives: counts, class names, and pictures with labels, part by part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Source:
    """Pictures with labels, readable part by part.

    Attributes:
        provenance: where the pictures came from, in words (`Dataset.source`).
        name: what the user calls it.
        version: changes whenever the content does.
        class_names: name of each label.
        parts: number of examples of "train" and, where the source has them, "validation" and "test".
        read: part → iterator of (uint8 (h, w, c), label).
    """

    provenance: str
    name: str
    version: str
    class_names: tuple[str, ...]
    parts: dict[str, int]
    read: Callable[[str], Iterator[tuple[np.ndarray, int]]]
