"""The parameters that all studies share; a study's own `Config` adds its grid."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.errors import UsageError
from kdsuite import distill
from kdsuite.data import Dataset
from kdsuite.data import load as load_dataset

Profile = Literal["smoke", "quick", "paper"]


@dataclass(frozen=True)
class Config:
    profile: Profile = "paper"
    """Size of the run: smoke takes seconds, quick minutes, paper has the study's own sizes and epochs."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds; each one repeats the whole grid."""
    data: str = "mnist"
    """A TFDS name, or a folder of images with one sub-folder a class."""
    train_size: int | None = None
    """Training images; by default all that validation and test leave."""
    validation_size: int | None = None
    """Validation images, taken from the training part; by default a tenth, at most 5,000."""
    test_size: int | None = None
    """Test images; by default the whole test part, or a fifth where the data set has none."""
    split_seed: int = 0
    """Seed of the cut into train, validation and test."""
    results: Path = Path("results")
    """Folder of the CSV files and figures."""
    cache: Path = Path(".cache")
    """Folder of decoded data, trained networks, teacher outputs and unfinished trials."""
    save_best: Path | None = None
    """Also save the student of best validation accuracy to this .keras file (trained again where it was not kept)."""
    dry_run: bool = False
    """List the trials and which of them are done; train nothing."""

    def check(self) -> None:
        """Raises UsageError for a value out of range."""
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UsageError(f"seeds {self.seeds}: expected one or more different numbers")
        if self.save_best is not None and self.save_best.suffix != ".keras":
            raise UsageError(f"save best {self.save_best}: expected the name of a .keras file")

    def load(self, **settings) -> Dataset:
        """The data set with these parameters; `settings` of `data.load` add to them or take their place."""
        own = {
            "train_size": self.train_size,
            "validation_size": self.validation_size,
            "test_size": self.test_size,
            "seed": self.split_seed,
            "cache": self.cache,
        }
        return load_dataset(self.data, **own | settings)


@dataclass(frozen=True)
class SoftTargetConfig(Config):
    lambda_: Annotated[float, tyro.conf.arg(name="lambda")] = 0.5
    """Weight λ of the soft targets, against 1 − λ of the labels."""
    temperature: float = 4.0
    """Temperature T of the soft targets."""

    def check(self) -> None:
        super().check()
        distill.check_lambda(self.lambda_)
        distill.check_temperature(self.temperature)


@dataclass(frozen=True)
class CosineConfig(Config):
    batch_size: int = 64
    """Images a step."""
    learning_rate: float = 1e-3
    """Of Adam, falling to 0 along a cosine."""

    def check(self) -> None:
        super().check()
        check_at_least(1, batch_size=self.batch_size)
        check_positive(learning_rate=self.learning_rate)


SMOKE = {
    "seeds": (0, 1),
    "train_size": 200,
    "validation_size": 100,
    "test_size": 100,
    "results": Path(".cache/smoke"),
}


def with_profile(config_type: type[Config], profiles: dict[str, dict], profile: str) -> Config:
    """The study's defaults under a profile."""
    return replace(config_type(), profile=profile, **profiles[profile])


def check_at_least(minimum: int, **values: int) -> None:
    """Raises UsageError unless each named value reaches the minimum."""
    for name, value in values.items():
        if value < minimum:
            raise UsageError(f"{name.replace('_', ' ')} {value}: expected {minimum} or more")


def check_positive(**values: float) -> None:
    """Raises UsageError unless each named value is above 0."""
    for name, value in values.items():
        if not value > 0:
            raise UsageError(f"{name.replace('_', ' ')} {value}: expected a number above 0")
