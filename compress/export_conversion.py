"""Conversion of a Keras model to one file of another format, by Keras' own exporters."""

import contextlib
import importlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kdsuite.compress.augmentation import without_augmentation
from kdsuite.compress.errors import CompressionError, first_line
from kdsuite.compress.formats import Format, import_runtime
from kdsuite.compress.running import Forward, open_file
from kdsuite.prune.graph import inputs_like, set_weights

Calibration = dict[str, np.ndarray]
ONE_INPUT = "image"
EXAMPLES = 4
TOLERANCE = 0.02
"""Largest difference between the outputs of a file and of its model, as a share of the largest output: float16 and
other orders of summation stay far below, another function does not."""


def check_exportable(model: keras.Model) -> None:
    """Raises CompressionError unless a model is functional or a built Sequential, with inputs of fixed size."""
    if isinstance(model, keras.Sequential) and not model.built:
        raise CompressionError(
            f"model {model.name!r} has no input shape yet: start it with keras.Input(shape), or call its build"
        )
    if not getattr(model, "inputs", None):
        raise CompressionError(
            f"model {model.name!r} is subclassed and does not say its inputs: give export "
            "keras.Model(inputs, model(inputs)) with inputs = keras.Input(shape)"
        )
    for tensor in model.inputs:
        if None in tensor.shape[1:]:
            raise CompressionError(
                f"input {tensor.name!r} of model {model.name!r} has no fixed size {tuple(tensor.shape)}: give it one"
            )


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or a copy that computes in float32 with the same weights if a part of it computes in less.

    Raises:
        CompressionError: such a model cannot be built again from its configuration.
    """
    layers = list(model._flatten_layers(include_self=False))
    if all(layer.compute_dtype in (None, "float32") or "int" in layer.compute_dtype for layer in layers):
        return model
    try:
        copy = type(model).from_config(_with_float32(model.get_config()))
        for ours, theirs in zip(copy._flatten_layers(include_self=False), layers, strict=True):
            set_weights(ours, [np.asarray(weight, np.float32) for weight in theirs.get_weights()])
    except Exception as error:  # Whatever a custom layer raises.
        raise CompressionError(
            f"model {model.name!r} computes in {model.compute_dtype} and cannot be copied in float32 "
            f"({first_line(error)}): build it in float32 and set its weights"
        ) from error
    return copy


def input_names(model: keras.Model) -> list[str]:
    """Names of the inputs in the exported file: "image" of a single one, else the model's own."""
    if len(model.inputs) == 1:
        return [ONE_INPUT]
    return [tensor.name for tensor in model.inputs]


def convert(model: keras.Model, format: Format, path: Path, calibration: Calibration | None) -> None:
    """Writes a model to a file (OpenVINO: to two) in another format.

    LiteRT files take one example at a time: with a batch of open size their delegate leaves reshapes, and what follows,
    to slower kernels. The other formats take batches of any size.

    Args:
        model: as `check_exportable` wants it, in float32.
        format: the format.
        path: ends in the format's suffix.
        calibration: name of an input → (n, ...), for int8.

    Raises:
        CompressionError: Keras' exporter cannot convert the model.
    """
    batch = 1 if format.name.startswith("litert") else None
    names = iter(input_names(model))
    # A Sequential model that was never called has `inputs` and no `input`.
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    signature = keras.tree.map_structure(
        lambda tensor: tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=next(names)), inputs
    )
    kind, _, number = format.name.partition("-")
    options = _litert_options(number, calibration) if kind == "litert" else {}
    try:
        with _constant_statistics(model), warnings.catch_warnings():
            # Keras' copy of tf2onnx asks NumPy for a name that has gone.
            warnings.filterwarnings("ignore", category=FutureWarning)
            # TensorFlow's converter calibrates with its own, deprecated interpreter.
            warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning)
            if kind == "onnx":
                importlib.import_module("kdsuite.compress.onnx_operations")
            # LiteRT's exporter alone is told that this is no training.
            exported = model if kind == "litert" else _in_inference(without_augmentation(model), inputs)
            exported.export(str(path), format=kind, verbose=False, input_signature=[signature], **options)
            if kind == "openvino":
                _without_stray_outputs(import_runtime(format), path, len(model.outputs))
        # tf2onnx writes operations that ONNX does not have, and only warns.
        file = open_file(path)
        if len(file.inputs) > len(model.inputs):
            raise ValueError("a layer of your own holds a tensor, which becomes an input: hold it as a NumPy array")
        if number != "int8":
            _check_answers(model, inputs, file)
    except Exception as error:  # Each converter raises errors of its own.
        raise CompressionError(
            f"model {model.name!r} cannot be converted to {format.name}: {_reason(error)}"
        ) from error


def _in_inference(model: keras.Model, inputs) -> keras.Model:
    """A model that calls another as inference does: layers such as `Resizing` note `training=True` in its graph."""
    fed = inputs_like(inputs)
    return keras.Model(fed, model(fed, training=False), name=model.name)


