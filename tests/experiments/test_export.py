"""Export through its command line: every format gives the Keras model's answers."""

from pathlib import Path

import keras
import pandas as pd
import pytest

from experiments.cli import main
from experiments.export import COLUMNS
from kdsuite import models

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
OPTIONS = ["export", "--profile", "smoke", "--data", "mnist", "--results", "results", "--model"]


def test_every_format_agrees_with_the_keras_model(capsys):
    model = models.mnist_cnn((8,), dense=64)
    model.save("student.keras")
    assert main([*OPTIONS, "student.keras", "--study", "mnist-lambda-sweep"]) == 0
    rows = pd.read_csv("results/export.csv").set_index("format")
    assert list(rows.index) == ["keras", "litert-float32", "litert-float16", "litert-int8", "onnx"]
    assert set(rows.study) == {"mnist-lambda-sweep"}
    for name in ("keras", "litert-float32", "onnx"):
        assert rows.agreement[name] == 1
        assert rows.test_accuracy[name] == rows.test_accuracy["keras"]
    assert rows.agreement["litert-int8"] >= 0.9
    weights = 4 * model.count_params()
    assert rows.file_bytes["litert-float32"] == pytest.approx(weights, rel=0.1)
    assert rows.file_bytes["litert-float16"] == pytest.approx(weights / 2, rel=0.1)
    assert rows.file_bytes["litert-int8"] == pytest.approx(weights / 4, rel=0.15)
    assert rows.file_bytes["onnx"] == pytest.approx(weights, rel=0.1)
    for row in rows.itertuples():
        assert Path(row.file).stat().st_size == row.file_bytes
        assert row.latency_milliseconds > 0
    assert main([*OPTIONS, "student.keras", "--study", "mnist-lambda-sweep"]) == 0
    assert len(pd.read_csv("results/export.csv")) == 5
    assert "litert-int8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda: None, OPTIONS[:-1], "no model: give --model PATH"),
        (lambda: None, [*OPTIONS, "missing.keras"], "cannot load a model from missing.keras"),
        (lambda: Path("text.keras").write_text("no"), [*OPTIONS, "text.keras"], "cannot load a model from text.keras"),
        (
            lambda: models.mnist_cnn((8,), classes=7).save("seven.keras"),
            [*OPTIONS, "seven.keras"],
            "7",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(prepare, arguments, message, capsys):
    prepare()
    assert main(arguments) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()


def test_a_model_without_a_fixed_size_is_refused(capsys):
    inputs = keras.Input((None, None, 1))
    outputs = keras.layers.Dense(10)(keras.layers.GlobalMaxPooling2D()(inputs))
    keras.Model(inputs, outputs).save("any.keras")
    assert main([*OPTIONS, "any.keras"]) == 2
    assert "takes images of any size" in capsys.readouterr().err


def test_columns_are_those_written():
    models.mnist_cnn((2,), dense=4).save("student.keras")
    assert main([*OPTIONS, "student.keras", "--formats", "keras"]) == 0
    assert tuple(pd.read_csv("results/export.csv").columns) == COLUMNS
