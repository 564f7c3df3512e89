"""Study 1 (CS230) §4–5, MNIST: which batch size is best, at the λ that the λ-sweep's validation accuracy chose?

    make mnist-batch-sweep        (python -m experiments mnist-batch-sweep)

Claim: the best batch size lies between 75 and 100. Teacher and student as in mnist-lambda-sweep; the learning rate
stays 1e-3 throughout, as the paper changes nothing but the batch.

Measured (55,000 training images, 3 seeds, λ = 0.3 by validation, test accuracy): from 98.66 ± 0.38% at batch 16 down to
98.15 ± 0.06% at 512; 98.57 ± 0.09% at 75 and 98.50 ± 0.09% at 100. Took 19 minutes on 2 cores.
"""

from dataclasses import dataclass
from typing import Annotated

import pandas as pd
import tyro

from experiments import mnist
from experiments.config import SMOKE, check_at_least
from experiments.errors import UsageError
from experiments.mnist_lambda_sweep import NETWORKS
from experiments.trial import Trial

PROFILES = {
    "smoke": SMOKE | {"batch_sizes": (32, 64), "lambda_": 0.5, "epochs": 1, "teacher_epochs": 1},
    "quick": {
        "batch_sizes": (32, 75, 100, 256),
        "epochs": 2,
        "teacher_epochs": 3,
        "results": mnist.QUICK_RESULTS,
    },
    "paper": {},
}


@dataclass(frozen=True)
class Config(mnist.CnnConfig):
    batch_sizes: tuple[int, ...] = (16, 32, 64, 75, 100, 128, 256, 512)
    """Images a step, of the students."""
    lambda_: Annotated[float | None, tyro.conf.arg(name="lambda")] = None
    """Weight λ of the soft targets; by default the λ > 0 of best mean validation accuracy in mnist-lambda-sweep.csv."""

    def check(self) -> None:
        super().check()
        check_at_least(1, batch_size=min(self.batch_sizes, default=0))
        if self.lambda_ is not None:
            mnist.check_lambdas(self.lambda_)


def trials(config: Config) -> list[Trial]:
    """The teacher, then for each seed a distilled student at each batch size."""
    teacher = mnist.cnn_teacher(config)
    chosen = best_lambda(config) if config.lambda_ is None else config.lambda_
    students = [
        mnist.cnn_student("mnist-batch-sweep", config, teacher, seed, batch_size, chosen)
        for seed in config.seeds
        for batch_size in config.batch_sizes
    ]
    return [teacher, *students]


def best_lambda(config: Config) -> float:
    """The λ > 0 of highest mean validation accuracy in the λ-sweep; never looks at test accuracy.

    Raises:
        UsageError: the λ-sweep has no rows in the results folder.
    """
    path = config.results / "mnist-lambda-sweep.csv"
    if not path.exists():
        raise UsageError(f"{path} is missing: run mnist-lambda-sweep first, or give --lambda")
    rows = pd.read_csv(path).query("method == 'kd'")
    return float(rows.groupby("lambda").validation_accuracy.mean().idxmax())


def run(config: Config) -> None:
    mnist.run("mnist-batch-sweep", config, trials, NETWORKS)
