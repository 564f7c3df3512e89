"""Builders: pure functions from a few numbers to a functional `keras.Model` that ends in logits."""

from models.mnist import mlp, mnist_cnn
from models.mobilenet import mobilenet

__all__ = ["mlp", "mnist_cnn", "mobilenet"]
