"""What study 1's MNIST experiments share: the data, the convolutional teacher and its student."""

from functools import cached_property
from typing import Any

import keras

from experiments.cs230.config import CnnConfig, MnistConfig
from experiments.engine.errors import UsageError
from experiments.engine.networks import Networks, load_model
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from kdsuite import distill, models
from kdsuite.data import Dataset

IMAGE_SIZE, CHANNELS = 28, 1
TEACHER_SEED = 0
BUILDERS = {
    "mlp_10_10": lambda **shape: models.mlp((10, 10), **shape),
    "mlp_10": lambda **shape: models.mlp((10,), **shape),
    "mnist_cnn_32_64": lambda **shape: models.mnist_cnn((32, 64), **shape),
    "mnist_cnn_32": lambda **shape: models.mnist_cnn((32,), **shape),
}


class MnistStudy(Study):
    """Networks of `BUILDERS` on 28 × 28 grey images."""

    config: MnistConfig

    @cached_property
    def dataset(self) -> Dataset:
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        shape = self.dataset.train.images.shape[1:]
        return BUILDERS[trial.network](classes=len(self.dataset.class_names), input_shape=shape)

    def training(self, seed: int, epochs: int, batch_size: int | None = None) -> dict[str, Any]:
        """The fields that say how a network is trained."""
        return {
            "seed": seed,
            "epochs": epochs,
            "batch_size": batch_size or self.config.batch_size,
            "learning_rate": self.config.learning_rate,
            "precision": self.config.precision,
        }


class CnnStudy(MnistStudy):
    """Students without the second convolution of one teacher, the network of the Keras example or the user's own."""

    config: CnnConfig

    @cached_property
    def user_teacher(self) -> keras.Model:
        """The user's network, which fits the data."""
        path = self.config.teacher_file
        assert path is not None
        model = load_model(path)
        shape = self.dataset.train.images.shape[1:]
        if model.input_shape[1:] != shape:
            raise UsageError(f"{path} takes {model.input_shape[1:]} images: expected {shape}")
        distill.check_same_outputs(model.output_shape, (None, len(self.dataset.class_names)))
        return model

    def setting(self) -> dict:
        return self.config.setting() | {"teacher_file": self.teacher().network if self.config.teacher_file else None}

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        return super().build(trial, networks) if trial.epochs else self.user_teacher

    def teacher(self) -> Trial:
        """One teacher for all seeds."""
        settings = self.training(TEACHER_SEED, self.config.teacher_epochs)
        if self.config.teacher_file is None:
            return Trial(method="teacher", network="mnist_cnn_32_64", **settings)
        fingerprint = distill.model_fingerprint(self.user_teacher)[:12]
        name = f"{self.config.teacher_file.name}@{fingerprint}"
        return Trial(method="teacher", network=name, **dict(settings, epochs=0, precision="float32"))

    def student(self, seed: int, lambda_: float, batch_size: int | None = None) -> Trial:
        """A student; λ = 0 is the plain one."""
        return Trial(
            method="kd" if lambda_ else "plain",
            network="mnist_cnn_32",
            lambda_=lambda_,
            temperature=self.config.temperature if lambda_ else None,
            teacher=self.teacher() if lambda_ else None,
            **self.training(seed, self.config.epochs, batch_size),
        )
