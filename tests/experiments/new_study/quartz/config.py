"""Options of the study of the tests."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from experiments.engine.config import COUNT, RATE, Axis, Config, Distinct


@dataclass(frozen=True)
class QuartzConfig(Config):
    data: str = "synthetic"
    """TFDS name, or folder of images with one sub-folder a class."""
    widths: Annotated[tuple[int, ...], COUNT, Distinct(), Axis()] = (1, 8)
    """Units of the hidden layer."""
    epochs: Annotated[int, COUNT] = 2
    """Epochs of each network."""
    batch_size: Annotated[int, COUNT] = 20
    """Images a step."""
    learning_rate: Annotated[float, RATE] = 1e-2
    """Adam's learning rate."""

    PROFILES: ClassVar[dict] = {"smoke": {"seeds": (0, 1), "epochs": 1}, "quick": {}, "full": {}}
