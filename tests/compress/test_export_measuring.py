"""Measuring: figures against a second way, and memory that is the network's alone."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import compress, distill
from kdsuite.compress import running_memory


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)])


def test_the_figures_are_those_of_the_logits(model, small_split, tmp_path):
    path = compress.export(model, tmp_path, ["onnx"])["onnx"]
    answers = compress.logits(path, small_split)
    reference = answers.copy()
    # Two rows whose largest logit is another, by 2 at the most.
    for row in (3, 70):
        reference[row, (answers[row].argmax() + 1) % 3] = answers[row].max() + 0.5
    reference[5] += 2
    measured = compress.measure(path, small_split, reference, threads=1, turns=20)
    assert measured.accuracy == np.mean(answers.argmax(-1) == small_split.labels)
    assert measured.agreement == pytest.approx(1 - 2 / 120)
    expected = np.abs(answers - reference).max()
    assert measured.max_difference == pytest.approx(expected) and expected >= 2
    assert measured.file_bytes == path.stat().st_size
    assert 0 < measured.p50_milliseconds <= measured.p95_milliseconds < 1000
    assert 0 < measured.peak_memory_bytes < 500e6


@pytest.mark.slow
def test_a_keras_model_and_its_file_measure_alike(model, small_split, tmp_path):
    distill.save_student(model, tmp_path / "model.keras")
    reference = compress.logits(model, small_split)
    for given in (model, tmp_path / "model.keras"):
        measured = compress.measure(given, small_split, reference, turns=20)
        assert (measured.agreement, measured.max_difference) == (1, 0)
        assert measured.file_bytes == pytest.approx((tmp_path / "model.keras").stat().st_size, abs=200)


def test_other_logits_are_refused(model, small_split):
    reference = compress.logits(model, small_split)
    with pytest.raises(compress.CompressionError, match=r"reference \(120, 2\): expected \(n, classes\) of both"):
        compress.measure(model, small_split, reference[:, :2])


@pytest.mark.parametrize("shaped", [lambda labels: labels[:, None], lambda labels: np.eye(3)[labels]])
def test_labels_that_would_be_broadcast_are_refused(model, small_split, shaped):
    images, labels = small_split.images, small_split.labels % 3
    reference = compress.logits(model, small_split)
    with pytest.raises(
        compress.CompressionError, match=r"labels of shape \(120, .\) for 120 examples: expected \(120,\)"
    ):
        compress.measure(model, (images, shaped(labels)), reference)


@keras.saving.register_keras_serializable("tests")
class Twice(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def with_own_layer():
    return keras.Sequential([keras.Input((8, 8, 1)), Twice(), layers.Flatten(), layers.Dense(3)], name="mine")


def test_layers_of_ones_own_module_are_known_to_the_fresh_process(small_split, tmp_path):
    model = with_own_layer()
    reference = compress.logits(model, small_split)
    distill.save_student(model, tmp_path / "mine.keras")
    assert compress.measure(tmp_path / "mine.keras", small_split, reference, turns=5).agreement == 1


def test_layers_of_a_script_are_measured_in_exported_files(small_split, tmp_path, monkeypatch):
    monkeypatch.setattr(Twice, "__module__", "__main__")
    model = with_own_layer()
    reference = compress.logits(model, small_split)
    with pytest.raises(compress.CompressionError, match="defined in the script or notebook that runs: put them into"):
        compress.measure(model, small_split, reference, turns=5)
    (path,) = compress.export(model, tmp_path, ["litert-float32"]).values()
    assert compress.measure(path, small_split, reference, turns=5).agreement == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.onnx", "no file .*missing.onnx: expected one that export wrote"),
        ("text.onnx", "cannot run .*text.onnx .*: export it again"),
        ("text.int8.tflite", "cannot run .*text.int8.tflite .*: export it again"),
        ("text.xml", "cannot run .*text.xml .*: export it again"),
        ("text.pt", r"expected a name that ends in \.keras, \.float32\.tflite"),
        ("text.keras", "cannot load a model from"),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(name, message, small_split, tmp_path):
    if name.startswith("text"):
        (tmp_path / name).write_text("no network")
    with pytest.raises(compress.CompressionError, match=message) as caught:
        compress.logits(tmp_path / name, small_split)
    assert "\n" not in str(caught.value)


MEASURE = """
import numpy as np
from kdsuite.compress import running_memory as memory
before = memory.reset_peak()
held = np.ones(50 << 20, np.uint8)
del held
print(memory.peak() - before)
"""


@pytest.mark.parametrize("missing", ["clear_refs", "VmHWM"])
def test_a_system_that_does_not_tell_memory_is_measured_without(missing, monkeypatch, tmp_path):
    (tmp_path / "status").write_text("VmRSS:\t   12 kB\n" + ("" if missing == "VmHWM" else "VmHWM:\t   20 kB\n"))
    monkeypatch.setattr(running_memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(running_memory, "CLEAR", tmp_path / ("no folder/x" if missing == "clear_refs" else "clear"))
    before, after = running_memory.reset_peak(), running_memory.peak()
    assert (before, after) == ((None, 20 << 10) if missing == "clear_refs" else (12 << 10, None))


def test_the_peak_is_a_process_own():
    """A child's ru_maxrss would start with what this process holds."""
    held = np.ones(600 << 20, np.uint8)
    child = [sys.executable, "-c", MEASURE]
    added = int(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
    assert added == pytest.approx(50 << 20, rel=0.1)
    del held
    before = running_memory.reset_peak()
    assert running_memory.peak() - before < 50 << 20
