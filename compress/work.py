"""Where a compression keeps what it has done, so that a killed one goes on; and its clock. Imports no TensorFlow."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdsuite.data.files import sweep_unfinished, whole_file


class Work:
    """A folder of what one setting has done so far.

    Args:
        folder: of the results; the work lies in `.work/` below it, in a folder a setting.
        setting: all that determines the run, as JSON values; another setting starts anew.
        minutes: the budget, over all the runs it takes.
    """

    def __init__(self, folder: Path, setting: dict, minutes: float):
        text = json.dumps(setting, sort_keys=True)
        self.folder = folder / ".work" / hashlib.sha256(text.encode()).hexdigest()[:12]
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.folder, *self.folder.glob("*/")):
            sweep_unfinished(path)
        self.minutes, self._begin = minutes, time.monotonic()
        self._before = float(self.read("clock", {"seconds": 0.0})["seconds"])
        self.write("setting", setting)

    @property
    def seconds(self) -> float:
        """Seconds spent so far, those of earlier runs included."""
        return self._before + time.monotonic() - self._begin

    @property
    def seconds_left(self) -> float:
        return 60 * self.minutes - self.seconds

    def read(self, name: str, default: Any = None) -> Any:
        """What was written under a name, or the default."""
        path = self.path(f"{name}.json")
        return json.loads(path.read_text()) if path.exists() else default

    def write(self, name: str, value: Any) -> None:
        """Writes JSON values under a name, whole or not at all, and the clock with them."""
        with whole_file(self.path(f"{name}.json")) as unfinished:
            unfinished.write_text(json.dumps(value, indent=1))
        self.tick()

    def tick(self) -> None:
        """Writes the seconds spent, so that those before a kill count."""
        with whole_file(self.path("clock.json")) as unfinished:
            unfinished.write_text(json.dumps({"seconds": self.seconds}))

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What was written under a name; made and written where nothing was."""
        value = self.read(name)
        if value is None:
            self.write(name, make())
            value = self.read(name)
        return value

    def path(self, name: str) -> Path:
        """A path in the folder, whose own folder exists."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
