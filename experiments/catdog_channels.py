"""Study 1 (CS230) §5, what its authors could not finish: MobileNet on Dogs vs. Cats with channels removed.

    make catdog-channels ARGS="--alpha 0.75"        (python -m experiments catdog-channels --alpha 0.75)

The teacher of catdog-mobilenet loses channels by four criteria (L1, APoZ, first-order Taylor, random) down to 90, 70,
50 and 30% of its parameters; what is left is trained on 1,000 images for 3 epochs, on labels alone or with the
teacher's soft targets. Same data, sizes and λ as catdog-mobilenet, so accuracy against parameters and against MACs
stands beside the students with layers removed. Optimiser and learning rate are those of best validation accuracy in
catdog-channels-tuning.csv. Batch-norm statistics are recalibrated before the test; validation accuracies of the epochs
(catdog-channels-epochs.csv) are from before that. Each row has the seconds of the surgery, the accuracy straight after
it, and the speed-up of the pruned network on this CPU, both networks timed in turns.

Found (α = 0.75, 3 seeds): at half the parameters 71 to 73% by L1, 82% by Taylor, 83 to 84% at random and 89 to 90% by
APoZ, which leaves more MACs; 70 to 73% with 4 layers removed instead. Distilled − plain −0.05 points [−1.34, +1.25].
The speed-up is 0.8 of the saving in MACs. 97 networks, about 3 hours on 2 cores.
"""

import statistics
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from experiments import catdog
from experiments.catdog import TUNING_SEED, CatdogConfig, CutTrial, student_settings, teacher_trial
from experiments.config import check_at_least
from experiments.errors import UsageError
from experiments.training import outputs
from experiments.trial import Trial
from kdsuite import distill, prune

STUDY = "catdog-channels"
TUNING = "catdog-channels-tuning"
EXTRA_COLUMNS = (
    *("optimizer", "recalibrated", "keep", "scope", "target", "channels_removed", "surgery_seconds"),
    *("validation_accuracy_before_training", "speed_up", "milliseconds"),
)
TIMED_IMAGES = 32
TIMINGS = 7
PROFILES = {
    "smoke": catdog.SMOKE | {"keep": (0.7,), "criteria": ("taylor",)},
    "quick": {
        "train_size": 300,
        "test_size": 500,
        "keep": (0.7, 0.5),
        "criteria": ("l1", "taylor"),
        "tuning": (("adam", 3e-4),),
        "results": Path("results/quick"),
    },
    "paper": {},
}


@dataclass(frozen=True)
class Config(CatdogConfig):
    keep: tuple[float, ...] = (0.9, 0.7, 0.5, 0.3)
    """Shares of the teacher's parameters (or MACs) that its students keep."""
    criteria: tuple[prune.Criterion, ...] = ("l1", "apoz", "taylor", "random")
    """What ranks the channels."""
    scope: Literal["global", "layer"] = "global"
    """Whether the least important channels go wherever they are, or the same share of each layer."""
    target: Literal["params", "macs"] = "params"
    """What is kept to a share."""
    ranking_size: int = 200
    """Training images by which APoZ and Taylor rank."""

    def check(self) -> None:
        super().check()
        check_at_least(1, ranking_size=self.ranking_size)
        for share in self.keep:
            if not 0 < share < 1:
                raise UsageError(f"keep {share}: expected a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class ChannelTrial(CutTrial):
    """A student made by removing channels; random choices follow the trial's seed."""

    criterion: str
    keep: float
    scope: str
    target: str
    ranking_size: int

    def columns(self) -> dict:
        return super().columns() | {
            "prune_method": self.criterion,
            "weights": "piped",
            "keep": self.keep,
            "scope": self.scope,
            "target": self.target,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.criterion} keep={self.keep:g}"


def student(config: Config, seed: int, lambda_: float, criterion: str, keep: float, study: str = STUDY) -> ChannelTrial:
    """One student."""
    return ChannelTrial(
        **student_settings(config, seed, lambda_),
        study=study,
        criterion=criterion,
        keep=keep,
        scope=config.scope,
        target=config.target,
        ranking_size=config.ranking_size,
    )


def tuning_trial(config: Config) -> ChannelTrial:
    """The plain student by which optimiser and learning rate are chosen: half the teacher, by L1, on its own seed."""
    return student(config, TUNING_SEED, 0.0, "l1", 0.5, TUNING)


def trials(config: Config) -> list[Trial]:
    """The teacher, then seed by seed a plain and a distilled student for each criterion and size."""
    return [teacher_trial(config)] + [
        student(config, seed, lambda_, criterion, keep)
        for seed in config.seeds
        for keep in config.keep
        for criterion in config.criteria
        for lambda_ in (0.0, config.lambda_)
    ]


def run(config: Config) -> None:
    """Chooses the learning rate, trains what is missing, prints the table and draws the figures."""
    config.check()
    whole, dataset = catdog.load(config)
    surgery: dict[str, float] = {}

    def build(trial: ChannelTrial, parent: keras.Model) -> keras.Model:
        images = dataset.train.batches(16, seed=0, epoch=0).unbatch().take(config.ranking_size).batch(16)
        begin = time.perf_counter()
        pruned = prune.shrink(parent, images, trial.keep, trial.criterion, trial.scope, trial.target, seed=trial.seed)
        surgery["seconds"] = time.perf_counter() - begin
        predicted = outputs(pruned, dataset.validation).argmax(-1)
        surgery["validation_accuracy"] = float(np.mean(predicted == dataset.validation.labels))
        return pruned

    def details(trial: Trial, parent: keras.Model | None, distiller: distill.Distiller, history) -> dict:
        if parent is None:
            return {}
        pruned = distiller.student
        before, after = seconds_in_turns([parent, pruned], dataset.test)
        return {
            "channels_removed": removed_channels(parent, pruned),
            "surgery_seconds": surgery["seconds"],
            "validation_accuracy_before_training": surgery["validation_accuracy"],
            "speed_up": before / after,
            "milliseconds": 1000 * after / TIMED_IMAGES,
        }

    runner_of = partial(catdog.runner, config, whole, dataset, build, details=details, extra_columns=EXTRA_COLUMNS)
    config = catdog.with_optimizer(config, runner_of(TUNING, on_test=False), tuning_trial)
    if config is not None:
        runner_of(STUDY).run_and_publish(trials(config))


def removed_channels(parent: keras.Model, pruned: keras.Model) -> int:
    """How many channels of convolutions are gone, depthwise ones not counted."""
    return sum(
        layer.filters - pruned.get_layer(layer.name).filters for layer in parent.layers if hasattr(layer, "filters")
    )


def seconds_in_turns(models: list[keras.Model], split) -> list[float]:
    """Median seconds of a forward pass of `TIMED_IMAGES` images, the models timed in turns on the same images."""
    images, _ = next(iter(split.batches(TIMED_IMAGES)))
    forwards = [tf.function(lambda x, model=model: model(x, training=False)) for model in models]
    timings = [[] for _ in models]
    for turn in range(TIMINGS + 1):
        for forward, own in zip(forwards, timings, strict=True):
            begin = time.perf_counter()
            forward(images).numpy()
            # The first turn traces.
            if turn:
                own.append(time.perf_counter() - begin)
    return [statistics.median(own) for own in timings]
