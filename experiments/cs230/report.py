"""How study 1's experiments are shown."""

from experiments.cs230.report_catdog import LAYERS, NARROW
from experiments.cs230.report_channels import CHANNELS
from experiments.cs230.report_cifar import TRANSFER
from experiments.cs230.report_criteria import CRITERIA
from experiments.cs230.report_future import HINTS, IMAGES, ORDERS
from experiments.cs230.report_mnist import BATCH_SWEEP, DENSE, LAMBDA_SWEEP

__all__ = [
    "BATCH_SWEEP",
    "CHANNELS",
    "CRITERIA",
    "DENSE",
    "HINTS",
    "IMAGES",
    "LAMBDA_SWEEP",
    "LAYERS",
    "NARROW",
    "ORDERS",
    "TRANSFER",
]
