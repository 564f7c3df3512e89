"""How study 2's rows are shown."""

from experiments.hinton.report_mnist import MNIST
from experiments.hinton.report_temperature import TEMPERATURE
from experiments.hinton.report_transfer_set import TRANSFER_SET

__all__ = ["MNIST", "TEMPERATURE", "TRANSFER_SET"]
