"""How study 1's experiments are shown."""

from experiments.cs230.report_catdog import LAYERS
from experiments.cs230.report_channels import CHANNELS
from experiments.cs230.report_cifar import TRANSFER
from experiments.cs230.report_mnist import BATCH_SWEEP, DENSE, LAMBDA_SWEEP

__all__ = ["BATCH_SWEEP", "CHANNELS", "DENSE", "LAMBDA_SWEEP", "LAYERS", "TRANSFER"]
