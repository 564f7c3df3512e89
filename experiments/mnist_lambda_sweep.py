"""Study 1 (CS230) §4–5, MNIST: which weight λ of the teacher's soft targets is best?

    make mnist-lambda-sweep        (python -m experiments mnist-lambda-sweep)

Claim: the best λ lies between 0.4 and 0.7, and "fully trusting the teacher" (λ = 1) lowers accuracy.
Teacher: the Keras MNIST example (convolutions of 32 and 64, dense 128, dropout), 12 epochs, > 99%. Student: the same
without its second convolution, 5 epochs. Adam 1e-3, batch 128, T = 1 as in the paper's loss.

Measured (55,000 training images, 3 seeds, test accuracy): teacher 99.31%; students between 98.41 and 98.48% at every λ,
with intervals of ± 0.05 to 0.31. Took 25 minutes on 2 cores.
"""

from dataclasses import dataclass

from experiments import mnist
from experiments.config import SMOKE
from experiments.trial import Trial
from kdsuite import models

PROFILES = {
    "smoke": SMOKE | {"lambdas": (0.0, 0.5, 1.0), "epochs": 1, "teacher_epochs": 1},
    "quick": {"lambdas": (0.0, 0.3, 0.5, 0.7, 1.0), "epochs": 2, "teacher_epochs": 3, "results": mnist.QUICK_RESULTS},
    "paper": {},
}
NETWORKS = {
    "mnist_cnn_32_64": lambda **shape: models.mnist_cnn((32, 64), **shape),
    "mnist_cnn_32": lambda **shape: models.mnist_cnn((32,), **shape),
}


@dataclass(frozen=True)
class Config(mnist.CnnConfig):
    lambdas: tuple[float, ...] = tuple(tenth / 10 for tenth in range(11))
    """Weights λ of the teacher's soft targets, each 0 to 1; 0 is training without a teacher."""

    def check(self) -> None:
        super().check()
        mnist.check_lambdas(*self.lambdas)


def trials(config: Config) -> list[Trial]:
    """The teacher, then for each seed a student at each λ, all from the same initial weights."""
    teacher = mnist.cnn_teacher(config)
    students = [
        mnist.cnn_student("mnist-lambda-sweep", config, teacher, seed, config.batch_size, lambda_)
        for seed in config.seeds
        for lambda_ in config.lambdas
    ]
    return [teacher, *students]


def run(config: Config) -> None:
    mnist.run("mnist-lambda-sweep", config, trials, NETWORKS)
