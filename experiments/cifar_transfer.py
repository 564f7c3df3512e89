"""Study 1 (CS230) §3–5: MobileNet transferred to CIFAR-10, the paper's failure and its cause.

    make cifar-transfer ARGS="--alpha 0.75"        (python -m experiments cifar-transfer --alpha 0.75)

Claim: retraining the whole network gives > 90% on train and < 20% on test, "most likely" because CIFAR's images are
small. Here the same transfer runs on images as they are (32) and upscaled to 96 and 224, and each trained network is
tested three times: with ImageNet's batch-norm statistics (what Keras of early 2018 evaluated where batch norm was
frozen: training used the batch's statistics all the same), with the moving averages that training left, and with
statistics recalibrated on the training images. If size is the cause, 224 mends it; if statistics are, recalibration
does.

Found (α = 0.75, 3 seeds): statistics are. At 224 × 224 train accuracy is 100%, test accuracy 16% with ImageNet's
statistics and 70% with recalibrated ones; at 32 × 32 these are 81, 16 and 48%. About half an hour on 2 cores.
"""

from dataclasses import dataclass
from pathlib import Path

import keras

from experiments.config import SMOKE, check_at_least, check_positive
from experiments.config import Config as BaseConfig
from experiments.runner import Runner
from experiments.training import evaluate
from experiments.trial import Trial
from kdsuite import distill, models

STUDY = "cifar-transfer"
EXTRA_COLUMNS = ("network_image_size", "train_accuracy", "test_accuracy_imagenet_statistics")
PROFILES = {
    "smoke": SMOKE
    | {"data": "synthetic", "alpha": 0.25, "imagenet": False, "sizes": (32, 64), "epochs": 1, "seeds": (0,)},
    "quick": {"train_size": 500, "test_size": 500, "sizes": (32, 96), "epochs": 4, "results": Path("results/quick")},
    "paper": {},
}


@dataclass(frozen=True)
class Config(BaseConfig):
    data: str = "cifar10"
    """A TFDS name, or a folder of images with one sub-folder a class."""
    train_size: int | None = 1500
    """Training images."""
    validation_size: int | None = 500
    """Validation images."""
    test_size: int | None = 1000
    """Test images."""
    sizes: tuple[int, ...] = (32, 96, 224)
    """Sizes to which the network upscales the 32 × 32 images."""
    alpha: float = 1.0
    """MobileNet's width multiplier: 0.25, 0.5, 0.75 or 1."""
    imagenet: bool = True
    """Start from ImageNet weights."""
    batch_size: int = 32
    """Images a step."""
    epochs: int = 8
    """Epochs of the whole network."""
    learning_rate: float = 3e-4
    """Of Adam."""

    def check(self) -> None:
        super().check()
        check_at_least(1, batch_size=self.batch_size, epochs=self.epochs)
        check_at_least(32, network_image_size=min(self.sizes))
        check_positive(learning_rate=self.learning_rate)


@dataclass(frozen=True, kw_only=True)
class TransferTrial(Trial):
    """The whole network retrained; `size` is what it upscales its images to."""

    size: int
    alpha: float
    imagenet: bool
    recalibrated = True
    tested_uncalibrated = True

    def columns(self) -> dict:
        return super().columns() | {"network_image_size": self.size}


def trials(config: Config) -> list[Trial]:
    """A network for each seed and size."""
    return [
        TransferTrial(
            study=STUDY,
            method="plain",
            network=f"mobilenet_{config.alpha:g}",
            seed=seed,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            size=size,
            alpha=config.alpha,
            imagenet=config.imagenet,
        )
        for seed in config.seeds
        for size in config.sizes
    ]


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figure."""
    config.check()
    dataset = config.load(image_size=32, channels=3)

    def build(trial: TransferTrial, parent=None) -> keras.Model:
        return models.mobilenet(
            classes=len(dataset.class_names),
            alpha=trial.alpha,
            image_size=32,
            upscaled_to=trial.size,
            imagenet=trial.imagenet,
            name=trial.network,
        )

    def details(trial: TransferTrial, parent, distiller, history: list[dict]) -> dict:
        own = distill.moving_statistics(distiller.student)
        distill.set_moving_statistics(distiller.student, distill.moving_statistics(build(trial)))
        accuracy = evaluate(distiller, dataset.test)["accuracy"]
        distill.set_moving_statistics(distiller.student, own)
        return {"train_accuracy": history[-1]["accuracy"], "test_accuracy_imagenet_statistics": accuracy}

    runner = Runner(STUDY, config, dataset, build, details=details, extra_columns=EXTRA_COLUMNS)
    runner.run_and_publish(trials(config))
