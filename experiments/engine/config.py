"""The options that all experiments share; an experiment's own configuration adds its grid. Imports no TensorFlow."""

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import tyro

from experiments.engine.errors import UsageError
from experiments.engine.ranges import (
    COUNT,
    RATE,
    SEED,
    TEMPERATURE,
    WEIGHT,
    Axis,
    Between,
    Distinct,
    Handling,
    Unnamed,
    annotations,
    check_ranges,
)
from experiments.engine.trial import Precision
from kdsuite.compress.running import cores

Profile = Literal["smoke", "quick", "full", "paper"]
ADDRESS = r"auto|([\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}"
REFERENCE = Path("results/reference")


@dataclass(frozen=True)
class DataConfig:
    data: str = "mnist"
    """TFDS name, or folder of images with one sub-folder a class."""
    train_size: Annotated[int | None, COUNT] = None
    """Number of training images; by default all that validation and test leave."""
    validation_size: Annotated[int | None, COUNT] = None
    """Number of validation images, taken from the training part; by default a tenth, at most 5,000."""
    test_size: Annotated[int | None, COUNT] = None
    """Number of test images; by default the whole test part, or a fifth where the data set has none."""
    split_seed: Annotated[int, SEED] = 0
    """Seed of the split into train, validation and test."""
    cache: Annotated[Path, Handling()] = Path(".cache")
    """Folder of decoded data, trained networks, teacher outputs and unfinished trials."""

    def check(self) -> None:
        """Checks every option, before anything is read or trained.

        Raises:
            UsageError: a value is out of range, or two options do not go together.
        """
        check_ranges(self)
        if not self.data.strip():
            raise UsageError(f"data {self.data!r}: expected a TFDS name or a folder of images")

    def load(self, **settings):
        """Loads the data set with these options; `settings` of `kdsuite.data.load` add to them or take their place."""
        from kdsuite import data

        sizes = {
            "train_size": self.train_size,
            "validation_size": self.validation_size,
            "test_size": self.test_size,
            "seed": self.split_seed,
            "cache": self.cache,
        }
        return data.load(self.data, **sizes | settings)


