"""A fresh process that runs one file: how long one example takes, and how much memory the network adds.

    python -m kdsuite.compress.running_process FILE INPUTS.npz THREADS TURNS [MODULE ...]

imports the modules of a .keras file's own layers, and prints {"seconds": [...], "peak_memory_bytes": ...}; the
memory is null where the system does not tell it.
"""

import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kdsuite.compress.formats import format_of, import_runtime
from kdsuite.compress.running import open_file
from kdsuite.compress.running_memory import peak, reset_peak

WARM_UP = 10


def main(path: Path, inputs: Path, threads: int, turns: int, modules: Sequence[str]) -> None:
    """Times a file on single examples, one after the other, and prints what was measured."""
    _start_runtime(path, threads)
    for module in modules:
        importlib.import_module(module)
    with np.load(inputs) as stored:
        arrays = {name: stored[name] for name in stored.files}
    before = reset_peak()
    forward = open_file(path, threads)
    if len(forward.inputs) == 1:
        arrays = {name: next(iter(arrays.values())) for name in forward.inputs}
    named = forward.named(arrays)
    count = len(next(iter(named.values())))
    examples = [{name: array[row : row + 1] for name, array in named.items()} for row in range(count)]
    for turn in range(WARM_UP):
        forward.run(examples[turn % count])
    seconds = []
    for turn in range(turns):
        example = examples[turn % count]
        begin = time.perf_counter()
        forward.run(example)
        seconds.append(time.perf_counter() - begin)
    after = peak()
    memory = None if before is None or after is None else max(0, after - before)
    print(json.dumps({"seconds": seconds, "peak_memory_bytes": memory}))


def _start_runtime(path: Path, threads: int) -> None:
    """Imports what runs the file and lets it set itself up, so that the memory measured is the network's."""
    if path.suffix != ".keras":
        import_runtime(format_of(path))
        return
    import tensorflow as tf

    from kdsuite.compress import exporting  # noqa: F401

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.function(lambda: tf.matmul(tf.ones((8, 8)), tf.ones((8, 8))))()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
