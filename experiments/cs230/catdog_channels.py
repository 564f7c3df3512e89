"""Study 1 (CS230) §7, what its authors could not finish: MobileNet on Dogs vs. Cats with channels removed.

    make catdog-channels ARGS="--profile full"        (python -m experiments catdog-channels --profile full)

The teacher of catdog-mobilenet loses channels by four criteria (L1, APoZ, first-order Taylor, random) down to 50 and
30% of its parameters, and, as students of their own, of its multiply-adds: at equal parameters one criterion may leave
more of these than another. Further students lose the same share of each layer, which tells a bad ranking of channels
from a bad choice of layers. What is left is trained on 1,000 images for 3 epochs, on labels alone or with the teacher's
soft targets. Data, sizes, λ and the choice of the optimiser are those of catdog-mobilenet, so students with layers
removed compare. The surgery is ours; kerassurgeon, which the authors tuned, gives the same weights
(`--surgeon kerassurgeon`). Batch-norm statistics are recalibrated before the test; validation accuracies of the epochs
are from before that. Each row has the seconds of the surgery, the accuracy straight after it, and the speed-up of the
pruned network on this CPU, both networks timed in turns; channels.csv says how many channels each layer has left.

2 to 3 hours on 2 cores with 3 seeds, 6 to 9 with 9; profile quick takes 10 minutes.
"""

import statistics
import time
from collections.abc import Iterator
from typing import ClassVar

import keras
import tensorflow as tf

from experiments.cs230.catdog import CatdogStudy
from experiments.cs230.catdog_config import ChannelsConfig
from experiments.cs230.cuts import ChannelsTrial, channels_left
from experiments.engine.networks import Networks
from experiments.engine.study import Details
from experiments.engine.training import accuracy
from experiments.engine.trial import Trial
from kdsuite import models
from kdsuite.data import Split
from kdsuite.prune import Criterion

TIMED_IMAGES = 32
TIMINGS = 7


class Channels(CatdogStudy):
    """Accuracy, cost and speed of students that lost channels, plain and distilled."""

    TABLES: ClassVar[dict] = {"channels": ("trial", "layer", "place", "left", "had")}
    config: ChannelsConfig

    def trials(self) -> list[Trial]:
        """The teacher, then students of all seeds at equal parameters, at equal multiply-adds, and layer by layer."""
        students = [
            trial for target in self.config.targets for seed in self.config.seeds for trial in self.pairs(seed, target)
        ]
        layerwise = [
            self.student(seed, 0.0, criterion, keep, scope="layer", target="params")
            for seed in self.config.seeds
            for keep in self.config.layerwise
            for criterion in self.config.criteria
        ]
        return [self.teacher(), *students, *layerwise]

    def pairs(self, seed: int, target: str) -> Iterator[ChannelsTrial]:
        """A plain and a distilled student for each share and criterion."""
        for keep in self.config.keep:
            for criterion in self.config.criteria:
                for lambda_ in (0.0, self.config.lambda_):
                    yield self.student(seed, lambda_, criterion, keep, scope="global", target=target)

    def student(self, seed: int, lambda_: float, criterion: Criterion, keep: float, **cut) -> ChannelsTrial:
        """A student; `cut` are fields of its trial."""
        settings = self.student_settings(seed, lambda_) | {"ranking_size": self.config.ranking_size}
        return ChannelsTrial(**settings, criterion=criterion, keep=keep, surgeon=self.config.surgeon, **cut)

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        usual = super().details(trial, distiller, history, networks)
        if not isinstance(trial, ChannelsTrial):
            return usual
        parent, student = networks.get(trial.parent), distiller.student
        # The surgery is repeated: what it took and gave is lost by the time its student is trained.
        begin = time.perf_counter()
        untrained = self.cut(trial, parent)
        seconds = time.perf_counter() - begin
        # The student may be a fast copy already.
        pair = [models.fast_copy(network, "float32") for network in (parent, student)]
        before, after = seconds_in_turns(pair, self.dataset.test)
        measured = {
            "surgery_seconds": seconds,
            "validation_accuracy_before_training": accuracy(untrained, self.dataset.validation),
            "speed_up": before / after,
            "milliseconds": 1000 * after / TIMED_IMAGES,
        }
        lines = [
            {"layer": layer, "place": place, "left": left, "had": had}
            for place, (layer, (left, had)) in enumerate(channels_left(parent, student).items())
        ]
        return Details(usual.columns | measured, {"channels": lines})


def seconds_in_turns(networks: list[keras.Model], split: Split) -> list[float]:
    """Median seconds of a forward pass of `TIMED_IMAGES` images, the networks timed in turns on the same images."""
    images, _ = next(iter(split.batches(TIMED_IMAGES)))
    forwards = [tf.function(lambda x, network=network: network(x, training=False)) for network in networks]
    timings = [[] for _ in networks]
    for turn in range(TIMINGS + 1):
        for forward, seconds in zip(forwards, timings, strict=True):
            begin = time.perf_counter()
            forward(images).numpy()
            # The first turn traces.
            if turn:
                seconds.append(time.perf_counter() - begin)
    return [statistics.median(seconds) for seconds in timings]
