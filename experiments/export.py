"""Export of a trained network to LiteRT (float32, float16, int8) and ONNX, each run again on the test split.

    make export MODEL=student.keras ARGS="--data cifar10"        (python -m experiments export --model student.keras)

Each file goes beside the model; a row a format in results/export.csv has its bytes, its test accuracy beside the Keras
model's, the share of test images on which both agree, and the median time for one image. int8 is calibrated on images
of the training split; its inputs and outputs stay float32.
"""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from experiments.engine.errors import UsageError
from experiments.engine.networks import load_model
from experiments.engine.rows import Table, check_writable
from experiments.engine.training import outputs
from experiments.export_config import ExportConfig
from kdsuite import distill
from kdsuite.data import Dataset

COLUMNS = (
    *("study", "trial", "model", "format", "dataset", "source", "test_size", "params", "file_bytes"),
    *("test_accuracy", "agreement", "latency_milliseconds", "file"),
)
Forward = Callable[[np.ndarray], np.ndarray]


def run(config: ExportConfig) -> None:
    """Writes, runs and measures each format that is not in the rows yet."""
    assert config.model is not None
    model = load_model(config.model)
    _, size, width, channels = model.input_shape
    if None in (size, width, channels) or size != width:
        raise UsageError(f"{config.model} takes images of any size or not square: expected one fixed square size")
    dataset = config.load(image_size=size, channels=channels)
    distill.check_same_outputs(model.output_shape, (None, len(dataset.class_names)))
    check_writable(config.results)
    rows = Table(config.results / "export.csv", COLUMNS)
    fingerprint = distill.model_fingerprint(model)[:12]
    logits = outputs(model, dataset.test)
    print(f"{config.model} on {len(dataset.test):,} test images of {dataset.name} from {dataset.source}")
    for name in config.formats:
        key = f"{fingerprint}-{dataset.test.fingerprint[:8]}-{name}"
        if key in rows.trials():
            continue
        path = config.model
        if name != "keras":
            path = config.model.with_suffix(SUFFIXES[name])
            path.write_bytes(converted(model, name, dataset, config.calibration_size))
        described = {
            "study": config.study,
            "trial": key,
            "model": model.name,
            "format": name,
            "dataset": dataset.name,
            "source": dataset.source,
            "test_size": len(dataset.test),
            "params": model.count_params(),
            "file": path.name,
        }
        rows.append([described | measured(model, path, name, dataset, logits, config.timings)])
    table = pd.read_csv(rows.path)
    table = table[table.trial.str.startswith(fingerprint)].drop(columns=["study", "trial", "dataset", "source"])
    print(table.to_string(index=False))
    print(f"rows: {rows.path}")


SUFFIXES = {
    "litert-float32": ".float32.tflite",
    "litert-float16": ".float16.tflite",
    "litert-int8": ".int8.tflite",
    "onnx": ".onnx",
}


def converted(model: keras.Model, name: str, dataset: Dataset, calibration_size: int) -> bytes:
    """The model in another format, with float32 inputs and outputs.

    Args:
        model: from images (n, height, width, channels) to logits.
        name: one of the formats but "keras".
        dataset: int8 is calibrated on images of `train`.
        calibration_size: how many.
    """
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Keras' copy of tf2onnx asks NumPy for a name that has gone.
        warnings.filterwarnings("ignore", category=FutureWarning)
        if name == "onnx":
            path = Path(folder) / "model.onnx"
            model.export(path, format="onnx", verbose=False, input_signature=signature)
            return path.read_bytes()
        model.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
        return _litert(folder, name, dataset, calibration_size)


def _litert(folder: str, name: str, dataset: Dataset, calibration_size: int) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    if name != "litert-float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "litert-float16":
        converter.target_spec.supported_types = [tf.float16]
    if name == "litert-int8":
        images = next(iter(dataset.train.batches(calibration_size, seed=0, epoch=0)))[0].numpy().astype(np.float32)
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def forward_of(model: keras.Model, path: Path, name: str) -> Forward:
    """A function from one float32 image (1, height, width, channels) to its logits, that runs the file at `path`."""
    if name == "keras":
        compiled = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
        return lambda image: compiled(image).numpy()
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0].name
        return lambda image: session.run(None, {entry: image})[0]
    with warnings.catch_warnings():
        # TensorFlow's interpreter is deprecated, but its successor needs a package without a build for Python 3.11.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=path.read_bytes())
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def forward(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry, image)
        interpreter.invoke()
        return interpreter.get_tensor(exit_)

    return forward


def measured(model: keras.Model, path: Path, name: str, dataset: Dataset, logits: np.ndarray, timings: int) -> dict:
    """The measured columns of a row: the file at `path`, run on every test image.

    Args:
        model: the Keras model.
        path: its file in the format `name`.
        dataset: measures on `test`, one image after the other.
        logits: of the Keras model on `test`.
        timings: how many images are timed.
    """
    forward = forward_of(model, path, name)
    given, seconds = [], []
    for images, _ in dataset.test.batches(1):
        image = images.numpy().astype(np.float32)
        begin = time.perf_counter()
        given.append(forward(image)[0].argmax())
        seconds.append(time.perf_counter() - begin)
    taken = np.array(given)
    return {
        "file_bytes": path.stat().st_size,
        "test_accuracy": float(np.mean(taken == dataset.test.labels)),
        "agreement": float(np.mean(taken == logits.argmax(-1))),
        # The first ones warm up.
        "latency_milliseconds": 1000 * statistics.median(seconds[10 : 10 + timings]),
    }
