"""Study 2, Table 2: temperature by width of the student.

    make hinton-temperature        (python -m experiments hinton-temperature [--protocol reproduction])

Claims: Hinton 2015 §3: with 300 or more units a layer all T above 8 do alike; with 30, T from 2.5 to 4 is best. The
reproduction: 300 units at T = 8, 125 errors; 30 units, 236 at T = 20 and 222 at T = 2.5. One teacher (seed 0 of
hinton-mnist), students vary by seed.

Measured so far: seed 0 of the original protocol.
"""

from dataclasses import dataclass

import distill
from experiments import hinton
from experiments.config import check_at_least
from experiments.hinton import HintonConfig, HintonTrial

STUDY = "hinton-temperature"
PROFILES = {
    "smoke": hinton.SMOKE | {"units": (20,), "temperatures": (2.5, 20.0)},
    "quick": hinton.QUICK | {"units": (300, 30), "temperatures": (1.0, 2.5, 8.0, 20.0)},
    "paper": {},
}


@dataclass(frozen=True)
class Config(HintonConfig):
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the students."""
    epochs: int | None = 25
    """Epochs of the students."""
    units: tuple[int, ...] = (800, 300, 30)
    """Units in each of the two hidden layers."""
    temperatures: tuple[float, ...] = (1.0, 2.5, 4.0, 8.0, 20.0)
    """Temperatures T."""

    def check(self) -> None:
        super().check()
        check_at_least(1, units=min(self.units))
        for temperature in self.temperatures:
            distill.check_temperature(temperature)


def trials(config: Config) -> list[HintonTrial]:
    """The teacher, then a student for each seed, width and temperature."""
    teacher = hinton.teacher(config)
    return [teacher] + [
        hinton.distilled(config, STUDY, seed, teacher, (units, units), temperature=temperature)
        for seed in config.seeds
        for units in config.units
        for temperature in config.temperatures
    ]


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figure."""
    config.check()
    hinton.run(STUDY, config, trials(config))
