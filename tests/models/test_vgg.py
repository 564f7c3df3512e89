import csv
from pathlib import Path

import keras
import numpy as np
import pytest

from kdsuite import models

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "reference" / "published.csv"
STUDY_4 = {
    "teacher": lambda: models.vgg(),
    "student S1": lambda: models.vgg(models.S1, classes=None, features=512),
    "each of 2 students": lambda: models.vgg(models.OF_2, classes=None, features=256),
    "each of 4 students": lambda: models.vgg(models.OF_4, classes=None, features=128),
    "each of 8 students": lambda: models.vgg(models.OF_8, classes=None),
}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("network", STUDY_4)
def test_trainable_parameters_are_those_published(network):
    with PUBLISHED.open(newline="") as file:
        published = {
            row["setting"]: int(row["value"]) for row in csv.DictReader(file) if row["table"] == "architecture"
        }
    assert trainable(STUDY_4[network]()) == published[network]


@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28, 1)])
def test_each_block_halves_the_image(shape):
    model = models.vgg(models.VGG_19, input_shape=shape)
    sizes = [model.get_layer(f"block_{number}").output.shape[1] for number in range(1, 6)]
    assert sizes == ([16, 8, 4, 2, 1] if shape[0] == 32 else [14, 7, 4, 2, 1])
    assert sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers) == 16
    assert model.output_shape == (None, 10)
