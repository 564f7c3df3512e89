"""How study 5's networks are trained. Imports no TensorFlow."""

from dataclasses import dataclass, replace
from typing import Literal

from experiments.engine.trial import Precision

RecipeName = Literal["fast", "adam"]


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        optimizer, schedule: keys of `engine.optimizers`.
        batch_size: images a step.
        learning_rate: at its highest.
        label_smoothing: ε of the targets that labels alone give.
        shift: largest shift of an image in pixels, or None.
        flip: whether every second epoch shows an image mirrored ("alternating"), a random half of them ("random"), or
            none.
        precision: of the layers' computations in training.
    """

    optimizer: str
    schedule: str
    batch_size: int
    learning_rate: float
    label_smoothing: float = 0.0
    shift: int | None = None
    flip: Literal["alternating", "random"] | None = None
    precision: Precision = "float32"


# Jordan 2024 (arXiv 2404.00498): its code's rate, in its units, and its augmentation.
FAST = Recipe("fast_sgd", "triangle", 512, 11.5, label_smoothing=0.2, shift=2, flip="alternating", precision="bfloat16")
# Of other networks: airbench scales its logits by 1/9, and so the gradients of all weights. At airbench's rate a
# ResNet-20 stays at chance.
FAST_UNSCALED = replace(FAST, learning_rate=FAST.learning_rate / 9)
ADAM = Recipe("adam", "cosine", 64, 1e-3)
# Of networks that start from ImageNet. With flips alone, 4 epochs overfit; shifts are added against that.
TRANSFER = Recipe("adam", "cosine", 64, 1e-3, shift=2, flip="random")
RECIPES: dict[str, Recipe] = {"fast": FAST, "adam": ADAM}
