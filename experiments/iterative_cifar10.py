"""Study 3 on CIFAR-10: iterative distillation of VGG-16, the four shapes of families.

    make iterative-cifar10        (python -m experiments iterative-cifar10 --profile quick)

As iterative-mnist, on CIFAR-10; `paper` is the full set. Not measured yet.
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
