"""What the smaller model has to be. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Literal

from kdsuite.compress.errors import CompressionError

Target = Literal["params", "macs", "bytes", "ms"]
NAMES: dict[str, str] = {"params": "parameters", "macs": "MACs", "bytes": "bytes", "ms": "milliseconds"}


@dataclass(frozen=True)
class Goal:
    """A largest cost, a largest drop of accuracy, or both.

    Attributes:
        target: what must fall, or None.
        value: of "params" and "macs" the share that may stay; of "bytes" a share of the file below 1, or from 1 up the
            bytes of the smallest file written; of "ms" the milliseconds of one image in Keras on this machine; 0
            without a target.
        max_drop: the largest fall of accuracy, as a fraction, or None.
    """

    target: Target | None = None
    value: float = 0.0
    max_drop: float | None = None

    def __str__(self) -> str:
        words = []
        if self.target == "ms":
            words.append(f"at most {self.value:g} ms an image")
        elif self.target == "bytes" and self.value >= 1:
            words.append(f"a file of at most {self.value:,.0f} bytes")
        elif self.target is not None:
            words.append(f"at most {self.value:.3g} of the {NAMES[self.target]}")
        if self.max_drop is not None:
            points = f"{100 * self.max_drop:g}"
            words.append(f"at most {points} point{'s' * (points != '1')} of accuracy lost")
        return " and ".join(words)


def goal_of(
    max_drop: float | None = None,
    target_params: float | None = None,
    target_macs: float | None = None,
    target_bytes: float | None = None,
    target_ms: float | None = None,
) -> Goal:
    """The goal that some options describe.

    Raises:
        CompressionError: no option, two targets, or a value out of range.
    """
    given: dict[Target, float | None] = {
        "params": target_params,
        "macs": target_macs,
        "bytes": target_bytes,
        "ms": target_ms,
    }
    targets: dict[Target, float] = {name: value for name, value in given.items() if value is not None}
    if max_drop is None and not targets:
        raise CompressionError(
            "no goal: give a largest drop of accuracy (max_drop=0.01), or one of target_params, target_macs, "
            "target_bytes (shares such as 0.5) and target_ms"
        )
    if len(targets) > 1:
        raise CompressionError(f"several targets ({', '.join(targets)}): expected one, alone or with max_drop")
    if max_drop is not None and not 0 <= max_drop < 1:
        raise CompressionError(f"max_drop {max_drop:g}: expected a fraction from 0 to 1, such as 0.01 for one point")
    for name, value in targets.items():
        if name in ("params", "macs") and not 0 < value < 1:
            raise CompressionError(f"target_{name} {value:g}: expected a share between 0 and 1, such as 0.5")
        if not value > 0:
            raise CompressionError(f"target_{name} {value:g}: expected a number above 0")
    for target, value in targets.items():
        return Goal(target, value, max_drop)
    return Goal(max_drop=max_drop)
