"""Training with oneDNN's convolutions against TensorFlow's own, for a network of each study.

    python -m benchmarks.onednn        (about 7 minutes on 2 cores; writes build/onednn.csv)

TensorFlow uses oneDNN by itself only on processors with AVX512_VNNI or the like; TF_ENABLE_ONEDNN_OPTS=1 asks for it on
others. It is settled when TensorFlow is imported, so each side is a process. The two train in turns: the fast copy in
float32 that the engine trains (`models.fast_copy`). The ratio is the median over the turns.
"""

import multiprocessing
import os
import statistics
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache

import tyro

from benchmarks.turns import MADE_ON, Config

SIDES = {"without": "0", "with": "1"}
COLUMNS = (
    *("trial", "batch_size", *SIDES, "ratio", "lowest", "highest"),
    *MADE_ON,
)


def main(config: Config) -> None:
    context = multiprocessing.get_context("spawn")
    pools = {side: ProcessPoolExecutor(1, context, _choose, (value,)) for side, value in SIDES.items()}
    # Not at the top: a side imports this module before it has chosen.
    from benchmarks.precision import NETWORKS, processor
    from experiments.engine.rows import Table
    from experiments.engine.settings import now, versions

    table = Table(config.results / "onednn.csv", COLUMNS, ("trial", "processor"), ("trial", "processor"))
    print(f"{'images a second':28}{'without':>10}{'with':>10}{'ratio':>7}")
    for name, (_, _, batch_size) in NETWORKS.items():
        measured: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(config.turns):
            for side, pool in pools.items():
                turn: Future[float] = pool.submit(_speed, name, config.seconds)
                measured[side].append(turn.result())
        without, with_onednn = measured.values()
        ratios = [one / other for one, other in zip(with_onednn, without, strict=True)]
        row = {side: statistics.median(speeds) for side, speeds in measured.items()}
        row |= {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
        print(
            f"{name:28}{row['without']:>10,.0f}{row['with']:>10,.0f}{row['ratio']:>7.2f} "
            f"({row['lowest']:.2f} to {row['highest']:.2f})",
            flush=True,
        )
        row |= {"trial": name, "batch_size": batch_size, "cores": os.cpu_count(), "processor": processor()}
        table.append([row | versions() | {"finished_at": now()}], replace=True)


def _choose(value: str) -> None:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = value


def _speed(name: str, seconds: float) -> float:
    from benchmarks.precision import speed

    return speed(*_side(name), seconds)


@cache
def _side(name: str):
    """The network, traced and warm, and its batch of images and labels."""
    import keras

    from benchmarks.precision import NETWORKS, batch, prepare
    from kdsuite import models

    build, shape, batch_size = NETWORKS[name]
    keras.utils.set_random_seed(0)
    side = models.fast_copy(build(), "float32")
    images, labels = batch(shape, batch_size)
    prepare(side, images, labels)
    return side, images, labels


if __name__ == "__main__":
    main(tyro.cli(Config))
