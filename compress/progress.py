"""One live line on a terminal; on anything else, a line for each thing done."""

import sys
from collections.abc import Callable

from rich.console import Console


class Progress:
    """What a person sees while it runs.

    Args:
        seconds_left: gives the seconds left of the budget.
        quiet: shows nothing.
    """

    def __init__(self, seconds_left: Callable[[], float], quiet: bool = False):
        self._left = seconds_left
        self._console = Console(file=sys.stderr, highlight=False, quiet=quiet)
        self._status = self._console.status("") if self._console.is_terminal and not quiet else None

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *exception) -> None:
        if self._status:
            self._status.stop()

    def now(self, text: str) -> None:
        """Shows what is going on, with the time left."""
        if self._status:
            left = max(0, int(self._left()))
            self._status.update(f"{text} · {left // 60}:{left % 60:02d} left")

    def done(self, text: str) -> None:
        """Leaves a line for what is done."""
        self._console.print(text, markup=False, soft_wrap=True)
