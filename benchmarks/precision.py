"""Fast copies against the networks themselves: images a second of training, for a network of each study.

    python -m benchmarks.precision        (about 6 minutes on 2 cores; writes build/precision.csv)

Three sides train on the same random images in one process, in turns: the network of Keras' layers, and the fast copies
that the engine and `compress` train in its place, in float32 and in bfloat16 (`models.fast_copy`). A ratio is to the
network itself, the median over the turns.
"""

import os
import platform
import statistics
import time

import keras
import numpy as np
import tyro

from benchmarks.turns import MADE_ON, Config
from experiments.engine.estimate import BFLOAT16_INSTRUCTIONS, CPU_INFO
from experiments.engine.rows import Table
from experiments.engine.settings import now, versions
from kdsuite import models, prune

CIFAR = (32, 32, 3)
# What is trained, its images and its batch size.
NETWORKS = {
    "study 1: small CNN": (lambda: models.mnist_cnn((32, 64)), (28, 28, 1), 128),
    "study 1: MobileNet 0.75": (
        lambda: models.mobilenet(classes=2, alpha=0.75, image_size=224, imagenet=False),
        (224, 224, 3),
        32,
    ),
    "study 2: MLP 800": (lambda: models.mlp((800, 800)), (28, 28, 1), 128),
    "studies 3 and 4: S1": (lambda: models.vgg(models.S1, input_shape=CIFAR, classes=10), CIFAR, 64),
    "study 5: ResNet-20": (lambda: models.resnet(20, input_shape=CIFAR, classes=10), CIFAR, 512),
    "ResNet-20 that lost channels": (
        lambda: prune.shrink(models.resnet(20, input_shape=CIFAR, classes=10), keep=0.474, target="macs"),
        CIFAR,
        512,
    ),
    "study 5: airbench 24": (lambda: models.airbench((24, 64, 64), input_shape=CIFAR, classes=10), CIFAR, 512),
    "study 5: airbench 64": (lambda: models.airbench((64, 256, 256), input_shape=CIFAR, classes=10), CIFAR, 512),
}
PRECISIONS = ("float32", "bfloat16")
COLUMNS = (
    *("trial", "batch_size", "itself", *PRECISIONS),
    *(f"{precision}_{what}" for precision in PRECISIONS for what in ("ratio", "lowest", "highest")),
    *MADE_ON,
)


def main(config: Config) -> None:
    table = Table(config.results / "precision.csv", COLUMNS, ("trial", "processor"), ("trial", "processor"))
    print(f"{'images a second':28}{'itself':>10}" + "".join(f"{name:>10}{'ratio':>7}{'':14}" for name in PRECISIONS))
    for name, (build, shape, batch_size) in NETWORKS.items():
        itself, *copies = speeds(build, shape, batch_size, config)
        line = f"{name:28}{statistics.median(itself):>10,.0f}"
        row = {"trial": name, "batch_size": batch_size, "itself": statistics.median(itself)}
        for precision, speed in zip(PRECISIONS, copies, strict=True):
            ratios = [fast / plain for plain, fast in zip(itself, speed, strict=True)]
            ratio, lowest, highest = statistics.median(ratios), min(ratios), max(ratios)
            line += f"{statistics.median(speed):>10,.0f}{ratio:>7.2f} ({lowest:.2f} to {highest:.2f})"
            row |= {precision: statistics.median(speed), f"{precision}_ratio": ratio}
            row |= {f"{precision}_lowest": lowest, f"{precision}_highest": highest}
        print(line, flush=True)
        row |= {"cores": os.cpu_count(), "processor": processor()}
        table.append([row | versions() | {"finished_at": now()}], replace=True)


def speeds(build, shape: tuple[int, ...], batch_size: int, config: Config) -> list[list[float]]:
    """Images a second of each turn: of the network itself, and of its copy in each precision."""
    images, labels = batch(shape, batch_size)
    keras.utils.set_random_seed(0)
    model = build()
    # The copy in float32 may be the model: a clone of it then takes its place, as both are compiled.
    copies = [models.fast_copy(keras.models.clone_model(model), precision) for precision in PRECISIONS]
    sides = [model, *copies]
    for side in sides:
        prepare(side, images, labels)
    measured: list[list[float]] = [[] for _ in sides]
    for _ in range(config.turns):
        for side, own in zip(sides, measured, strict=True):
            own.append(speed(side, images, labels, config.seconds))
    return measured


def batch(shape: tuple[int, ...], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images, uint8 (batch_size, *shape), and labels of two classes."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (batch_size, *shape), np.uint8), random.integers(0, 2, batch_size)


def prepare(side: keras.Model, images: np.ndarray, labels: np.ndarray) -> None:
    """Compiles a side, traces its training step and warms it up."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    side.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=False)
    side.train_on_batch(images, labels)


def speed(side: keras.Model, images: np.ndarray, labels: np.ndarray, seconds: float) -> float:
    """Images a second of training on one batch again and again."""
    steps, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        side.train_on_batch(images, labels)
        steps += 1
    return steps * len(images) / (time.perf_counter() - begin)


def processor() -> str:
    """The processor's name and what it has for bfloat16."""
    text = CPU_INFO.read_text() if CPU_INFO.exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")]
    has = [flag for flag in sorted(BFLOAT16_INSTRUCTIONS) if flag in text]
    return ", ".join([names[0] if names else platform.processor(), *(has or ["no bfloat16 instructions"])])


if __name__ == "__main__":
    main(tyro.cli(Config))
