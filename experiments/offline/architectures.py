"""Study 5's networks by name. Imports no TensorFlow."""

import re
from dataclasses import dataclass

from experiments.engine.errors import UsageError

# Family → what its numbers are, and an example.
FAMILIES = {
    "airbench": ("three widths", "airbench_24_64_64"),
    "cnn": ("convolutions, filters of the first, hidden dense layers", "cnn_3_32_1"),
    "resnet": ("layers", "resnet_20"),
    "vgg_small": ("none", "vgg_small"),
    "mobilenet": ("width multiplier", "mobilenet_0.75"),
    "resnet50": ("none", "resnet50"),
    "inception_v3": ("none", "inception_v3"),
}
PATTERNS = {
    "airbench": r"airbench_(\d+)_(\d+)_(\d+)",
    "cnn": r"cnn_(\d+)_(\d+)_(\d+)",
    "resnet": r"resnet_(\d+)",
    "mobilenet": r"mobilenet_(1|0\.75|0\.5|0\.25)",
}
PRETRAINED = frozenset({"mobilenet", "resnet50", "inception_v3"})


@dataclass(frozen=True)
class Architecture:
    """A network.

    Attributes:
        family: key of `FAMILIES`.
        numbers: what the family's name is followed by.
    """

    family: str
    numbers: tuple[float, ...] = ()

    @property
    def pretrained(self) -> bool:
        """Whether it may start from ImageNet weights, and so sees larger images."""
        return self.family in PRETRAINED


def parse(name: str) -> Architecture:
    """The architecture of a name.

    Raises:
        UsageError: it is not one of the families, or its numbers make no network.
    """
    for family in FAMILIES:
        match = re.fullmatch(PATTERNS.get(family, family), name)
        if match:
            architecture = Architecture(family, tuple(float(number) for number in match.groups()))
            if _exists(architecture):
                return architecture
    examples = ", ".join(example for _, example in FAMILIES.values())
    raise UsageError(f"network {name!r}: expected a name like {examples}")


def _exists(architecture: Architecture) -> bool:
    if architecture.family == "resnet":
        return architecture.numbers[0] >= 8 and architecture.numbers[0] % 6 == 2
    # Hidden dense layers may be none.
    return all(architecture.numbers[:2]) and (architecture.family == "cnn" or all(architecture.numbers))
