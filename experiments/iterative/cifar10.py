"""Study 3 (iterative distillation) §4, CIFAR-10: how small a network can families of distilled VGGs reach?

    make iterative-cifar10        (python -m experiments iterative-cifar10)

As iterative-mnist, on CIFAR-10; a family ends when its best child falls 10 points below its first parent on validation.
"""

from experiments.iterative.families import FamilyStudy


class Cifar10(FamilyStudy):
    """Families on 32 × 32 colour images."""

    IMAGE_SIZE, CHANNELS = 32, 3
