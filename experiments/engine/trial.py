"""A trial: everything that determines one trained network, as plain data. Imports no TensorFlow."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Literal

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Settings of one network to train; a study that varies more adds fields in a subclass.

    Attributes:
        method: "teacher", "plain" (no teacher), "kd", or the study's own word.
        network: name of the builder's result, or of a model given by the user.
        seed: of the initial weights, the batches and all random choices.
        epochs: passes over the training split; 0 for a model that is used as it is.
        batch_size: images a step.
        learning_rate: at the start.
        optimizer, schedule: keys of `engine.optimizers`.
        lambda_, temperature: of the distillation loss; None where there is no such term.
        teacher: the trial that trained the teacher.
        parent: the trial that trained the network this one is cut from.
        recalibrate: compute batch-norm statistics anew from the training split before the test.
        test_stale_batch_norm: test before that too.
        evaluate_every_epoch: evaluate each epoch with recalibrated statistics too.
        metrics: what is measured beside the loss.
        precision: of the layers' computations in training (`models.fast_copy`); what is measured computes in float32.
    """

    # Raised by one when the code that trains this class of trials changes what comes out.
    RECIPE: ClassVar[int] = 1

    method: str
    network: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str = "adam"
    schedule: str = "constant"
    lambda_: float | None = None
    temperature: float | None = None
    teacher: "Trial | None" = None
    parent: "Trial | None" = None
    recalibrate: bool = False
    test_stale_batch_norm: bool = False
    evaluate_every_epoch: bool = False
    metrics: tuple[str, ...] = ("accuracy",)
    precision: Precision = "float32"

    @property
    def teachers(self) -> "tuple[tuple[float, Trial], ...]":
        """(weight, trial) of each teacher; weights add up to 1."""
        return ((1.0, self.teacher),) if self.teacher is not None else ()

    @property
    def needs(self) -> "tuple[Trial, ...]":
        """Trials whose networks this one is built from or learns from."""
        parents = (self.parent,) if self.parent is not None else ()
        return tuple(dict.fromkeys([*parents, *(teacher for _, teacher in self.teachers)]))

    @property
    def role(self) -> str:
        """What the network is in its experiment: "teacher" or "student", or the study's own word."""
        return "teacher" if self.method == "teacher" else "student"

    @property
    def series(self) -> str:
        """What line of a figure the network belongs to."""
        return {"plain": "labels alone", "kd": "distilled"}.get(self.method, self.method)

    @property
    def save_network(self) -> bool:
        """Whether the trained network is kept in the cache, for other trials to learn from."""
        return self.role == "teacher"

    def key(self, fingerprint_of: "Callable[[Trial], str]") -> str:
        """Gives the trial's identity: 12 hex digits of its class, recipe, settings, data and teachers.

        Args:
            fingerprint_of: trial → fingerprint of the splits it trains, validates and tests on.
        """
        settings = {field.name: _plain(getattr(self, field.name), fingerprint_of) for field in fields(self)}
        described = [type(self).__name__, self.RECIPE, settings, fingerprint_of(self)]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]

    def columns(self) -> dict[str, Any]:
        """Gives the settings under the names of a result row."""
        is_teacher = self.role == "teacher"
        teachers = dict.fromkeys(teacher.network for _, teacher in self.teachers)
        return {
            "role": self.role,
            "series": self.series,
            "seed": self.seed,
            "method": self.method,
            "teacher": self.network if is_teacher else " ".join(teachers) or None,
            "student": None if is_teacher else self.network,
            "lambda": self.lambda_,
            "temperature": self.temperature,
            "batch_size": self.batch_size if self.epochs else None,
            "epochs": self.epochs or None,
            "learning_rate": self.learning_rate if self.epochs else None,
            "precision": self.precision,
            "recalibrated": self.recalibrate or None,
        }

    def __str__(self) -> str:
        settings = {"λ": self.lambda_, "T": self.temperature, "batch": self.batch_size, "seed": self.seed}
        words = [f"{name}={value}" for name, value in settings.items() if value is not None]
        return " ".join([self.method, self.network, *words])


def _plain(value: Any, fingerprint_of: Callable[[Trial], str]) -> Any:
    """Gives a field as plain data that differs whenever the field does."""
    if isinstance(value, Trial):
        return value.key(fingerprint_of)
    if is_dataclass(value) and not isinstance(value, type):
        described = {field.name: _plain(getattr(value, field.name), fingerprint_of) for field in fields(value)}
        return {"class": type(value).__name__, **described}
    if isinstance(value, tuple | list):
        return [_plain(part, fingerprint_of) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{value!r} cannot be part of a trial: expected numbers, words, tuples or dataclasses of these")
