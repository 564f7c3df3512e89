"""Recovery: a cut network learns from its teacher's cached outputs, and can be killed at any moment."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from kdsuite import data, distill, models
from kdsuite.compress.errors import CompressionError
from kdsuite.distill import checkpoint
from kdsuite.models.fast import Precision

STEPS_A_STRETCH = 250
"""Steps between two checkpoints: at 32 images a step and 60 images a second, two minutes."""


@dataclass(frozen=True)
class Training:
    """How a candidate is trained.

    Attributes:
        lambda_: weight of the teacher; 0 trains on labels alone.
        temperature: T of the soft targets.
        learning_rate: of Adam at its height: it rises over a tenth of the steps, and falls to 0 along a cosine.
        batch_size: images a step.

    Raises:
        CompressionError: λ outside of [0, 1], another that is not above 0, or a batch size that is not whole.
    """

    lambda_: float = 0.7
    temperature: float = 2.0
    learning_rate: float = 1e-3
    batch_size: int = 32

    def __post_init__(self):
        if not 0 <= self.lambda_ <= 1:
            raise CompressionError(f"lambda {self.lambda_}: expected a number from 0 to 1")
        for name in ("temperature", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise CompressionError(f"{name.replace('_', ' ')} {getattr(self, name)}: expected a number above 0")
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise CompressionError(f"batch size {self.batch_size}: expected a whole number from 1")


def train(
    student: keras.Model,
    split: data.Split,
    outputs: distill.TeacherOutputs | None,
    training: Training,
    *,
    precision: Precision = "float32",
    steps: int,
    seed: int,
    path: Path | None,
    on_step: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains a student for some steps, or for what is left of them behind a checkpoint.

    Args:
        student: ends in logits; all its layers are trained.
        split: training images, with the views of the user's augmentation.
        outputs: the teacher's on this split; None where it has no weight.
        training: how.
        precision: numbers that layers compute with. A copy is trained (`models.fast_copy`), and the student takes its
            weights in the end.
        steps: of batches that are all full.
        seed: of the order of the images.
        path: of a checkpoint to go on from, written after each stretch; None for neither.
        on_step: is told the number of steps done.
    """
    student.trainable = True
    for layer in student.layers:
        layer.trainable = True
    in_training = models.fast_copy(student, precision)
    warm_up = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        training.learning_rate / 10,
        max(1, steps - warm_up),
        warmup_target=training.learning_rate,
        warmup_steps=warm_up,
    )
    distiller = distill.Distiller(in_training, lambda_=training.lambda_, temperature=training.temperature)
    distiller.compile(keras.optimizers.Adam(rate))
    distiller.optimizer.build(distiller.trainable_variables)
    variables = [*in_training.variables, *distiller.optimizer.variables]
    batch_size = min(training.batch_size, len(split))
    soft = outputs.softened(training.temperature) if outputs is not None and training.lambda_ else None
    done = 0 if path is None else _restored(path, variables, steps)
    on_batch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_step(done + batch + 1))
    an_epoch = len(split) // batch_size
    while done < steps:
        epoch, begin = divmod(done, an_epoch)
        count = min(an_epoch - begin, steps - done, STEPS_A_STRETCH)
        batches = split.batches(batch_size, seed=seed, epoch=epoch, teacher=soft, drop_remainder=True)
        distiller.fit(batches.skip(begin).take(count), verbose=0, shuffle=False, callbacks=[on_batch])
        done += count
        if path is not None and done < steps:
            checkpoint.store(path, variables, done=done)
    if in_training is not student:
        student.set_weights(in_training.get_weights())


def _restored(path: Path, variables: list, steps: int) -> int:
    """Gives the variables what a checkpoint holds; the steps done, 0 without one or behind a damaged one."""
    if not path.exists():
        return 0

    def problem(done) -> str | None:
        return None if isinstance(done, int) and 0 < done < steps else f"{done!r} steps are done of {steps}"

    try:
        return checkpoint.restore(path, variables, "done", problem)
    except distill.DistillationError as error:
        print(f"checkpoint {path} is damaged ({error}): this training starts anew", file=sys.stderr)
        path.unlink()
        return 0
