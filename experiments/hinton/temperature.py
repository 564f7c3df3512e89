"""Study 2 (Hinton 2015 §3, Table 2 of the reproduction), MNIST: which temperature for which width of the student?

    make hinton-temperature        (python -m experiments hinton-temperature [--protocol reproduction])

Claims: Hinton: with 300 or more units a layer all T above 8 do alike; with 30, T from 2.5 to 4 is best. The
reproduction: 300 units at T = 8, 125 errors; 30 units, 236 at T = 20 and 222 at T = 2.5. One teacher, that of seed 0 of
hinton-mnist; students of 25 epochs vary by seed. Takes an hour on 2 cores with its teacher; the reference of the
reproduction's protocol is `--profile full --protocol reproduction`.
"""

from experiments.engine.trial import Trial
from experiments.hinton.config import TemperatureConfig
from experiments.hinton.networks import HintonStudy


class Temperatures(HintonStudy):
    """The teacher, then a student for each seed, width and temperature."""

    config: TemperatureConfig

    def trials(self) -> list[Trial]:
        teacher = self.teacher()
        students = [
            self.distilled(seed, teacher, units=(units, units), temperature=temperature)
            for seed in self.config.seeds
            for units in self.config.units
            for temperature in self.config.temperatures
        ]
        return [teacher, *students]
