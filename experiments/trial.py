"""A trial: everything that determines one trained network."""

import hashlib
import json
from dataclasses import asdict, dataclass

import keras
import tensorflow as tf

from kdsuite import distill


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Settings of one network to train; a study that varies more adds fields in a subclass.

    Attributes:
        method: "teacher", "plain" (no teacher), "kd", or the study's own word.
        network: name of the builder's result, or the path of a model given by the user.
        teacher: the trial that trained the teacher.
        lambda_, temperature: of the distillation loss; None where there is no such term.
        epochs: 0 for a model that is used as it is.
        parent: the trial that trained the network this one is cut from, or None.
        recalibrated: whether batch-norm statistics are computed anew before the test.
        tested_uncalibrated: whether it is tested before that too.
        track: whether each epoch is evaluated recalibrated too.
        kept: whether the trained network is kept in the cache, for other trials to learn from.
        hints: terms of the loss that compare layers with those of the (first) teacher.
        metrics: what is measured beside the loss.
    """

    # Not fields: they would change the keys of trials that have none of them.
    parent = None
    recalibrated = False
    tested_uncalibrated = False
    track = False
    kept = False
    hints = ()
    metrics = ("accuracy",)

    study: str
    method: str
    seed: int
    network: str
    epochs: int
    batch_size: int
    learning_rate: float
    lambda_: float | None = None
    temperature: float | None = None
    teacher: "Trial | None" = None

    @property
    def teachers(self) -> "tuple[tuple[float, Trial], ...]":
        """(weight, trial) of each teacher; weights add up to 1."""
        return ((1.0, self.teacher),) if self.teacher is not None else ()

    def distiller(self, model: keras.Model, *, taught: bool) -> keras.Model:
        """The network within what trains it.

        Args:
            model: the student, or a teacher to be trained on labels.
            taught: whether batches will carry teacher outputs; otherwise it trains on labels only.
        """
        if not taught:
            return distill.Distiller(model, lambda_=0.0, temperature=1.0)
        return distill.Distiller(model, lambda_=self.lambda_, temperature=self.temperature, hints=self.hints)

    def prepared(self, batches: tf.data.Dataset, epoch: int) -> tf.data.Dataset:
        """The training batches of an epoch as the distiller is to have them."""
        return batches

    def optimizer(self, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        """A new optimizer of the trial's kind and learning rate."""
        return keras.optimizers.Adam(self.learning_rate)

    def key(self, data_fingerprint: str) -> str:
        """Identity of the trial: 12 hex digits of its settings (its teacher's included) and its data."""
        settings = json.dumps([asdict(self), data_fingerprint], sort_keys=True, default=str)
        return hashlib.sha256(settings.encode()).hexdigest()[:12]

    def columns(self) -> dict:
        """The settings under the names of a result row."""
        is_teacher = self.method == "teacher"
        return {
            "study": self.study,
            "seed": self.seed,
            "method": self.method,
            "teacher": self.network if is_teacher else self.teacher and self.teacher.network,
            "student": None if is_teacher else self.network,
            "lambda": self.lambda_,
            "temperature": self.temperature,
            "batch_size": self.batch_size if self.epochs else None,
            "epochs": self.epochs or None,
            "learning_rate": self.learning_rate if self.epochs else None,
        }

    def __str__(self) -> str:
        settings = {"λ": self.lambda_, "T": self.temperature, "batch": self.batch_size, "seed": self.seed}
        words = [f"{name}={value}" for name, value in settings.items() if value is not None]
        return " ".join([self.method, self.network, *words])


@dataclass(frozen=True, kw_only=True)
class CosineTrial(Trial):
    """A trial whose learning rate falls to 0 along a cosine."""

    def optimizer(self, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        decay = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.epochs * steps_per_epoch)
        return keras.optimizers.Adam(decay)
