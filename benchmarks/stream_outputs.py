"""Whether outputs of a teacher that outgrow memory are read at constant memory.

Generated outputs (float16) lie in one .npy file in a temporary folder and are drawn in random order by
`Split.batches(teacher=…)`, with images of one pixel, so that reading them is all there is to do:

    python -m benchmarks.stream_outputs
    python -m benchmarks.stream_outputs --rows 1000000
"""

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.data import Split
from kdsuite.data.files import full_disk_named
from kdsuite.data.store import DiskArray

CHUNK_ROWS = 1000


@dataclass(frozen=True)
class Outputs:
    """What `Split.batches` asks of a teacher's outputs."""

    arrays: dict
    data_fingerprint: str


def write_outputs(path: Path, rows: int, classes: int) -> None:
    """Writes float16 (rows, classes) whose first number in a row is the row modulo 1,000, the others random."""
    random = np.random.default_rng(0)
    chunk = random.standard_normal((CHUNK_ROWS, classes)).astype(np.float16)
    chunk[:, 0] = np.arange(CHUNK_ROWS)
    with full_disk_named(path), path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (rows, classes)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, rows, CHUNK_ROWS):
            file.write(chunk[: rows - start].data)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="images the teacher answered for")
    parser.add_argument("--classes", type=int, default=1000, help="outputs an image")
    parser.add_argument("--batch-size", type=int, default=512, help="images a batch")
    parser.add_argument("--epochs", type=int, default=2, help="passes over all of them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logits.npy"
        write_outputs(path, options.rows, options.classes)
        labels = np.arange(options.rows) % CHUNK_ROWS
        split = Split.from_arrays(np.zeros((options.rows, 1, 1, 1), np.uint8), labels)
        teacher = Outputs({"logits": DiskArray(path)}, split.fingerprint)
        next(iter(split.batches(options.batch_size, seed=0, teacher=teacher)))
        before = peak_megabytes()
        size = path.stat().st_size / 2**20
        print(f"{options.rows:,} x {options.classes:,} outputs, {size:,.0f} MB on disk; {before:,.0f} MB in use before")
        for epoch in range(options.epochs):
            begin = time.perf_counter()
            for _, y in split.batches(options.batch_size, seed=0, epoch=epoch, teacher=teacher):
                # float16 holds whole numbers up to 2,048.
                np.testing.assert_array_equal(y["teacher"]["logits"][:, 0], y["labels"])
            seconds = time.perf_counter() - begin
            print(
                f"epoch {epoch + 1}: {options.rows / seconds:,.0f} rows/s, peak {peak_megabytes():,.0f} MB "
                f"({peak_megabytes() - before:+,.0f} MB)"
            )


if __name__ == "__main__":
    main()
