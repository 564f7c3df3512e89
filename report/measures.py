"""What is compared, the unit it is shown in, and numbers with as many digits as their interval supports."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kdsuite.report.errors import ReportError
from kdsuite.report.intervals import Interval, mean_interval

# Half widths that are nothing but rounding would ask for more.
MOST_DECIMALS = 6


@dataclass(frozen=True)
class Measure:
    """A quantity of each row.

    Attributes:
        value: a column, or a function from rows to one number a row.
        name: in words.
        unit: of a level, "%" or a word.
        difference_unit: of a difference.
        scale: what is shown is this times what the rows hold.
        higher_is_better: False for errors and losses.
        digits: decimals of what is shown where no interval tells how many make sense.
    """

    value: str | Callable[[pd.DataFrame], pd.Series]
    name: str
    unit: str = ""
    difference_unit: str = ""
    scale: float = 1
    higher_is_better: bool = True
    digits: int = 2

    def of(self, rows: pd.DataFrame) -> pd.Series:
        """One number a row, in the unit of the rows."""
        if not isinstance(self.value, str):
            return self.value(rows)
        if self.value not in rows:
            raise ReportError(f"rows have no column {self.value!r}: they have {', '.join(rows.columns)}")
        return rows[self.value]

    @property
    def is_share_of_images(self) -> bool:
        """Whether it is shown as a percentage of test images."""
        # A difference in % is a share of something else.
        return self.unit == "%" and self.difference_unit != "%"

    @property
    def limits(self) -> tuple[float, float]:
        """Between which values a level lies, in the unit that is shown."""
        return (0, 100) if self.is_share_of_images else (-math.inf, math.inf)

    @property
    def points_scale(self) -> Callable[[pd.DataFrame], float] | None:
        """What turns a difference into percentage points of the test images, if anything does."""
        if self.is_share_of_images:
            return lambda rows: 100
        if self.unit == "errors":
            return lambda rows: 100 / rows.test_size.iloc[0]
        return None

    def least_spread(self, rows: pd.DataFrame, counts: int = 2) -> float:
        """What a difference must spread over seeds at least: that of two counts of test images, each rounded to one.

        0 for what is not counted in test images. Three seeds that differ by one image each tell nothing.

        Args:
            rows: of the networks.
            counts: 1 for a level instead of a difference.
        """
        if self.difference_unit == "%":  # A share of something else.
            return 0.0
        images = {"test_accuracy": 1 / rows.test_size.min(), "test_errors": 1} if "test_size" in rows else {}
        return images.get(str(self.value), 0) * math.sqrt(counts / 12)

    def difference_interval(self, values: Sequence[float] | np.ndarray | pd.Series, rows: pd.DataFrame) -> Interval:
        """Mean and 95% interval of differences, one a seed, between networks whose rows these are."""
        return mean_interval(np.asarray(values), self.least_spread(rows))

    def level(self, interval: Interval) -> str:
        """A mean with half the width of its interval: "93.31 ± 0.10%"."""
        unit = self.unit if self.unit in ("%", "") else f" {self.unit}"
        return estimate(interval.scaled(self.scale), self.digits) + unit

    def difference_text(self, value: float) -> str:
        """A difference without sign or interval: "0.2 points", "1 point"."""
        number, unit = f"{self.scale * value:.2g}", self.difference_unit
        if number == "1":
            unit = unit.replace("points", "point").replace("errors", "error")
        return f"{number} {unit}".strip()

    def difference(self, interval: Interval) -> str:
        """A difference with its interval: "−0.27 points [−0.51, −0.03]"."""
        shown = interval.scaled(self.scale)
        unit = f" {self.difference_unit}" if self.difference_unit else ""
        if math.isnan(shown.low):
            return f"{signed(shown.mean, self.digits)}{unit}"
        places = decimals(shown.half_width, self.digits)
        mean, low, high = (signed(value, places) for value in shown)
        return f"{mean}{unit} [{low}, {high}]"


def measure_of(column: str | Measure) -> Measure:
    """A measure by its column's name."""
    if isinstance(column, Measure):
        return column
    name = column.replace("_", " ")
    if "accuracy" in column:
        return Measure(column, name, "%", "points", 100)
    if column.endswith("calibration_error"):
        return Measure(column, name, "%", "points", 100, higher_is_better=False)
    if "errors" in column:
        return Measure(column, name, "errors", "errors", higher_is_better=False, digits=0)
    if column.endswith("seconds"):
        return Measure(column, name, "s", "s", higher_is_better=False)
    lower = any(word in column for word in ("loss", "error", "params", "macs", "bytes"))
    is_count = column in ("params", "macs") or column.endswith("bytes")
    return Measure(column, name, digits=0 if is_count else 3, higher_is_better=not lower)


def decimals(half_width: float, default: int = 2) -> int:
    """How many decimals show two significant digits of a half width."""
    if not half_width > 0 or math.isinf(half_width):
        return default
    exponent = math.floor(math.log10(float(f"{half_width:.1e}")))
    return min(max(0, 1 - exponent), MOST_DECIMALS)


def estimate(interval: Interval, default: int = 2) -> str:
    """A mean ± half the width of its interval, both with two significant digits of the latter."""
    if math.isnan(interval.low):
        return minus(f"{interval.mean:,.{default}f}")
    places = decimals(interval.half_width, default)
    return minus(f"{interval.mean:,.{places}f} ± {interval.half_width:,.{places}f}")


def signed(value: float, places: int) -> str:
    """A number with its sign; a real minus, and no sign for what rounds to 0."""
    text = f"{value:+,.{places}f}"
    if not any(digit in text for digit in "123456789"):
        return text[1:]
    return minus(text)


def minus(text: str) -> str:
    """A number's text with a real minus."""
    return text.replace("-", "−")
