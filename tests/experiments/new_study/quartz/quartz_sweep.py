"""Study 9: accuracy against the width of the only hidden layer.

make quartz-sweep        (python -m experiments quartz-sweep)
"""

import keras

from experiments.engine.networks import Networks
from experiments.engine.study import Study
from experiments.engine.trial import Trial
from experiments.quartz.config import QuartzConfig
from kdsuite import models


class QuartzSweep(Study):
    """A network for each seed and width."""

    config: QuartzConfig

    def trials(self) -> list[Trial]:
        return [
            Trial(
                method="plain",
                network=f"mlp_{width}",
                seed=seed,
                epochs=self.config.epochs,
                batch_size=self.config.batch_size,
                learning_rate=self.config.learning_rate,
            )
            for seed in self.config.seeds
            for width in self.config.widths
        ]

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        shape, classes = self.dataset.train.images.shape[1:], len(self.dataset.class_names)
        width = int(trial.network.removeprefix("mlp_"))
        return models.mlp((width,), classes=classes, input_shape=shape, name=trial.network)
