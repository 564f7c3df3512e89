"""Study 3 (iterative distillation) §4, CIFAR-10: how small a network can families of distilled VGGs reach?

    make iterative-cifar10        (python -m experiments iterative-cifar10 --profile quick|full|paper)

As iterative-mnist, on CIFAR-10. `quick` takes about 12 minutes on 2 cores. `full` has 5,000 images, shown as they are
or mirrored, first parents of a quarter of the width and 20 epochs, and 10 epochs for all others; families go on down to
10 points below their first parent: 45 to 90 minutes for 3 seeds, one after the other. `paper` has the whole width, all
images and 30 epochs: about 60 hours a seed.
"""

from experiments.iterative.families import FamilyStudy


class Cifar10(FamilyStudy):
    """Families on 32 × 32 colour images."""

    IMAGE_SIZE, CHANNELS = 32, 3
