"""Study 3 on MNIST: iterative distillation of VGG-16, the four shapes of families.

    make iterative-mnist        (python -m experiments iterative-mnist --profile quick)

The paper leaves its results blank: memory saved and accuracy lost by distilling generation after generation. VGG-16 and
VGG-19 are first parents; children have a block less or half the width, and learn from their parent, or from all their
ancestors, by the divergence, the labels and a hint. A family ends when its best child falls 5 points below VGG-16 on
validation. The same architectures without a parent, and taught by VGG-16 directly, are rows too. `quick` takes 2,000
training, 1,000 validation and 2,500 test images, first parents of a quarter of the width and 10 epochs, and 6 epochs
for all others.

Found (`quick`, 3 families, mean ± 95%, 33 minutes on 2 cores): the smallest network within 2 points of VGG-16 on
validation has three blocks, 88% less memory and 0.31 [-0.76, +1.37] points less accuracy. Families of one child beat
the same networks without a parent (+1.5 and +1.7 points), and not those that VGG-16 taught directly
(-0.25 [-0.85, +0.35] and +0.01 [-0.59, +0.60]).
"""

from dataclasses import dataclass

from experiments import iterative
from experiments.iterative import IterativeConfig

STUDY = "iterative-mnist"
PROFILES = {"smoke": iterative.SMOKE, "quick": iterative.QUICK, "paper": {}}


@dataclass(frozen=True)
class Config(IterativeConfig):
    data: str = "mnist"
    """A TFDS name, or a folder of images with one sub-folder a class."""


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figures."""
    iterative.run(STUDY, config, image_size=28, channels=1)
