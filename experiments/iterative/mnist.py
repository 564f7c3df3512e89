"""Study 3 (iterative distillation) §4, MNIST: how small a network can families of distilled VGGs reach?

    make iterative-mnist        (python -m experiments iterative-mnist)

The paper leaves its results blank: memory saved and accuracy lost by distilling generation after generation. VGG-16 and
VGG-19 are first parents; children have a block less or half the width, and learn from their parent, or from all their
ancestors, by the divergence, the labels and a hint. A family ends when its best child falls 5 points below its first
parent on validation. The same architectures without a teacher, and taught by VGG-16 directly, are trained too. `full`
takes 2,000 training, 1,000 validation and 2,500 test images, first parents of a quarter of the width and 10 epochs, and
6 epochs for all others.
"""

from experiments.iterative.families import FamilyStudy


class Mnist(FamilyStudy):
    """Families on 28 × 28 grey images."""

    IMAGE_SIZE, CHANNELS = 28, 1
