"""The first training step of MobileNet, tracing included, with Keras' own `fit` and with the Distiller's: seconds.

    python -m benchmarks.first_step        (about 2 minutes on 2 cores)

A step that makes the variables of optimizer or metrics is traced twice; the Distiller makes them before
(`distill.building`). Both sides train the same network on labels alone (λ = 0), on one image, in one process, in turns;
the ratio is the median over the turns.
"""

from functools import partial

import keras
import numpy as np
import tyro

from benchmarks.turns import Turns, print_seconds, seconds
from kdsuite import distill

IMAGE_SIZE = 64
CLASSES = 10


def main(config: Turns) -> None:
    network = keras.applications.MobileNet(
        weights=None, input_shape=(IMAGE_SIZE, IMAGE_SIZE, 3), classes=CLASSES, classifier_activation=None
    )
    ours = ("Distiller", partial(first_step, network, distilled=True))
    print_seconds(ours, ("Keras", partial(first_step, network, distilled=False)), config.turns)


def first_step(network: keras.Model, *, distilled: bool) -> float:
    """Seconds that the first step of a copy of a network takes."""
    student = keras.models.clone_model(network)
    trained = distill.Distiller(student, lambda_=0) if distilled else student
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(keras.optimizers.Adam(), loss=loss, metrics=["accuracy"], jit_compile=False)
    image, label = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 3), np.float32), np.zeros(1, np.int64)
    return seconds(partial(trained.fit, image, label, verbose=0))


if __name__ == "__main__":
    main(tyro.cli(Turns))
