"""What values an option may take, said once, in its annotation: `Annotated[float, Between(0, 1)]`."""

import math
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from experiments.engine.errors import UsageError

LARGEST_INTEGER = 2**31 - 1
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Between:
    """A finite number from `low` to `high`, both included, or each number of a tuple.

    Attributes:
        low, high: the bounds.
        above: exclude `low` itself.
        below: exclude `high` itself.
        why: what a value out of range would mean, for the message.
    """

    low: float
    high: float = LARGEST_INTEGER
    above: bool = False
    below: bool = False
    why: str = ""

    def holds(self, value: float) -> bool:
        """Whether a number is in range; NaN never is."""
        over = value > self.low if self.above else value >= self.low
        under = value < self.high if self.below else value <= self.high
        return math.isfinite(value) and over and under

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.above else f"from {self.low:g}"
        high = f"below {self.high:.10g}" if self.below else f"to {self.high:.10g}"
        return f"a number {low} {high}{f' ({self.why})' if self.why else ''}"


COUNT = Between(1)
WEIGHT = Between(0, 1, why="0 is labels only, 1 is teacher only")
TEMPERATURE = Between(0.01, 1000)
RATE = Between(0, 1000, above=True)
SEED = Between(0, LARGEST_SEED)


@dataclass(frozen=True)
class Distinct:
    """A tuple of different values.

    Attributes:
        empty: whether there may be none.
    """

    empty: bool = False

    def holds(self, values: tuple) -> bool:
        """Whether no value comes twice, and there is one unless there may be none."""
        return (bool(values) or self.empty) and len(set(values)) == len(values)

    def __str__(self) -> str:
        return "different values, or none" if self.empty else "one or more different values"


@dataclass(frozen=True)
class Axis:
    """Marks an option that lists what trials an experiment has; it does not change what any of them is."""


@dataclass(frozen=True)
class Handling:
    """Marks an option that decides how a run is carried out, not what comes out."""


@dataclass(frozen=True)
class Unnamed:
    """Marks an option that a setting's name leaves out at one value: rows from before the option keep their setting.

    Attributes:
        at: the value.
    """

    at: Any


def annotations(config_type: type) -> dict[str, tuple]:
    """The annotations of each field of a configuration, by name."""
    hints = get_type_hints(config_type, include_extras=True)
    return {field.name: getattr(hints[field.name], "__metadata__", ()) for field in fields(config_type)}


def check_ranges(config: Any) -> None:
    """Checks each field of a dataclass against its annotations.

    Raises:
        UsageError: a value is out of range; the message names the option, the value and what was expected.
    """
    for name, metadata in annotations(type(config)).items():
        value = getattr(config, name)
        for expected in metadata:
            if value is None:
                continue
            if isinstance(expected, Distinct) and not expected.holds(value):
                raise UsageError(f"{_words(name)} {_shown(value)}: expected {expected}")
            if isinstance(expected, Between):
                for number in value if isinstance(value, tuple) else (value,):
                    if not expected.holds(number):
                        raise UsageError(f"{_words(name)} {number}: expected {expected}")


def _words(name: str) -> str:
    return name.strip("_").replace("_", " ")


def _shown(values: tuple) -> str:
    return " ".join(map(str, values)) if values else "(none)"
