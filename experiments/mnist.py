"""What the MNIST experiments of study 1 share: parameters, the convolutional teacher and student, the run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from experiments.config import Config, check_at_least, check_positive
from experiments.errors import UsageError
from experiments.runner import Runner, load_model
from experiments.trial import Trial
from kdsuite import distill

IMAGE_SIZE, CHANNELS = 28, 1
QUICK_RESULTS = Path("results/quick")
TEACHER_SEED = 0


@dataclass(frozen=True)
class MnistConfig(Config):
    batch_size: int = 128
    """Images a step."""
    learning_rate: float = 1e-3
    """Of Adam."""
    temperature: float = 1.0
    """Temperature T of the soft targets; the paper's loss has T = 1."""

    def check(self) -> None:
        super().check()
        check_training(batch_size=self.batch_size)
        check_positive(learning_rate=self.learning_rate)
        distill.check_temperature(self.temperature)


@dataclass(frozen=True)
class CnnConfig(MnistConfig):
    epochs: int = 5
    """Epochs of each student."""
    teacher_epochs: int = 12
    """Epochs of the teacher."""
    teacher_file: Annotated[Path | None, tyro.conf.arg(name="teacher")] = None
    """A .keras file to use as teacher instead; must take 28 × 28 × 1 images with pixels 0 to 255 and end in logits."""

    def check(self) -> None:
        super().check()
        check_training(epochs=self.epochs, teacher_epochs=self.teacher_epochs)


def check_lambdas(*lambdas: float) -> None:
    for lambda_ in lambdas:
        distill.check_lambda(lambda_)


check_training = partial(check_at_least, 1)


def common(study: str, config: MnistConfig, seed: int, batch_size: int, epochs: int) -> dict:
    return {
        "study": study,
        "seed": seed,
        "batch_size": batch_size,
        "epochs": epochs,
        "learning_rate": config.learning_rate,
    }


def cnn_teacher(config: CnnConfig) -> Trial:
    """The Keras example's network, or the user's file; one for all seeds, and one row for both sweeps."""
    settings = common("mnist-lambda-sweep", config, TEACHER_SEED, config.batch_size, config.teacher_epochs)
    if config.teacher_file is None:
        return Trial(method="teacher", network="mnist_cnn_32_64", **settings)
    fingerprint = distill.model_fingerprint(load_model(config.teacher_file))
    return Trial(method="teacher", network=f"{config.teacher_file.name}@{fingerprint[:12]}", **settings | {"epochs": 0})


def cnn_student(study: str, config: CnnConfig, teacher: Trial, seed: int, batch_size: int, lambda_: float) -> Trial:
    """The network without its second convolution; λ = 0 is the plain student."""
    return Trial(
        method="kd" if lambda_ else "plain",
        network="mnist_cnn_32",
        lambda_=lambda_,
        temperature=config.temperature if lambda_ else None,
        teacher=teacher if lambda_ else None,
        **common(study, config, seed, batch_size, config.epochs),
    )


def run(study: str, config: MnistConfig, trials: Callable, networks: dict[str, Callable]) -> None:
    """Loads the data, trains what is missing, prints the table and draws the figure."""
    config.check()
    dataset = config.load(image_size=IMAGE_SIZE, channels=CHANNELS)
    input_shape, classes = dataset.train.images.shape[1:], len(dataset.class_names)

    def build(trial: Trial, parent):
        if trial.epochs:
            return networks[trial.network](classes=classes, input_shape=input_shape)
        teacher = load_model(config.teacher_file)
        if teacher.input_shape[1:] != input_shape:
            raise UsageError(f"{config.teacher_file} takes {teacher.input_shape[1:]} images: expected {input_shape}")
        distill.check_same_outputs(teacher.output_shape, (None, classes))
        return teacher

    runner = Runner(study, config, dataset, build)
    runner.run_and_publish(trials(config))
