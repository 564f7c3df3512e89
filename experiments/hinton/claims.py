"""What Hinton 2015 §3 and its reproduction claim on MNIST, each judged on rows of its own protocol.

Their explanations (soft targets have high entropy, and so less variance of the gradient) say why, not what was
measured, and are not listed.
"""

from experiments.hinton.claims_mnist import TABLE_1
from experiments.hinton.claims_reproduction import REPRODUCTION
from experiments.hinton.claims_temperature import TEMPERATURES
from experiments.hinton.claims_transfer_set import TRANSFER_SETS
from kdsuite.report.claims import on_data

CLAIMS = on_data("mnist", (*TABLE_1, *TRANSFER_SETS, *TEMPERATURES, *REPRODUCTION))
