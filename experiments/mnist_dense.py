"""Study 1 (CS230) §4, MNIST: does a one-layer student beat its two-layer teacher?

    make mnist-dense        (python -m experiments mnist-dense)

Claim: a dense student of 10 units, distilled with λ = 0.4, rises from 92 to 93% where its 10–10 teacher has 92%.
Teacher 10–10 and student 10, rectified linear, Adam 1e-3, batch 128, 20 epochs, T = 1 as in the paper's loss.

Measured (55,000 training images, 5 seeds, test accuracy): teacher 93.58 ± 0.29%, plain student 93.58 ± 0.35%, distilled
student 93.31 ± 0.10%. Took 2 minutes on 2 cores.
"""

from dataclasses import dataclass
from typing import Annotated

import tyro

from experiments import mnist
from experiments.config import SMOKE
from experiments.trial import Trial
from kdsuite import models

PROFILES = {
    "smoke": SMOKE | {"epochs": 1},
    "quick": {"epochs": 5, "results": mnist.QUICK_RESULTS},
    "paper": {},
}


@dataclass(frozen=True)
class Config(mnist.MnistConfig):
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds; each one trains a teacher and both students."""
    lambda_: Annotated[float, tyro.conf.arg(name="lambda")] = 0.4
    """Weight λ of the teacher's soft targets in the distilled student's loss, 0 to 1."""
    epochs: int = 20
    """Epochs of teacher and students."""

    def check(self) -> None:
        super().check()
        mnist.check_lambdas(self.lambda_)
        mnist.check_training(epochs=self.epochs)


NETWORKS = {
    "mlp_10_10": lambda **shape: models.mlp((10, 10), **shape),
    "mlp_10": lambda **shape: models.mlp((10,), **shape),
}


def trials(config: Config) -> list[Trial]:
    """For each seed: teacher, plain student, distilled student."""
    grid = []
    for seed in config.seeds:
        common = mnist.common("mnist-dense", config, seed, config.batch_size, config.epochs)
        teacher = Trial(method="teacher", network="mlp_10_10", **common)
        grid += [
            teacher,
            Trial(method="plain", network="mlp_10", lambda_=0.0, **common),
            Trial(
                method="kd",
                network="mlp_10",
                lambda_=config.lambda_,
                temperature=config.temperature,
                teacher=teacher,
                **common,
            ),
        ]
    return grid


def run(config: Config) -> None:
    mnist.run("mnist-dense", config, trials, NETWORKS)
