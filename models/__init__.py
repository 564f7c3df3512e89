"""Builders: pure functions from a few numbers to a functional `keras.Model` that ends in logits."""

from kdsuite.models.airbench import airbench, set_whitening
from kdsuite.models.fast import fast_copy
from kdsuite.models.imagenet import imagenet_teacher
from kdsuite.models.mnist import mlp, mnist_cnn
from kdsuite.models.mobilenet import mobilenet
from kdsuite.models.small import resnet, small_cnn
from kdsuite.models.vgg import OF_2, OF_4, OF_8, S1, VGG_16, VGG_19, Blocks, vgg

__all__ = [
    "OF_2",
    "OF_4",
    "OF_8",
    "S1",
    "VGG_16",
    "VGG_19",
    "Blocks",
    "airbench",
    "fast_copy",
    "imagenet_teacher",
    "mlp",
    "mnist_cnn",
    "mobilenet",
    "resnet",
    "set_whitening",
    "small_cnn",
    "vgg",
]
