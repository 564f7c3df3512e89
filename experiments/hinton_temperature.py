"""Study 2, Table 2: temperature by width of the student.

    make hinton-temperature        (python -m experiments hinton-temperature [--protocol reproduction])

Claims: Hinton 2015 §3: with 300 or more units a layer all T above 8 do alike; with 30, T from 2.5 to 4 is best. The
reproduction: 300 units at T = 8, 125 errors; 30 units, 236 at T = 20 and 222 at T = 2.5. One teacher (seed 0 of
hinton-mnist), students vary by seed.

Found (3 seeds, mean ± 95%), original protocol: 800 units 88.3 ± 12.8 errors at T = 1, 69.3 ± 8.0 at 8, 72.0 ± 5.0 at
20; 300 units 108.0 ± 19.4, 89.3 ± 10.3, 90.3 ± 13.7; 30 units 364.7 ± 92.6 at T = 1, 385.7 ± 34.8 at 2.5, 442.0 ± 0.0
at 20. The reproduction's (2 seeds): 300 units at T = 8, 132.0 ± 63.5; 30 units at T = 20, 273.0 ± 139.8, at 4, 217.5 ±
44.5, at 2.5, 259.5 ± 108.0.
"""

from dataclasses import dataclass

from experiments import hinton
from experiments.config import check_at_least
from experiments.hinton import HintonConfig, HintonTrial
from kdsuite import distill

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
