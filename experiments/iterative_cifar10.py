"""Study 3 on CIFAR-10: iterative distillation of VGG-16, the four shapes of families.

    make iterative-cifar10        (python -m experiments iterative-cifar10 --profile quick)

As iterative-mnist, on CIFAR-10; `paper` is the full set, and families of `quick` end 10 points below VGG-16.

Found (`quick`, 3 families, mean ± 95%, 36 minutes on 2 cores): all shapes beat networks without a parent, by 2.2 to 2.6
points; none is seen to beat those that VGG-16 taught directly (+0.2 to +0.4, intervals hold 0). A network of three
blocks has 88% less memory than VGG-16 and 0.91 [-0.41, +2.23] points more accuracy.
"""

from dataclasses import dataclass

from experiments import iterative
from experiments.iterative import IterativeConfig

STUDY = "iterative-cifar10"
PROFILES = {"smoke": iterative.SMOKE, "quick": iterative.QUICK | {"max_drop": 0.1}, "paper": {}}


@dataclass(frozen=True)
class Config(IterativeConfig):
    data: str = "cifar10"
    """A TFDS name, or a folder of images with one sub-folder a class."""


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figures."""
    iterative.run(STUDY, config, image_size=32, channels=3)