@dataclass(frozen=True)
class Config(DataConfig):
    profile: Annotated[Profile, Handling()] = "full"
    """Size of the run: smoke takes seconds, quick minutes; full is the reference's size, paper the study's own."""
    seeds: Annotated[tuple[int, ...], SEED, Distinct(), Handling()] = (0, 1, 2)
    """Seeds; each one repeats the whole grid."""
    results: Annotated[Path, Handling()] = Path("results")
    """Folder of the rows and figures, with one sub-folder an experiment and setting."""
    workers: Annotated[int | None, Between(1, 256), Handling()] = None
    """Processes that train at the same time, with the cores divided among them; by default two where there are two
    cores, one in profile smoke. With an address, the most trials at the same time; by default as many as fit."""
    address: Annotated[str | None, Handling()] = None
    """Train on the Ray cluster at this HOST:PORT, or with "auto" on the one that this machine is a node of."""
    trial_cpus: Annotated[int | None, COUNT, Handling()] = None
    """Cores of a trial on a cluster, and its threads; by default 1."""
    trial_gpus: Annotated[float | None, Between(0, 64), Handling()] = None
    """GPUs of a trial on a cluster, a fraction where several share one; by default 0, or as many as its devices."""
    devices: Annotated[int, Between(1, 64), Handling()] = 1
    """GPUs among which each batch of a trial is divided; trials then run one after the other."""
    deterministic: Annotated[bool, Handling()] = False
    """Use deterministic TensorFlow operations only, slower ones where there is a choice: see docs/runs.md."""
    precision_of: Annotated[float | None, Between(0.01, 50), Handling()] = None
    """Go on adding seeds until every claim's 95% interval is at most so many points wide to either side."""
    max_seeds: Annotated[int, COUNT, Handling()] = 30
    """Most seeds that `precision_of` may come to."""
    save_best: Annotated[Path | None, Handling()] = None
    """Also save the student of best validation accuracy to this .keras file; one of an earlier run without this option
    is trained again."""
    dry_run: Annotated[bool, Handling()] = False
    """List the trials and which of them are done; train nothing."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {"full": {}}

    def check(self) -> None:
        super().check()
        if self.save_best is not None and self.save_best.suffix != ".keras":
            raise UsageError(f"save best {self.save_best}: expected the name of a .keras file")
        self._check_cluster()

    def _check_cluster(self) -> None:
        if self.address is not None and not re.fullmatch(ADDRESS, self.address):
            raise UsageError(f"address {self.address!r}: expected HOST:PORT of a Ray cluster, or auto")
        for name in ("trial_cpus", "trial_gpus"):
            if self.address is None and getattr(self, name) is not None:
                option = name.replace("_", " ")
                raise UsageError(f"{option} {getattr(self, name)} without an address: expected --address too")
        if self.trial_gpus is not None and self.trial_gpus > 1 and self.trial_gpus % 1:
            raise UsageError(f"trial gpus {self.trial_gpus}: expected a whole number, or a fraction of one GPU")
        if self.devices > 1 and self.trial_gpus is not None and self.trial_gpus < self.devices:
            raise UsageError(f"devices {self.devices} of {self.trial_gpus:g} trial GPUs: expected as many GPUs")
        if self.devices > 1 and self.address is None and (self.workers or 1) > 1:
            raise UsageError(
                f"workers {self.workers} with devices {self.devices}: expected one of them, they share GPUs"
            )

    @property
    def worker_count(self) -> int:
        """The number of processes that train at the same time."""
        if self.workers is not None:
            return self.workers
        return 1 if self.profile == "smoke" or self.devices > 1 else min(2, cores())

    @property
    def gpus_of_trial(self) -> float:
        """GPUs of a trial on a cluster."""
        return self.trial_gpus if self.trial_gpus is not None else (self.devices if self.devices > 1 else 0)

    def setting(self) -> dict[str, Any]:
        """The options that make a setting: all but seeds, axes of the grid, and how the run is handled."""
        marks = annotations(type(self))
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name.strip("_"): _plain(value)
            for name, value in values.items()
            if not any(isinstance(mark, Axis | Handling) or mark == Unnamed(value) for mark in marks[name])
        }

    def grid(self) -> dict[str, Any]:
        """The options that list trials: seeds, and axes of the grid."""
        marks = annotations(type(self))
        names = [name for name, found in marks.items() if name == "seeds" or any(isinstance(m, Axis) for m in found)]
        return {name: _plain(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class PrecisionConfig(Config):
    precision: Annotated[Precision, Unnamed(at="float32")] = "float32"
    """Numbers that students, and teachers that start anew, compute with in training; bfloat16 is faster on some
    processors: see docs/runs.md."""


@dataclass(frozen=True)
class SoftTargetConfig(Config):
    lambda_: Annotated[float, tyro.conf.arg(name="lambda"), WEIGHT] = 0.5
    """Weight λ of the soft targets, against 1 − λ of the labels."""
    temperature: Annotated[float, TEMPERATURE] = 4.0
    """Temperature T of the soft targets."""


@dataclass(frozen=True)
class CosineConfig(Config):
    batch_size: Annotated[int, COUNT] = 64
    """Images a step."""
    learning_rate: Annotated[float, RATE] = 1e-3
    """Adam's learning rate, which falls to 0 along a cosine."""


SMOKE = {"seeds": (0, 1), "train_size": 200, "validation_size": 100, "test_size": 100}


def with_profile(config_type: type[Config], profile: str) -> Config:
    """The defaults of a configuration under one of its profiles.

    Args:
        config_type: has `PROFILES`, a dictionary from a profile's name to the options that it changes.
        profile: one of their names.
    """
    return replace(config_type(), profile=profile, **config_type.PROFILES[profile])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


__all__ = [
    "COUNT",
    "RATE",
    "REFERENCE",
    "SEED",
    "SMOKE",
    "TEMPERATURE",
    "WEIGHT",
    "Axis",
    "Between",
    "Config",
    "CosineConfig",
    "Distinct",
    "Handling",
    "PrecisionConfig",
    "Profile",
    "SoftTargetConfig",
    "with_profile",
]
