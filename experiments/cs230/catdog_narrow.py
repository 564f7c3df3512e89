"""Study 1 (CS230) §4–5, Dogs vs. Cats, once more with another teacher: do its findings hold beyond one network?

    make catdog-narrow ARGS="--profile full"        (python -m experiments catdog-narrow --profile full)

catdog-mobilenet with a MobileNet of width 0.25 instead of 0.75, an eighth of the multiply-adds at equal size, on
images of 224 × 224 instead of 160 × 160: the same cuts, seeds and epochs, its own optimiser, without random weights and
λ-sweep. 1.5 to 5 hours on 2 cores with 9 seeds.
"""

from experiments.cs230.catdog_config import NarrowConfig
from experiments.cs230.catdog_mobilenet import Layers


class NarrowLayers(Layers):
    """Accuracy of students that lost layers, cut from a narrow teacher."""

    config: NarrowConfig
