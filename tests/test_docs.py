"""README and guides: their code runs as printed, their links lead somewhere, their tables are those of the rows."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from experiments import pages, registry

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture
def photos(in_empty_folder):
    """Two classes that differ in brightness, and a classifier trained on nothing."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("dark", "bright")):
        (in_empty_folder / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = random.integers(128 * label, 128 * label + 128, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(in_empty_folder / "photos" / name / f"{number}.png")
    return in_empty_folder


def classifier(size, activation):
    layers = [keras.Input((size, size, 3)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(24, 3, padding="same", activation="relu", name=f"conv_{n}") for n in (1, 2, 3)]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation=activation)]
    return keras.Sequential(layers)


def convolutions(model):
    return sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)


def run(path):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        exec(compile(block, path.name, "exec"), names)
    return names


@pytest.mark.slow
def test_the_readmes_example_runs(photos, capsys):
    classifier(96, None).save("teacher.keras")
    names = run(ROOT / "README.md")
    assert "accuracy" in capsys.readouterr().out
    assert convolutions(names["student"]) == convolutions(names["teacher"]) - 1
    saved = keras.models.load_model("student.keras")
    for one, other in zip(saved.get_weights(), names["student"].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_guide_runs(photos):
    classifier(32, "softmax").save("teacher.keras")
    names = run(ROOT / "docs" / "own-model.md")
    assert names["teacher"].layers[-1].activation is keras.activations.linear
    assert names["narrower"].count_params() < 0.52 * names["teacher"].count_params()
    assert convolutions(names["smaller"]) == convolutions(names["teacher"]) - 1


def test_generated_files_are_those_of_the_rows(tmp_path):
    (tmp_path / "README.md").write_text(README)
    for path in pages.write(tmp_path):
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), path.name


def test_the_readme_is_short():
    text = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert len(text.split()) < 1200


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_and_make_targets_exist(path):
    text = path.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (path.parent / link).exists() or link.startswith("http"), link
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^    )make ([a-z][a-z0-9-]+)", text, re.MULTILINE)) - {"quartz-sweep"}:
        assert target in registry.names() or re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target
