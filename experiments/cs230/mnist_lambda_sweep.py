"""Study 1 (CS230) §4–5, MNIST: which weight λ of the teacher's soft targets is best?

    make mnist-lambda-sweep        (python -m experiments mnist-lambda-sweep)

Claim: the best λ lies between 0.4 and 0.7, and "fully trusting the teacher" (λ = 1) lowers accuracy.
Teacher: the Keras MNIST example (convolutions of 32 and 64, dense 128, dropout), 12 epochs, > 99%. Student: the same
without its second convolution, 5 epochs. Adam 1e-3, batch 128, T = 1 as in the paper's loss. Takes 25 minutes on 2
cores.
"""

from experiments.cs230.config import LambdaConfig
from experiments.cs230.mnist import CnnStudy
from experiments.engine.trial import Trial


class LambdaSweep(CnnStudy):
    """Accuracy of the one-convolution student against the weight λ of its teacher."""

    config: LambdaConfig

    def trials(self) -> list[Trial]:
        students = [self.student(seed, lambda_) for seed in self.config.seeds for lambda_ in self.config.lambdas]
        return [self.teacher(), *students]
