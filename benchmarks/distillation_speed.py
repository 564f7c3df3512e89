"""Distilling against plain training of the same student: images a second, medians of interleaved repeats.

    make bench        (about 6 minutes on 2 cores)

Each repeat trains one epoch plainly, with the cached teacher, with the live teacher, and with the live teacher through
`keras.distillation`, one after the other in this process; a ratio is the median over repeats of the ratio within a
repeat.
"""

import statistics
import time
from dataclasses import dataclass

import keras
import tyro
from tqdm import tqdm

from kdsuite import data, distill, models

TEMPERATURE = 4.0
PAIRS = {
    "MLP 1200 → 800": (lambda: models.mlp((1200, 1200)), lambda: models.mlp((800, 800))),
    "MLP 1200 → 30": (lambda: models.mlp((1200, 1200)), lambda: models.mlp((30, 30))),
    "CNN → one convolution": (lambda: models.mnist_cnn((32, 64)), lambda: models.mnist_cnn((32,))),
}


@dataclass(frozen=True)
class Config:
    """What to measure."""

    repeats: int = 5
    """Interleaved repeats; the median is reported."""
    batch_size: int = 128
    """Images a step."""
    steps_per_execution: int = 50
    """Steps a call of the compiled function."""
    train_size: int = 50_000
    """Images an epoch."""
    bar: float = 0.95
    """Cached over plain that must be reached; otherwise the exit status is 1."""


def main(config: Config) -> bool:
    split = data.load("mnist", train_size=config.train_size).train
    print(f"{len(split):,} MNIST images, batch {config.batch_size}, {config.steps_per_execution} steps a call")
    print(
        f"{'teacher → student':24}{'plain':>10}{'cached':>10}{'live':>10}{'keras':>10}  images/s"
        "   cached/plain   live/plain   cached/keras   live/keras"
    )
    reached = True
    for name, (build_teacher, build_student) in PAIRS.items():
        speeds = measure(split, build_teacher(), build_student, config)
        medians = "".join(f"{statistics.median(speeds[way]):>10,.0f}" for way in speeds)
        ratios = {
            (way, base): median_ratio(speeds[way], speeds[base])
            for base in ("plain", "keras")
            for way in ("cached", "live")
        }
        print(f"{name:24}{medians}  {'':8}" + "".join(f"{ratio:>13.2f}" for ratio in ratios.values()), flush=True)
        reached &= ratios["cached", "plain"] >= config.bar
    print(f"cached ≥ {config.bar} of plain on each: {'reached' if reached else 'NOT reached'}")
    return reached


def measure(split, teacher: keras.Model, build_student, config: Config) -> dict[str, list[float]]:
    """Images a second of each repeat, by way of training."""
    outputs = distill.teacher_outputs(teacher, split).softened(TEMPERATURE)
    trainers = {
        "plain": (build_student(), None),
        "cached": (distill.Distiller(build_student(), temperature=TEMPERATURE), outputs),
        "live": (distill.Distiller(build_student(), teacher, temperature=TEMPERATURE), None),
        "keras": (through_keras(teacher, build_student()), None),
    }
    for way, (model, _) in trainers.items():
        own_loss = way in ("plain", "keras")
        loss = {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)} if own_loss else {}
        model.compile(
            "adam", metrics=["accuracy"], jit_compile=False, steps_per_execution=config.steps_per_execution, **loss
        )
    speeds = {way: [] for way in trainers}
    for repeat in tqdm(range(config.repeats + 1), desc="repeat", leave=False, disable=None):
        for way, (model, teacher_signal) in trainers.items():
            batches = split.batches(config.batch_size, seed=0, epoch=repeat, teacher=teacher_signal)
            begin = time.perf_counter()
            model.fit(batches, verbose=0, shuffle=False)
            # The first repeat traces and warms up.
            if repeat:
                speeds[way].append(len(split) / (time.perf_counter() - begin))
    return speeds


def through_keras(teacher: keras.Model, student: keras.Model) -> keras.Model:
    """The same pair in Keras' own distiller, with its default loss, which has neither softmax nor T²."""
    # It freezes the model it is given, so it gets a copy.
    copy = keras.models.clone_model(teacher)
    copy.set_weights(teacher.get_weights())
    return keras.distillation.Distiller(copy, student, keras.distillation.LogitsDistillation(temperature=TEMPERATURE))


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


if __name__ == "__main__":
    raise SystemExit(0 if main(tyro.cli(Config)) else 1)
