import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Two classes of 10 pictures, each of one grey value that tells class and number."""
    for label, name in enumerate(("bird", "car")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            grey = 100 * label + number
            Image.new("RGB", (12, 12), (grey, grey, grey)).save(tmp_path / "pictures" / name / f"{number:02}.png")
    return tmp_path / "pictures"


@pytest.fixture
def prepare_copy(tmp_path, monkeypatch, no_tfds_no_network):
    """A function that prepares a TFDS copy of random pictures with labels 0, 1, 0, …; the folder of its files."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))

    def prepare(name, version, counts, shape, class_names, encoding="png"):
        import tensorflow as tf
        import tensorflow_datasets as tfds

        random = np.random.default_rng(0)
        image = tfds.features.Image(shape=shape, encoding_format=encoding)
        features = tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(names=class_names)})
        parts = {
            part: {"image": random.integers(0, 256, (count, *shape), np.uint8), "label": np.arange(count) % 2}
            for part, count in counts.items()
        }
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version=version,
            features=features,
            split_datasets={part: tf.data.Dataset.from_tensor_slices(arrays) for part, arrays in parts.items()},
            data_dir=str(tmp_path / "tfds"),
        )
        return tmp_path / "tfds" / name / version, parts

    return prepare
