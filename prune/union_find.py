"""Numbers that can be joined (union–find)."""

import numpy as np


class UnionFind:
    """Hands out whole numbers from 0 up, and remembers which have been joined."""

    def __init__(self):
        self._parents: list[int] = []

    def __len__(self) -> int:
        return len(self._parents)

    def new(self, count: int) -> np.ndarray:
        """The next `count` numbers, each by itself; int64 (count,)."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def root(self, number: int) -> int:
        """The lowest number among those that were joined with this one."""
        number = int(number)
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        return np.fromiter(map(self.root, numbers), int, len(numbers))

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        """Joins the numbers of two arrays of one length, pair by pair."""
        for one, other in zip(first, second, strict=True):
            low, high = sorted((self.root(one), self.root(other)))
            self._parents[high] = low
