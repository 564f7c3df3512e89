"""Study 4's networks: sizes, features and ensembles."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from kdsuite import models

FEATURES = 512
TEACHER = "vgg16"
BLOCKS = {TEACHER: models.VGG_16, "s1": models.S1, "of_2": models.OF_2, "of_4": models.OF_4, "of_8": models.OF_8}
# Units of the layer before the logits, or of the one that gives the features; the smallest network has none.
HEADS = {TEACHER: None, "s1": 512, "of_2": 256, "of_4": 128, "of_8": None}
SIZES = {1: "s1", 2: "of_2", 4: "of_4", 8: "of_8"}


def with_logits(size: str, classes: int, input_shape: tuple[int, ...], name: str) -> keras.Model:
    """A network of one of the sizes that ends in logits."""
    return models.vgg(BLOCKS[size], classes=classes, features=HEADS[size], input_shape=input_shape, name=name)


def with_features(size: str, units: int | None, input_shape: tuple[int, ...], name: str) -> keras.Model:
    """A network of one of the sizes that ends in features, of a layer of `units` or of its last block."""
    return models.vgg(BLOCKS[size], classes=None, features=units, input_shape=input_shape, name=name)


def ensemble(members: Sequence[keras.Model], teacher: keras.Model, *, summed: bool, name: str) -> keras.Model:
    """Copies of the members side by side under the teacher's output layer, which has seen the features they imitate.

    Args:
        members: networks from images to features; left as they were.
        teacher: ends in the layer "logits" on 512 features.
        summed: add the features up instead of concatenating them (residual distillation).
        name: of the result, which maps images to logits.
    """
    inputs = keras.Input(members[0].input_shape[1:], name="image")
    parts = []
    for number, member in enumerate(members, 1):
        copy = keras.models.clone_model(member)
        copy.set_weights(member.get_weights())
        copy.name = f"student_{number}"
        parts.append(copy(inputs))
    if len(parts) == 1:
        x = parts[0]
    else:
        x = layers.Add(name="sum")(parts) if summed else layers.Concatenate(name="features")(parts)
    head = layers.Dense(teacher.output_shape[-1], name="logits")
    model = keras.Model(inputs, head(x), name=name)
    head.set_weights(teacher.get_layer("logits").get_weights())
    return model


def mean_squared_error(features: np.ndarray, target: np.ndarray) -> float:
    """Mean squared difference of features (n, d)."""
    return float(np.mean(np.square(features - target)))
