"""Study 1 (CS230) §4, MNIST: does a one-layer student beat its two-layer teacher?

    make mnist-dense        (python -m experiments mnist-dense)

Claim: a dense student of 10 units, distilled with λ = 0.4, rises from 92 to 93% where its 10–10 teacher has 92%.
Teacher 10–10 and student 10, rectified linear, Adam 1e-3, batch 128, 20 epochs, T = 1 as in the paper's loss. Takes
2 minutes on 2 cores.
"""

from experiments.cs230.config import DenseConfig
from experiments.cs230.mnist import MnistStudy
from experiments.engine.trial import Trial


class Dense(MnistStudy):
    """For each seed a teacher, a plain student and a distilled one."""

    config: DenseConfig

    def trials(self) -> list[Trial]:
        return [trial for seed in self.config.seeds for trial in self.family(seed)]

    def family(self, seed: int) -> list[Trial]:
        """The three networks of one seed."""
        training = self.training(seed, self.config.epochs)
        teacher = Trial(method="teacher", network="mlp_10_10", **training)
        plain = Trial(method="plain", network="mlp_10", lambda_=0.0, **training)
        distilled = Trial(
            method="kd",
            network="mlp_10",
            lambda_=self.config.lambda_,
            temperature=self.config.temperature,
            teacher=teacher,
            **training,
        )
        return [teacher, plain, distilled]