def _without_stray_outputs(openvino: Any, path: Path, outputs: int) -> None:
    """Leaves out what an OpenVINO file gives behind the model's outputs: tensors within layers such as `Resizing`."""
    whole = openvino.Core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
    if len(whole.outputs) > outputs:
        kept = openvino.Model(whole.get_results()[:outputs], whole.get_parameters(), whole.get_friendly_name())
        openvino.save_model(kept, path, compress_to_fp16=False)


def _check_answers(model: keras.Model, inputs, file: Forward) -> None:
    """Raises a ValueError where a file answers otherwise than its model on a few inputs.

    Not looked at: models of texts, and of several outputs, which files give in another order.
    """
    tensors = keras.tree.flatten(inputs)
    if len(model.outputs) > 1 or any(tensor.dtype == "string" for tensor in tensors):
        return
    random = np.random.default_rng(0)
    drawn = [_drawn(tensor, random) for tensor in tensors]
    fed = [keras.ops.convert_to_tensor(array, tensor.dtype) for array, tensor in zip(drawn, tensors, strict=True)]
    expected = np.asarray(model(keras.tree.pack_sequence_as(inputs, fed), training=False))
    named = file.named(dict(zip(input_names(model), drawn, strict=True)))
    rows = [{name: array[row : row + 1] for name, array in named.items()} for row in range(EXAMPLES)]
    given = np.concatenate([file.run(row).copy() for row in rows])
    if given.shape != expected.shape:
        raise ValueError(f"its file gives outputs of shape {given.shape}, the model {expected.shape}")
    difference, largest = np.abs(given - expected).max(), np.abs(expected).max()
    if np.isfinite(largest) and not difference <= TOLERANCE * max(1, largest):
        raise ValueError(f"its file answers otherwise than the model, by {difference:.2g} of up to {largest:.2g}")


def _drawn(tensor, random: np.random.Generator) -> np.ndarray:
    """Pixels of images, 0 and 1 of integers, which may be look-ups, and normal values else."""
    shape = (EXAMPLES, *tensor.shape[1:])
    if "float" not in tensor.dtype:
        return random.integers(0, 2, shape)
    return random.uniform(0, 255, shape) if len(shape) == 4 else random.normal(size=shape)


@contextlib.contextmanager
def _constant_statistics(model: keras.Model) -> Iterator[None]:
    """Lets `Normalization` hold NumPy arrays for the while: tf2onnx makes tensors inputs of the file."""
    normalizations = [
        layer for layer in model._flatten_layers(include_self=False) if isinstance(layer, keras.layers.Normalization)
    ]
    held = [(layer.mean, layer.variance) for layer in normalizations]
    for layer in normalizations:
        layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    try:
        yield
    finally:
        for layer, (mean, variance) in zip(normalizations, held, strict=True):
            layer.mean, layer.variance = mean, variance


LACKING = re.compile(
    r"'tf\.(\w+)' op is neither|No conversion rule found for operations: ([\w, ]+)|^-- (\w+) with a message|"
    r"In Node, \(\"[^\"]+\", (\w+),",
    re.MULTILINE,
)


def _reason(error: Exception) -> str:
    """The operations that a format lacks, or the error's first line."""
    lacking = dict.fromkeys("".join(groups).strip() for groups in LACKING.findall(str(error)))
    return f"the format lacks {', '.join(lacking)}" if lacking else first_line(error)


def _litert_options(number: str, calibration: Calibration | None) -> dict[str, Any]:
    """Attributes of TensorFlow's converter; without TensorFlow's own kernels, which runtimes on devices lack."""
    kinds = tf.lite.OpsSet
    if number == "float32":
        return {"target_spec": {"supported_ops": [kinds.TFLITE_BUILTINS]}}
    options: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if number == "float16":
        target = {"supported_ops": [kinds.TFLITE_BUILTINS], "supported_types": [tf.float16]}
        return options | {"target_spec": target}
    assert calibration is not None
    target = {"supported_ops": [kinds.TFLITE_BUILTINS_INT8]}
    return options | {"target_spec": target, "representative_dataset": _examples(calibration)}


def _examples(calibration: Calibration) -> Callable[[], Iterator[Calibration]]:
    count = len(next(iter(calibration.values())))

    def examples() -> Iterator[Calibration]:
        for row in range(count):
            yield {name: array[row : row + 1] for name, array in calibration.items()}

    return examples


def _with_float32(config):
    """A configuration in which each floating dtype, and each policy, is float32."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" and _is_floating(value) else _with_float32(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_with_float32(value) for value in config)
    return config


def _is_floating(dtype) -> bool:
    name = dtype.get("config", {}).get("name", "") if isinstance(dtype, dict) else dtype
    return isinstance(name, str) and "float" in name
