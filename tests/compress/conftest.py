import keras
import numpy as np
import pytest
from PIL import Image

SIZE = 24


@pytest.fixture
def photos(in_empty_folder):
    """A folder of two classes of 60 pictures, stripes and checks, that a tiny network tells apart."""
    write_photos(in_empty_folder / "photos", 60)
    return in_empty_folder


def write_photos(folder, count, names=("checks", "stripes")):
    """Pictures of classes by name; each class has a pattern of its own."""
    random = np.random.default_rng(0)
    rows, columns = np.indices((SIZE, SIZE)) // 4
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        pattern = (rows + columns * (label == 0) + columns // 2 * (label > 1)) % 2
        for number in range(count):
            pixels = random.integers(0, 156, (SIZE, SIZE, 3)) + 100 * pattern[..., None]
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")


def untrained(activation="softmax", outputs=2, rescaled=True):
    """A residual network, small enough for a test."""
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs) if rescaled else inputs
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="stem")(x)
    for number in (1, 2):
        y = layers.Conv2D(16, 3, padding="same", use_bias=False, name=f"wide_{number}")(x)
        y = layers.BatchNormalization(momentum=0.8)(y)
        y = layers.Conv2D(16, 3, padding="same", name=f"narrow_{number}")(layers.ReLU()(y))
        x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(outputs, activation=activation, name="answer")(x), name="tiny")


def trained(photos, activation="softmax", outputs=2):
    """The network after a few epochs on the folder `photos`."""
    from kdsuite import data

    model = untrained(activation, outputs)
    loss = (
        keras.losses.BinaryCrossentropy(from_logits=activation is None)
        if outputs == 1
        else keras.losses.SparseCategoricalCrossentropy(from_logits=activation is None)
    )
    model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=False)
    model.fit(data.load(str(photos), image_size=SIZE).train.batches(16, seed=0), epochs=8, shuffle=False, verbose=0)
    return model
