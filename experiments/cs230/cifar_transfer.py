"""Study 1 (CS230) §3–5: MobileNet transferred to CIFAR-10, the paper's failure and its cause.

    make cifar-transfer        (python -m experiments cifar-transfer)

Claim: retraining the whole network gives > 90% on train and < 20% on test, "most likely" because CIFAR's images are
small. Here the same transfer runs on images as they are (32) and upscaled to 96 and 224, and each trained network is
tested three times: with ImageNet's batch-norm statistics (what Keras of early 2018 evaluated where batch norm was
frozen: training used the batch's statistics all the same), with the moving averages that training left, and with
statistics recalibrated on the training images. If size is the cause, 224 mends it; if statistics are, recalibration
does. Networks of all sizes see 1,500 images for 8 epochs; at 96 × 96 another sees the 49,500 that validation leaves,
nearly the paper's number, for 4. MobileNets of width 0.75. Two to three hours on 2 cores, the most of it for the 49,500
images; profile quick takes 3 minutes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras

from experiments.cs230.config import TransferConfig
from experiments.engine.networks import Networks
from experiments.engine.study import Details, Study
from experiments.engine.training import evaluate
from experiments.engine.trial import Trial
from kdsuite import distill, models
from kdsuite.data import Dataset

IMAGE_SIZE, CHANNELS = 32, 3


@dataclass(frozen=True, kw_only=True)
class TransferTrial(Trial):
    """The whole network retrained.

    Attributes:
        size: height and width to which the network upscales its images.
        images: "few" or "all" training images.
        alpha: MobileNet's width multiplier.
        imagenet: whether it starts from ImageNet weights.
    """

    size: int
    images: str
    alpha: float
    imagenet: bool
    recalibrate: bool = True
    test_stale_batch_norm: bool = True

    def columns(self) -> dict[str, Any]:
        return super().columns() | {"network_image_size": self.size, "images": self.images}

    def __str__(self) -> str:
        return f"{super().__str__()} at {self.size} × {self.size}, {self.images} images"


class Transfer(Study):
    """A network for each seed and size, each tested with three kinds of batch-norm statistics."""

    COLUMNS = ("network_image_size", "images", "train_accuracy", "test_accuracy_imagenet_statistics")
    READ = (*Study.READ, "whole")
    config: TransferConfig

    @cached_property
    def dataset(self) -> Dataset:
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    @cached_property
    def whole(self) -> Dataset:
        """The same validation and test images, and all others to train on."""
        return self.config.load(train_size=None, image_size=IMAGE_SIZE, channels=CHANNELS)

    def data(self, trial: TransferTrial) -> Dataset:
        return self.whole if trial.images == "all" else self.dataset

    def trials(self) -> list[Trial]:
        """For each seed a network of few images a size, then one of all images."""
        return [
            *(self.network(seed, size, "few") for seed in self.config.seeds for size in self.config.sizes),
            *(self.network(seed, size, "all") for seed in self.config.seeds for size in self.config.whole_sizes),
        ]

    def network(self, seed: int, size: int, images: str) -> TransferTrial:
        """A network that upscales its images to a size."""
        return TransferTrial(
            method="plain",
            network=f"mobilenet_{self.config.alpha:g}",
            seed=seed,
            epochs=self.config.whole_epochs if images == "all" else self.config.epochs,
            batch_size=self.config.batch_size,
            learning_rate=self.config.learning_rate,
            precision=self.config.precision,
            size=size,
            images=images,
            alpha=self.config.alpha,
            imagenet=self.config.imagenet,
        )

    def build(self, trial: TransferTrial, networks: Networks) -> keras.Model:
        return models.mobilenet(
            classes=len(self.dataset.class_names),
            alpha=trial.alpha,
            image_size=IMAGE_SIZE,
            upscaled_to=trial.size,
            imagenet=trial.imagenet,
            name=trial.network,
        )

    def details(self, trial: TransferTrial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        recalibrated = distill.moving_statistics(distiller.student)
        imagenet = distill.moving_statistics(self.build(trial, networks))
        distill.set_moving_statistics(distiller.student, imagenet)
        accuracy = evaluate(distiller, self.dataset.test)["accuracy"]
        distill.set_moving_statistics(distiller.student, recalibrated)
        return Details(
            {"train_accuracy": history[-1]["accuracy"], "test_accuracy_imagenet_statistics": accuracy},
        )
