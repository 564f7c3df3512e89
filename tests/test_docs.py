"""README and guides: their code runs as printed, their links lead somewhere, their tables are those of the rows."""

import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from experiments import pages, registry
from experiments.engine.config import with_profile
from kdsuite import data
from kdsuite.report.rows import Results

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


def run(path, shortened=("", "")):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", path.read_text().replace(*shortened), re.DOTALL):
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


@pytest.mark.long
def test_the_page_on_compression_runs(photos, capsys):
    teacher = classifier(32, "softmax")
    teacher.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    split = data.load("photos", image_size=32).train
    teacher.fit(split.batches(8, seed=0), epochs=20, shuffle=False, verbose=0)
    teacher.save("teacher.keras")
    names = run(ROOT / "docs" / "compress.md", ("minutes=20", "minutes=0.3"))
    assert names["result"].files[1].macs <= 0.5 * names["result"].files[0].macs
    assert "groups of channels that go together" in capsys.readouterr().out


@pytest.mark.slow
def test_the_guide_to_exports_runs(photos, capsys):
    classifier(32, None).save("student.keras")
    names = run(ROOT / "docs" / "export.md")
    assert [path.name for path in names["files"].values()] == [
        "student.float32.tflite",
        "student.float16.tflite",
        "student.int8.tflite",
        "student.onnx",
    ]
    assert "litert-int8" in capsys.readouterr().out
    assert names["known"].trained_on(names["dataset"].train) == names["known"].sizes["train"]


@pytest.mark.slow
def test_the_guide_to_clusters_runs():
    names = run(ROOT / "docs" / "cluster.md")
    images, labels = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32), np.arange(8) % 3
    with names["strategy"].scope():
        logits = names["student"](images).numpy()
    batch = tf.data.Dataset.from_tensors((images, {"labels": labels, "teacher": {"logits": logits}}))
    assert np.isfinite(names["distiller"].fit(batch, shuffle=False, verbose=0).history["loss"]).all()


def test_every_code_block_is_run_by_a_test_here():
    tests = Path(__file__).read_text()
    for path in TEXTS:
        if "```python" in path.read_text():
            assert re.search(rf'run\(ROOT / .*"{path.name}"[,)]', tests), path.name


def test_generated_files_are_those_of_the_rows(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/compress.md", "docs/export.md"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for path in pages.write(tmp_path):
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), path.name


def test_a_setting_that_its_profile_does_not_give_any_more_says_in_what_it_differs():
    study, experiment = registry.experiments()["catdog-images"]
    usual = with_profile(study.load("config", experiment.config), "full").setting()
    own = usual | {"image_size": 224, "epochs": 12, "an_option_that_went": 1}
    setting = {"profile": "full", "configuration": own, "data": {}}
    results = Results("catdog-images", pd.DataFrame(), pd.DataFrame(), setting, Path())
    assert pages.other_options(study, results) == "image size 224, epochs 12"


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
