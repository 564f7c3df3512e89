"""Recovery: a cut network learns from its teacher's cached outputs, and can be killed at any moment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kdsuite import data, distill
from kdsuite.data.files import whole_file

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
    """

    lambda_: float = 0.7
    temperature: float = 2.0
    learning_rate: float = 1e-3
    batch_size: int = 32


def train(
    student: keras.Model,
    split: data.Split,
    outputs: distill.TeacherOutputs,
    training: Training,
    *,
    steps: int,
    seed: int,
    checkpoint: Path,
    on_step: Callable[[int], None] = lambda step: None,
    first_epoch: int = 0,
) -> None:
    """Trains a student for some steps, or for what is left of them behind a checkpoint.

    Args:
        student: ends in logits; all its layers are trained.
        split: training images, with the views of the user's augmentation.
        outputs: the teacher's on this split.
        training: how.
        steps: of batches that are all full.
        seed: of the order of the images.
        checkpoint: file to go on from; written after each stretch, deleted at the end.
        on_step: is told the number of steps done.
        first_epoch: number of the first epoch, by which images are ordered anew.
    """
    student.trainable = True
    for layer in student.layers:
        layer.trainable = True
    warm_up = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        training.learning_rate / 10,
        max(1, steps - warm_up),
        warmup_target=training.learning_rate,
        warmup_steps=warm_up,
    )
    distiller = distill.Distiller(student, lambda_=training.lambda_, temperature=training.temperature)
    distiller.compile(keras.optimizers.Adam(rate))
    distiller.optimizer.build(student.trainable_variables)
    variables = [*student.variables, *distiller.optimizer.variables]
    batch_size = min(training.batch_size, len(split))
    soft = outputs.softened(training.temperature) if training.lambda_ else None
    done = _restored(checkpoint, variables)
    on_batch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_step(done + batch + 1))
    an_epoch = len(split) // batch_size
    while done < steps:
        epoch, begin = divmod(done, an_epoch)
        count = min(an_epoch - begin, steps - done, STEPS_A_STRETCH)
        batches = split.batches(batch_size, seed=seed, epoch=first_epoch + epoch, teacher=soft, drop_remainder=True)
        distiller.fit(batches.skip(begin).take(count), verbose=0, shuffle=False, callbacks=[on_batch])
        done += count
        if done < steps:
            _store(checkpoint, variables, done)


def _store(path: Path, variables: list, done: int) -> None:
    arrays = {f"v{number}": keras.ops.convert_to_numpy(variable) for number, variable in enumerate(variables)}
    with whole_file(path) as unfinished:
        np.savez(unfinished, done=np.array(done), **arrays)


def _restored(path: Path, variables: list) -> int:
    """Gives the variables what a checkpoint holds; the steps done, 0 without one."""
    if not path.exists():
        return 0
    with np.load(path) as stored:
        for number, variable in enumerate(variables):
            variable.assign(stored[f"v{number}"])
        return int(stored["done"])
