"""Export through its command line: every format measured, on images that the network has not seen."""

from pathlib import Path

import keras
import pandas as pd
import pytest

from experiments.cli import main
from experiments.export import COLUMNS
from kdsuite import data, distill, models

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SIZES = {"train_size": 100, "validation_size": 50, "test_size": 60}
OPTIONS = [f"--{name.replace('_', '-')}={size}" for name, size in SIZES.items()]
EXPORT = ["export", "--data", "mnist", "--timings", "20", "--threads", "1", "--model"]


def rows():
    return pd.read_csv("results/export.csv")


@pytest.mark.slow
def test_every_format_agrees_with_the_keras_model(capsys):
    model = models.mnist_cnn((8,), dense=64)
    distill.save_student(model, "student.keras", data.load("mnist", **SIZES, seed=7))
    assert main([*EXPORT, "student.keras", "--study", "mnist-lambda-sweep"]) == 0
    table = rows().set_index("format")
    assert tuple(table.reset_index()[list(COLUMNS)].columns) == COLUMNS
    assert list(table.index) == ["keras", "litert-float32", "litert-float16", "litert-int8", "onnx"]
    # Its file says how it was split.
    assert set(zip(table.train_size, table.validation_size, table.test_size, table.split_seed, strict=True)) == {
        (100, 50, 60, 7)
    }
    assert set(table.test_images) == {"unseen"} and set(table.study) == {"mnist-lambda-sweep"}
    assert table.calibration_size.dropna().to_dict() == {"litert-int8": 100}
    for name in ("keras", "litert-float32", "onnx"):
        assert table.agreement[name] == 1 and table.max_difference[name] < 1e-5
        assert table.test_accuracy[name] == table.test_accuracy["keras"]
    assert table.agreement["litert-int8"] >= 0.9
    weights = 4 * model.count_params()
    assert table.file_bytes["litert-float32"] == pytest.approx(weights, rel=0.1)
    assert table.file_bytes["litert-float16"] == pytest.approx(weights / 2, rel=0.1)
    assert table.file_bytes["litert-int8"] == pytest.approx(weights / 4, rel=0.15)
    assert table.file_bytes["onnx"] == pytest.approx(weights, rel=0.1)
    for row in table.drop("keras").itertuples():
        assert (Path("results") / row.file).stat().st_size == row.file_bytes
    assert (table.p95_milliseconds >= table.p50_milliseconds).all() and (table.p50_milliseconds > 0).all()
    assert "litert-int8" in capsys.readouterr().out


@pytest.mark.slow
def test_no_file_or_row_is_anothers():
    options = ["--formats", "onnx", *OPTIONS]
    for name in ("one", "two"):
        models.mnist_cnn((2,), dense=4).save(f"{name}.keras")
    assert main([*EXPORT, "one.keras", *options]) == 0
    (path,) = Path("results/export").glob("*/one.onnx")
    written = path.read_bytes()
    # Nothing is done twice …
    assert main([*EXPORT, "one.keras", *options]) == 0
    assert len(rows()) == 1
    # … another model under this name, another model, another split and another path have files and rows of their own …
    Path("copy.keras").write_bytes(Path("one.keras").read_bytes())
    assert main([*EXPORT, "two.keras", *options]) == 0
    assert main([*EXPORT, "one.keras", *options, "--split-seed", "1"]) == 0
    assert main([*EXPORT, "copy.keras", *options]) == 0
    Path("two.keras").replace("one.keras")
    assert main([*EXPORT, "one.keras", *options]) == 0
    assert len(rows()) == rows().trial.nunique() == rows().file.nunique() == 5
    assert path.read_bytes() == written
    # … and a missing file is written and measured again.
    path.unlink()
    Path("copy.keras").replace("one.keras")
    assert main([*EXPORT, "one.keras", *options]) == 0
    assert path.exists() and len(rows()) == 5


