"""Options of study 2's experiments. Imports no TensorFlow."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import tyro

from experiments.engine.config import COUNT, SEED, TEMPERATURE, WEIGHT, Axis, Distinct, Handling, PrecisionConfig
from experiments.hinton.protocols import PROTOCOLS, Protocol, Recipes

SMOKE = {
    "seeds": (0, 1),
    "train_size": 300,
    "validation_size": 100,
    "test_size": 100,
    "teacher_epochs": 1,
    "epochs": 1,
}
QUICK = {"seeds": (0, 1, 2), "teacher_epochs": 10, "epochs": 5}


@dataclass(frozen=True)
class HintonConfig(PrecisionConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2, 3, 4)
    """Seeds of the students; in hinton-mnist each has a teacher of its own."""
    protocol: Protocol = "original"
    """Hinton's, with dropout and max-norm, or that of the reproduction, with weight decay and horizontal jitter."""
    teacher_epochs: Annotated[int | None, COUNT] = None
    """Epochs of teachers; the protocol gives the default."""
    epochs: Annotated[int | None, COUNT] = None
    """Epochs of students; the protocol gives the default."""
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda"), WEIGHT] = None
    """Weight λ of the soft targets; the protocol gives the default."""

    @property
    def recipes(self) -> Recipes:
        """The protocol, with the options that replace parts of it."""
        protocol = PROTOCOLS[self.protocol]
        return replace(
            protocol,
            teacher=replace(protocol.teacher, epochs=self.teacher_epochs or protocol.teacher.epochs),
            plain=replace(protocol.plain, epochs=self.epochs or protocol.plain.epochs),
            distilled=replace(protocol.distilled, epochs=self.epochs or protocol.distilled.epochs),
            lambda_=protocol.lambda_ if self.lambda_ is None else self.lambda_,
        )


@dataclass(frozen=True)
class AblationConfig(HintonConfig):
    temperature: Annotated[float | None, TEMPERATURE] = None
    """Temperature T of the soft targets; the protocol gives the default."""
    ablation: Annotated[tuple[int, ...], SEED, Distinct(empty=True), Axis()] = ()
    """Seeds that also train distilled students without views, with plain SGD, and with a third of the epochs."""

    PROFILES: ClassVar[dict[str, dict]] = {"smoke": SMOKE, "quick": QUICK, "full": {"ablation": (0, 1, 2)}, "paper": {}}

    @property
    def recipes(self) -> Recipes:
        protocol = super().recipes
        return protocol if self.temperature is None else replace(protocol, temperature=self.temperature)


@dataclass(frozen=True)
class TemperatureConfig(HintonConfig):
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2)
    """Seeds of the students, which all have the teacher of seed 0."""
    epochs: Annotated[int, COUNT] = 25
    """Epochs of the students."""
    units: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (800, 300, 30)
    """Units in each of the two hidden layers."""
    temperatures: Annotated[tuple[float, ...], TEMPERATURE, Distinct(), Axis()] = (1.0, 2.5, 4.0, 8.0, 20.0)
    """Temperatures T of the soft targets."""

    PROFILES: ClassVar[dict[str, dict]] = {
        "smoke": SMOKE | {"units": (20,), "temperatures": (2.5, 20.0)},
        "quick": QUICK | {"units": (300, 30), "temperatures": (1.0, 2.5, 8.0, 20.0)},
        "full": {},
        "paper": {},
    }
