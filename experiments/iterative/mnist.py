"""Study 3 (iterative distillation) §4, MNIST: how small a network can families of distilled VGGs reach?

    make iterative-mnist        (python -m experiments iterative-mnist --profile quick|full|paper)

The paper leaves its results blank: memory saved and accuracy lost by distilling generation after generation. VGG-16 and
VGG-19 are first parents; children have a block less or half the width, and learn from their parent, or from all their
ancestors, by the divergence, the labels and a hint. A family ends when its best child falls 5 points (in `quick` 10)
below its first parent on validation. The same architectures without a teacher, and taught by VGG-16 directly, are
trained too.

`quick` takes about 10 minutes on 2 cores and shows families of one child on 2,000 images. `full` has 5,000 images,
first parents a seed of a quarter of the width and 15 epochs, and 6 epochs for all others: 25 to 45 minutes for 3 seeds,
one after the other, so that a run that is stopped has whole families of the seeds it came to.
`paper` has the whole width, all images and 30 epochs: about 60 hours a seed.
"""

from experiments.iterative.families import FamilyStudy


class Mnist(FamilyStudy):
    """Families on 28 × 28 grey images."""

    IMAGE_SIZE, CHANNELS = 28, 1