@pytest.mark.slow
def test_test_images_that_were_trained_on_are_refused(capsys):
    """320 of 1,000 once were, without a hint."""
    trained = data.load("mnist", train_size=1700, validation_size=100, test_size=1000, seed=0)
    model = models.mnist_cnn((2,), dense=4)
    distill.save_student(model, "student.keras", trained)
    options = ["--formats", "keras", "--train-size", "100", "--validation-size", "50", "--test-size", "1000"]
    assert main([*EXPORT, "student.keras", *options, "--split-seed", "1"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    now = data.load("mnist", train_size=100, validation_size=50, test_size=1000, seed=1)
    known = {image.tobytes() for image in trained.train.images}
    seen = sum(image.tobytes() in known for image in now.test.images)
    assert 250 < seen < 450
    assert f"{seen} of 1,000 test images of mnist are among those that student.keras was trained on" in error
    assert not Path("results").exists()
    assert main([*EXPORT, "student.keras", "--formats", "keras"]) == 0


@pytest.mark.slow
def test_a_model_that_does_not_say_is_exported_and_that_is_said(capsys):
    models.mnist_cnn((2,), dense=4).save("student.keras")
    assert main([*EXPORT, "student.keras", "--formats", "keras", *OPTIONS]) == 0
    assert "does not say what it was trained on" in capsys.readouterr().out
    assert set(rows().test_images) == {"unknown"}


def test_other_classes_are_refused(capsys):
    model = models.mlp((4,), classes=2, input_shape=(32, 32, 3))
    distill.save_student(model, "student.keras", data.load("synthetic"))
    assert main(["export", "--data", "mnist", "--model", "student.keras"]) == 2
    assert "was trained on the classes stripes, checks: expected the same" in capsys.readouterr().err


def two_inputs():
    inputs = [keras.Input((28, 28, 1)), keras.Input((5,))]
    outputs = keras.layers.Dense(10)(keras.layers.Concatenate()([keras.layers.Flatten()(inputs[0]), inputs[1]]))
    return keras.Model(inputs, outputs)


def several_outputs():
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, {"a": keras.layers.Dense(10)(flat), "b": keras.layers.Dense(10)(flat)})


def any_size():
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalMaxPooling2D()(inputs)))


def save_unbuilt():
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)]).save("unbuilt.keras")


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda: None, EXPORT[:-1], "no model: give --model PATH"),
        (lambda: None, ["export", "--model", "student.keras"], "no data: give --data NAME"),
        (lambda: None, [*EXPORT, "missing.keras"], "cannot load a model from missing.keras"),
        (lambda: Path("text.keras").write_text("no"), [*EXPORT, "text.keras"], "cannot load a model from text.keras"),
        (lambda: models.mnist_cnn((8,), classes=7).save("seven.keras"), [*EXPORT, "seven.keras"], "7"),
        (lambda: two_inputs().save("two.keras"), [*EXPORT, "two.keras"], "has 2 inputs and 1 outputs"),
        (lambda: several_outputs().save("dict.keras"), [*EXPORT, "dict.keras"], "has 1 inputs and 2 outputs"),
        (lambda: any_size().save("any.keras"), [*EXPORT, "any.keras"], "expected one fixed square size"),
        (
            lambda: keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)]).save("flat.keras"),
            [*EXPORT, "flat.keras"],
            "takes inputs (784,): expected images (height, width, channels), put keras.layers.Flatten",
        ),
        (
            save_unbuilt,
            [*EXPORT, "unbuilt.keras"],
            "has no inputs yet: build it",
        ),
        (
            lambda: models.mnist_cnn((2,), dense=4).save("student.keras"),
            [*EXPORT, "student.keras", "--calibration-size", "5000"],
            "calibration size 5000: there are 3,600 training images",
        ),
        (lambda: None, [*EXPORT, "m.keras", "--formats", "onnx", "--calibration-size", "9"], "only litert-int8"),
        (lambda: None, [*EXPORT, "m.keras", "--seeds", "3"], "--seeds"),
        (lambda: None, [*EXPORT, "m.keras", "--workers", "2"], "--workers"),
        (lambda: None, [*EXPORT, "m.keras", "--profile", "smoke"], "--profile"),
    ],
)
def test_bad_input_is_one_line_and_status_2(prepare, arguments, message, capsys):
    prepare()
    assert main(arguments) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
