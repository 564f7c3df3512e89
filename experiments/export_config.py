"""Options of the export. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from experiments.engine.config import COUNT, Config
from experiments.engine.errors import UsageError

Format = Literal["keras", "litert-float32", "litert-float16", "litert-int8", "onnx"]
FORMATS: tuple[Format, ...] = ("keras", "litert-float32", "litert-float16", "litert-int8", "onnx")


@dataclass(frozen=True)
class ExportConfig(Config):
    model: Annotated[Path | None, tyro.conf.arg(help_behavior_hint="(required)")] = None
    """A .keras file of a network from images, pixels 0 to 255, to logits."""
    study: str = ""
    """Name of the experiment the network comes from, for its rows."""
    formats: tuple[Format, ...] = FORMATS
    """What to write and measure."""
    calibration_size: Annotated[int, COUNT] = 100
    """Number of training images that int8 is calibrated on."""
    timings: Annotated[int, COUNT] = 200
    """Number of single images timed in each format."""

    PROFILES: ClassVar[dict] = {"smoke": {"train_size": 100, "validation_size": 50, "test_size": 50}, "full": {}}

    def check(self) -> None:
        super().check()
        if self.model is None:
            raise UsageError("no model: give --model PATH of a .keras file (make export MODEL=PATH)")
