"""Study 1 (CS230) §5: "ideally, we would have run … with the full dataset". Dogs vs. Cats, students of more images.

    make catdog-images ARGS="--profile full"        (python -m experiments catdog-images --profile full)

Does distillation gain with 1,000 images what it does not gain with all that the teacher saw? Students lost 2 or 8 units
by zero density and train for 3 epochs on either; the rest is as in catdog-mobilenet.

About 2 hours on 2 cores with 5 seeds; profile quick takes 8 minutes.
"""

from dataclasses import dataclass
from functools import cached_property

from experiments.cs230.catdog import CHANNELS, TUNING_THRESHOLD, CatdogStudy
from experiments.cs230.catdog_config import ImagesConfig
from experiments.cs230.cuts import LayersTrial
from experiments.engine.trial import Trial
from kdsuite.data import Dataset


@dataclass(frozen=True, kw_only=True)
class ImagesTrial(LayersTrial):
    """A student of a number of training images.

    Attributes:
        train_images: how many.
    """

    train_images: int
    test_stale_batch_norm: bool = False

    def __str__(self) -> str:
        return f"{super().__str__()} of {self.train_images:,} images"


class Images(CatdogStudy):
    """Accuracy of plain and distilled students, by the number of images they saw."""

    READ = (*CatdogStudy.READ, "datasets")
    config: ImagesConfig

    @cached_property
    def datasets(self) -> dict[int, Dataset]:
        """Number of training images → the data; validation and test are the same."""
        sizes = {"image_size": self.config.image_size, "channels": CHANNELS}
        return {size: self.config.load(train_size=size, **sizes) for size in self.config.train_sizes}

    def data(self, trial: Trial) -> Dataset:
        return self.datasets[trial.train_images] if isinstance(trial, ImagesTrial) else super().data(trial)

    def trials(self) -> list[Trial]:
        students = [
            ImagesTrial(
                **self.student_settings(seed, lambda_),
                sweep="images",
                prune_method="zero_density",
                units_removed=count,
                threshold=TUNING_THRESHOLD,
                train_images=size,
            )
            for seed in self.config.seeds
            for size in self.config.train_sizes
            for count in self.config.counts
            for lambda_ in (0.0, self.config.lambda_)
        ]
        return [self.teacher(), *students]
