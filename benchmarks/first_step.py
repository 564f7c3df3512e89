"""The first training step of MobileNet, tracing included, with Keras' own `fit` and with the Distiller's: seconds.

    python -m benchmarks.first_step        (about 2 minutes on 2 cores)

A step that makes the variables of optimizer or metrics is traced twice; the Distiller makes them before
(`distill.building`). Both sides train the same network on labels alone (λ = 0), on one image, in one process, in turns;
the ratio is the median over the turns.
"""

import statistics
import time
from dataclasses import dataclass

import keras
import numpy as np
import tyro

from kdsuite import distill

IMAGE_SIZE = 64
CLASSES = 10


@dataclass(frozen=True)
class Config:
    """What to measure."""

    turns: int = 5
    """Turns; the median is reported, with the lowest and the highest ratio."""


def main(config: Config) -> None:
    network = keras.applications.MobileNet(
        weights=None, input_shape=(IMAGE_SIZE, IMAGE_SIZE, 3), classes=CLASSES, classifier_activation=None
    )
    # Whatever is made once in a process.
    for distilled in (False, True):
        seconds(network, distilled)
    turns = [[seconds(network, distilled) for distilled in (False, True)] for _ in range(config.turns)]
    for side, own in zip(("Keras", "Distiller"), zip(*turns, strict=True), strict=True):
        print(f"{side:14}{statistics.median(own):>8.2f} s")
    ratios = [theirs / ours for theirs, ours in turns]
    print(f"{'ratio':14}{statistics.median(ratios):>8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def seconds(network: keras.Model, distilled: bool) -> float:
    """How long the first step of a copy of a network takes."""
    student = keras.models.clone_model(network)
    trained = distill.Distiller(student, lambda_=0) if distilled else student
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(keras.optimizers.Adam(), loss=loss, metrics=["accuracy"], jit_compile=False)
    image, label = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 3), np.float32), np.zeros(1, np.int64)
    begin = time.perf_counter()
    trained.fit(image, label, verbose=0)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(tyro.cli(Config))
