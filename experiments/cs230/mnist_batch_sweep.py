"""Study 1 (CS230) §4–5, MNIST: which batch size is best, at the λ of best validation accuracy?

    make mnist-batch-sweep        (python -m experiments mnist-batch-sweep)

Claim: the best batch size lies between 75 and 100. Teacher and student as in mnist-lambda-sweep, whose students choose
λ on validation; the learning rate stays 1e-3 throughout, as the paper changes nothing but the batch. Takes 19 minutes
on 2 cores after mnist-lambda-sweep.
"""

from dataclasses import replace

import pandas as pd

from experiments.cs230.config import BatchConfig
from experiments.cs230.mnist import CnnStudy
from experiments.engine.choice import mean_validation
from experiments.engine.trial import Trial


class BatchSweep(CnnStudy):
    """Accuracy of the distilled student against the batch size."""

    config: BatchConfig

    def candidates(self) -> list[Trial]:
        if self.config.lambda_ is not None:
            return []
        return [
            self.student(seed, lambda_)
            for seed in self.config.choice_seeds
            for lambda_ in self.config.lambdas
            if lambda_ > 0
        ]

    def choose(self, rows: pd.DataFrame) -> BatchConfig:
        best = float(mean_validation(rows, ["lambda"]).idxmax())
        print(f"chosen on validation: λ = {best:g}")
        return replace(self.config, lambda_=best)

    def trials(self) -> list[Trial]:
        assert self.config.lambda_ is not None
        students = [
            self.student(seed, self.config.lambda_, batch_size)
            for seed in self.config.seeds
            for batch_size in self.config.batch_sizes
        ]
        return [self.teacher(), *students]
