"""Study 1 (CS230) §7, what its authors could not finish: MobileNet on Dogs vs. Cats with channels removed.

    make catdog-channels ARGS="--profile full"        (python -m experiments catdog-channels --profile full)

The teacher of catdog-mobilenet loses channels by four criteria (L1, APoZ, first-order Taylor, random) down to 90, 70,
50 and 30% of its parameters; what is left is trained on 1,000 images for 3 epochs, on labels alone or with the
teacher's soft targets. Same data, sizes and λ as catdog-mobilenet, so accuracy against parameters and against MACs
stands beside the students with layers removed. Optimiser and learning rate are those of best validation accuracy in
candidates.csv. Batch-norm statistics are recalibrated before the test; validation accuracies of the epochs are from
before that. Each row has the seconds of the surgery, the accuracy straight after it, and the speed-up of the pruned
network on this CPU, both networks timed in turns. 97 networks, about 3 hours on 2 cores.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from experiments.cs230.catdog import TUNING_SEED, CatdogStudy, CutTrial
from experiments.cs230.catdog_config import ChannelsConfig
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from kdsuite import prune
from kdsuite.data import Split

TIMED_IMAGES = 32
TIMINGS = 7


@dataclass(frozen=True, kw_only=True)
class ChannelsTrial(CutTrial):
    """A student made by removing channels; random choices follow the trial's seed.

    Attributes:
        criterion: what ranks the channels.
        keep: share of `target` that is left.
        scope: "global" or "layer".
        target: "params" or "macs".
        ranking_size: number of training images by which APoZ and Taylor rank.
    """

    criterion: prune.Criterion
    keep: float
    scope: Literal["global", "layer"]
    target: Literal["params", "macs"]
    ranking_size: int

    def columns(self) -> dict[str, Any]:
        return super().columns() | {
            "prune_method": self.criterion,
            "weights": "piped",
            "keep": self.keep,
            "scope": self.scope,
            "target": self.target,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.criterion} keep={self.keep:g}"


class Channels(CatdogStudy):
    """Accuracy, cost and speed of students that lost channels, plain and distilled, seed by seed."""

    COLUMNS = (
        *(*CatdogStudy.COLUMNS, "keep", "scope", "target", "channels_removed", "surgery_seconds"),
        *("validation_accuracy_before_training", "speed_up", "milliseconds"),
    )
    config: ChannelsConfig

    def student(self, seed: int, lambda_: float, criterion: prune.Criterion, keep: float, **settings) -> ChannelsTrial:
        """A student; `settings` are fields of its trial that differ from the usual ones."""
        usual = self.student_settings(seed, lambda_) | {
            "criterion": criterion,
            "keep": keep,
            "scope": self.config.scope,
            "target": self.config.target,
            "ranking_size": self.config.ranking_size,
        }
        return ChannelsTrial(**usual | settings)

    def candidate(self, **optimizer) -> ChannelsTrial:
        return self.student(TUNING_SEED, 0.0, "l1", 0.5, **optimizer)

    def trials(self) -> list[Trial]:
        students = [
            self.student(seed, lambda_, criterion, keep)
            for seed in self.config.seeds
            for keep in self.config.keep
            for criterion in self.config.criteria
            for lambda_ in (0.0, self.config.lambda_)
        ]
        return [self.teacher(), *students]

    def cut(self, trial: ChannelsTrial, parent: keras.Model) -> keras.Model:
        images = self.dataset.train.batches(16, seed=0, epoch=0).unbatch().take(trial.ranking_size).batch(16)
        return prune.shrink(parent, images, trial.keep, trial.criterion, trial.scope, trial.target, seed=trial.seed)

    def cut_columns(self, trial: ChannelsTrial, parent: keras.Model, student: keras.Model) -> dict[str, Any]:
        # The surgery is repeated: what it took and gave is lost by the time its student is trained.
        begin = time.perf_counter()
        untrained = self.cut(trial, parent)
        seconds = time.perf_counter() - begin
        validation = self.dataset.validation
        right = outputs(untrained, validation).argmax(-1) == validation.labels
        before, after = seconds_in_turns([parent, student], self.dataset.test)
        return {
            "channels_removed": removed_channels(parent, student),
            "surgery_seconds": seconds,
            "validation_accuracy_before_training": float(np.mean(right)),
            "speed_up": before / after,
            "milliseconds": 1000 * after / TIMED_IMAGES,
        }


def removed_channels(parent: keras.Model, pruned: keras.Model) -> int:
    """How many channels of convolutions are gone, depthwise ones not counted."""
    return sum(
        layer.filters - pruned.get_layer(layer.name).filters for layer in parent.layers if hasattr(layer, "filters")
    )


def seconds_in_turns(models: list[keras.Model], split: Split) -> list[float]:
    """Median seconds of a forward pass of `TIMED_IMAGES` images, the models timed in turns on the same images."""
    images, _ = next(iter(split.batches(TIMED_IMAGES)))
    forwards = [tf.function(lambda x, model=model: model(x, training=False)) for model in models]
    timings = [[] for _ in models]
    for turn in range(TIMINGS + 1):
        for forward, seconds in zip(forwards, timings, strict=True):
            begin = time.perf_counter()
            forward(images).numpy()
            # The first turn traces.
            if turn:
                seconds.append(time.perf_counter() - begin)
    return [statistics.median(seconds) for seconds in timings]
