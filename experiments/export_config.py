"""Options of the export. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.engine.config import COUNT, DataConfig
from experiments.engine.errors import UsageError
from experiments.engine.ranges import SEED, Between, Distinct

Format = Literal["keras", "litert-float32", "litert-float16", "litert-int8", "onnx", "openvino"]
FORMATS: tuple[Format, ...] = ("keras", "litert-float32", "litert-float16", "litert-int8", "onnx")
REQUIRED = tyro.conf.arg(help_behavior_hint="(required)")


@dataclass(frozen=True)
class ExportConfig(DataConfig):
    model: Annotated[Path | None, REQUIRED] = None
    """A .keras file of a network from images, pixels 0 to 255, to logits."""
    data: Annotated[str, REQUIRED] = ""
    """TFDS name, or folder of images with one sub-folder a class, that the network was trained on."""
    split_seed: Annotated[int | None, SEED] = None
    """Seed of the split; like sizes left out by default what the network's file says it was trained with, else 0."""
    results: Path = Path("results")
    """Folder of the rows; the files go to export/ in it, one sub-folder a model, data set and calibration."""
    study: str = ""
    """Name of the experiment the network comes from, for its rows."""
    formats: Annotated[tuple[Format, ...], Distinct()] = FORMATS
    """What to write and measure."""
    calibration_size: Annotated[int | None, COUNT] = None
    """Number of training images that int8 is calibrated on; by default 100."""
    timings: Annotated[int, COUNT] = 200
    """Number of single images timed in each format."""
    threads: Annotated[int | None, Between(1, 256)] = None
    """How many threads compute while images are timed; by default one a core."""

    def check(self) -> None:
        if self.model is None:
            raise UsageError("no model: give --model PATH of a .keras file (make export MODEL=PATH)")
        if not self.data.strip():
            raise UsageError("no data: give --data NAME, or a folder, of what the network was trained on")
        super().check()
        if self.calibration_size is not None and "litert-int8" not in self.formats:
            raise UsageError(f"calibration size {self.calibration_size}: only litert-int8 is calibrated, leave it out")
