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

CLAIMS = (*MNIST_CLAIMS, *CATDOG_CLAIMS, *CIFAR_CLAIMS, *CHANNELS_CLAIMS, *CRITERIA_CLAIMS, *FUTURE_CLAIMS)
