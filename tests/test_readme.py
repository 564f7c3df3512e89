import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from kdsuite.report import readme

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()


def network(width):
    return keras.Sequential(
        [keras.Input((96, 96, 3)), keras.layers.Flatten(), keras.layers.Dense(width, "relu"), keras.layers.Dense(2)]
    )


def test_the_examples_run_as_printed(in_empty_folder, capsys):
    """One after the other, on a folder of pictures whose class is their brightness."""
    examples = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) == 4
    random = np.random.default_rng(0)
    for label, name in enumerate(("dark", "bright")):
        (in_empty_folder / "path/to/images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(128 * label, 128 * label + 128, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(in_empty_folder / "path/to/images" / name / f"{number}.png")
    network(4).save("teacher.keras")
    images = random.integers(0, 256, (30, 96, 96, 3)).astype(np.float32) / 255
    train = tf.data.Dataset.from_tensor_slices((images, np.arange(30) % 2)).batch(10)
    names = {"student": network(3), "train": train, "test": train}
    before = names["student"].get_weights()
    for example in examples:
        exec(compile(example, "README.md", "exec"), names)
    assert "accuracy" in capsys.readouterr().out
    assert np.any(keras.models.load_model("student.keras").get_weights()[0] != before[0])
    assert len(names["dataset"].train) == 29
    assert names["smaller"].count_params() == 96 * 96 * 3 * 2 + 2
    assert names["narrower"].layers[-2].units == 2


def test_the_tables_are_those_of_the_rows():
    assert readme.with_tables(TEXT) == TEXT


def test_every_make_target_it_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z][a-z0-9-]+)", TEXT)):
        assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target


def test_files_it_shows_exist():
    for path in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / path).exists(), path
