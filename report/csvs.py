"""Tables that are read whole or refused."""

import csv
import io
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from kdsuite.report.errors import ReportError

NUMBERS = frozenset(
    (
        *("seed", "train_size", "validation_size", "test_size", "lambda", "temperature", "units_removed", "params"),
        *("trainable_params", "macs", "model_bytes", "batch_size", "epochs", "learning_rate", "validation_accuracy"),
        *("test_accuracy", "test_accuracy_stale_batch_norm", "test_errors", "test_loss", "train_seconds"),
        *("epoch", "loss", "accuracy", "validation_loss", "seconds"),
    )
)


def read_whole(path: Path, key: Sequence[str] = (), numbers: Collection[str] = NUMBERS) -> pd.DataFrame:
    """Read a CSV file, each line of which must be whole.

    A last line without its newline was cut off by a crash: it is dropped, and stderr says so.

    Args:
        path: the file.
        key: columns whose values together name a line; no two lines may have the same.
        numbers: columns whose cells must be numbers or empty.

    Raises:
        ReportError: no header, a line with too few or too many fields, text where a number belongs, a doubled line; the
            message names file and line.
    """
    lines = _lines(path)
    header = next(lines, (0, []))[1]
    if not header or len(set(header)) != len(header):
        raise ReportError(f"{path}:1: expected a header of distinct column names, found {','.join(header)[:60]!r}")
    if missing := set(key) - set(header):
        raise ReportError(f"{path}:1: the header lacks {', '.join(sorted(missing))}")
    places = [header.index(name) for name in key]
    numeric = [index for index, name in enumerate(header) if name in numbers]
    first_seen: dict[tuple[str, ...], int] = {}
    table = []
    for number, fields in lines:
        if len(fields) != len(header):
            raise ReportError(f"{path}:{number}: {len(fields)} fields, expected {len(header)} as in the header")
        for index in numeric:
            if not _is_number(fields[index]):
                raise ReportError(
                    f"{path}:{number}: {header[index]} is {fields[index]!r}, expected a number or nothing"
                )
        names = tuple(fields[place] for place in places)
        if key and (earlier := first_seen.setdefault(names, number)) != number:
            raise ReportError(f"{path}:{number}: {' '.join(names)} stands on line {earlier} too: remove one of the two")
        table.append(fields)
    text = io.StringIO()
    csv.writer(text).writerows([header, *table])
    text.seek(0)
    return pd.read_csv(text, low_memory=False, dtype=dict.fromkeys({"trial", "setting", "commit"} & set(header), str))


def _lines(path: Path):
    """Line number and fields of each record whose newline is there."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: byte {error.start} is not UTF-8 text") from error
    whole, newline, rest = text.rpartition("\n")
    if rest:
        number = text.count("\n") + 1
        print(f"{path}:{number}: dropped an incomplete last line ({rest[:40]!r}…)", file=sys.stderr)
    reader = csv.reader(io.StringIO(whole + newline, newline=""), strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        raise ReportError(f"{path}:{reader.line_num}: {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True
