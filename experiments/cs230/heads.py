"""A new head on frozen ImageNet features: the teacher of study 1's Dogs vs. Cats experiments."""

from pathlib import Path

import keras
import numpy as np

from kdsuite import distill
from kdsuite.data import Dataset

HEAD_BATCH = 64


def train_head(model: keras.Model, dataset: Dataset, *, epochs: int, learning_rate: float, cache: Path) -> None:
    """Trains the layer "logits" of `model` on the outputs of its layer "pool", which are computed once.

    Args:
        model: ends in a dense layer "logits" on a layer "pool"; the head's weights are replaced.
        dataset: trains on `train`.
        epochs: passes over the features.
        learning_rate: of Adam.
        cache: folder of the cached features.
    """
    features = keras.Model(model.input, model.get_layer("pool").output, name="features")
    inputs = distill.teacher_outputs(features, dataset.train, cache=cache, batch_size=50).arrays["logits"]
    # Images enter as pixels of natural scenes, so the features have a scale of their own.
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    head = keras.Sequential([keras.Input(inputs.shape[1:]), keras.layers.Dense(model.output_shape[-1])])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(keras.optimizers.Adam(learning_rate), loss=loss, jit_compile=False)
    head.fit((inputs - mean) / deviation, dataset.train.labels, batch_size=HEAD_BATCH, epochs=epochs, verbose=0)
    kernel, bias = head.get_weights()
    kernel = kernel / deviation[:, None]
    model.get_layer("logits").set_weights([kernel, bias - np.dot(mean, kernel)])
