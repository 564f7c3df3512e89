"""The result of a compression: what it reads like, and its JSON."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kdsuite.compress.accuracy import wilson
from kdsuite.compress.choosing import Candidate
from kdsuite.compress.proofs import Proof
from kdsuite.data.files import whole_file


@dataclass(frozen=True)
class FileRow:
    """One file, run on every test image.

    Attributes:
        name: "teacher", or the format of the student.
        file: its name.
        params, macs: of the network.
        file_bytes: its size.
        accuracy: on test, as a fraction.
        interval: 95%, Wilson.
        agreement: share of test images on which it answers as its Keras model does.
        max_difference: the largest difference from the outputs of that model.
        p50_ms, p95_ms: milliseconds for one image, median and 95th percentile.
        peak_memory: bytes, or None where it was not measured.
    """

    name: str
    file: str
    params: int
    macs: int
    file_bytes: int
    accuracy: float
    interval: tuple[float, float]
    agreement: float
    max_difference: float
    p50_ms: float
    p95_ms: float
    peak_memory: int | None


@dataclass(frozen=True)
class Result:
    """What came of a compression.

    Attributes:
        reached: whether the goal was reached, its drop of accuracy judged on test.
        summary: a few sentences to read aloud.
        goal, command: as words.
        model, dataset, source: what went in; `sizes` are those of the splits, `seed` is None where nobody drew them.
        files: the teacher first, then the student in each format.
        refused: format → why there is no file in it.
        candidates: after each of their rungs; `chosen` is the one that was exported.
        widths: by layer with a kernel, channels before and after; None where the layer is gone.
        class_names: of the labels; `confusions` are counts by true class (row) and answer, of "teacher" and "student".
        parted: test images, by row, on which teacher and student differ: (row, label, teacher's, student's answer).
        proofs: what was checked.
        minutes: spent, over all runs it took.
        versions: of Keras, TensorFlow and this package.
    """

    reached: bool
    summary: str
    goal: str
    command: str
    model: str
    dataset: str
    source: str
    sizes: dict[str, int]
    seed: int | None
    files: list[FileRow]
    refused: dict[str, str]
    candidates: list[Candidate]
    chosen: Candidate
    widths: dict[str, tuple[int, int | None]]
    class_names: tuple[str, ...]
    confusions: dict[str, list[list[int]]]
    parted: list[tuple[int, int, int, int]]
    proofs: list[Proof]
    minutes: float
    versions: dict[str, str]

    def table(self) -> str:
        """Before and after, a line a file, as plain text."""
        return columns(self.rows())

    def rows(self) -> list[list[str]]:
        """The table's cells, the head first."""
        head = ["", "accuracy", "95% interval", "parameters", "MACs", "bytes", "p50 ms", "p95 ms", "peak MB", "agrees"]
        return [head, *(_cells(row) for row in self.files)]

    def save(self, path: Path) -> None:
        """Writes all of it as JSON, whole or not at all."""
        values: dict[str, Any] = asdict(self)
        for proof, own in zip(values["proofs"], self.proofs, strict=True):
            proof["holds"] = own.holds
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(values, indent=1))


def file_row(name: str, path: Path, params: int, macs: int, measured, count: int) -> FileRow:
    """A row of what was measured on `count` test images."""
    return FileRow(
        name,
        path.name,
        params,
        macs,
        measured.file_bytes,
        measured.accuracy,
        wilson(round(measured.accuracy * count), count),
        measured.agreement,
        measured.max_difference,
        measured.p50_milliseconds,
        measured.p95_milliseconds,
        measured.peak_memory_bytes,
    )


def paired_difference(first_right, second_right) -> tuple[float, float, float]:
    """Difference of two accuracies on the same images, and its 95% interval.

    The interval is the adjusted Wald interval of Bonett and Price 2012 ("Adjusted Wald Confidence Interval for a
    Difference of Binomial Proportions Based on Paired Data"): one image more on which each alone is right. Without it,
    networks that part on no image would differ by nothing for certain, however few images there are.

    Args:
        first_right, second_right: bool (n,).
    """
    n = len(first_right)
    only_first, only_second = (int(one.sum()) for one in (first_right & ~second_right, ~first_right & second_right))
    centre = (only_first - only_second) / (n + 2)
    half = 1.96 * math.sqrt(((only_first + only_second + 2) / (n + 2) - centre**2) / (n + 2))
    return (only_first - only_second) / n, centre - half, centre + half


def columns(rows: list[list[str]]) -> str:
    """Cells in columns: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
    return "\n".join(lines)


def _cells(row: FileRow) -> list[str]:
    return [
        row.name,
        f"{row.accuracy:.2%}",
        f"{100 * row.interval[0]:.1f}–{100 * row.interval[1]:.1f}",
        f"{row.params:,}",
        f"{row.macs / 1e6:,.2f} M",
        f"{row.file_bytes:,}",
        f"{row.p50_ms:.2f}",
        f"{row.p95_ms:.2f}",
        "" if row.peak_memory is None else f"{row.peak_memory / 1e6:,.0f}",
        f"{row.agreement:.2%}",
    ]
