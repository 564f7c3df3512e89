"""Distillation and pruning in Keras 3: `from kdsuite import data, distill, models, prune`."""

__version__ = "0.2.0"
