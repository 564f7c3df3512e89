"""What the paper of study 1 claims, and what we ask besides.

Sources are quoted as they stand in the paper. Its experiments name no seeds and its figures no numbers, so most claims
are directions without a size.
"""

from experiments.cs230.claims_catdog import CATDOG_CLAIMS
from experiments.cs230.claims_channels import CHANNELS_CLAIMS
from experiments.cs230.claims_cifar import CIFAR_CLAIMS
from experiments.cs230.claims_criteria import CRITERIA_CLAIMS
from experiments.cs230.claims_future import FUTURE_CLAIMS
from experiments.cs230.claims_mnist import MNIST_CLAIMS
from kdsuite.report.claims import on_data

CLAIMS = (
    *on_data("mnist", MNIST_CLAIMS),
    *on_data("cats_vs_dogs", CATDOG_CLAIMS),
    *on_data("cifar10", CIFAR_CLAIMS),
    *on_data("cats_vs_dogs", CHANNELS_CLAIMS),
    *on_data("cifar10", CRITERIA_CLAIMS),
    *on_data("cats_vs_dogs", FUTURE_CLAIMS),
)
