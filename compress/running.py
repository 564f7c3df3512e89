"""Exported files as functions: from inputs by name to logits. Imports TensorFlow for .keras files alone."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdsuite.compress.errors import CompressionError, first_line
from kdsuite.compress.formats import format_of, import_runtime


@dataclass(frozen=True)
class Forward:
    """A network that can be run.

    Attributes:
        inputs: name → dtype of each input.
        batch: how many examples it takes at a time, or None for any number.
        outputs: how many it has.
        run: function from arrays (b, ...) by name, in these dtypes, to the first output (b, ...).
    """

    inputs: dict[str, np.dtype]
    batch: int | None
    outputs: int
    run: Callable[[dict[str, np.ndarray]], np.ndarray]

    def named(self, inputs) -> dict[str, np.ndarray]:
        """Inputs by name and in their dtypes.

        Args:
            inputs: an array of the only input, or a mapping from the name of each.

        Raises:
            CompressionError: other inputs than the network's.
        """
        if not isinstance(inputs, Mapping) and len(self.inputs) == 1:
            inputs = {next(iter(self.inputs)): inputs}
        if not isinstance(inputs, Mapping) or set(inputs) != set(self.inputs):
            given = sorted(inputs) if isinstance(inputs, Mapping) else "one array"
            raise CompressionError(f"inputs {given}: expected a dict with all of {sorted(self.inputs)}")
        return {name: np.asarray(inputs[name]).astype(dtype) for name, dtype in self.inputs.items()}


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_file(path: Path, threads: int | None = None) -> Forward:
    """Opens a network's file for inference on the CPU.

    Args:
        path: a .keras file, or one that `export` wrote.
        threads: how many compute; by default as many as there are cores. A .keras file runs on TensorFlow's own.

    Raises:
        CompressionError: the suffix is unknown, a package is missing, or the file cannot be read.
    """
    if path.suffix == ".keras":
        from kdsuite.compress.exporting import load_model

        return of_model(load_model(path))
    format = format_of(path)
    runtime = import_runtime(format)
    opened = {"litert": _litert, "onnx": _onnx, "openvino": _openvino}[format.name.partition("-")[0]]
    if not path.is_file():
        raise CompressionError(f"no file {path}: expected one that export wrote")
    try:
        return opened(runtime, path, threads or cores())
    except Exception as error:  # Each runtime raises errors of its own.
        raise CompressionError(f"cannot run {path} ({first_line(error)}): export it again") from error


def of_model(model) -> Forward:
    """A Keras model in inference mode; its only input may go by any name."""
    import tensorflow as tf

    inputs = {tensor.name: _numpy_dtype(tensor.dtype) for tensor in model.inputs}

    @tf.function(reduce_retracing=True, autograph=False)
    def forward(named):
        return model(named if len(inputs) > 1 else next(iter(named.values())), training=False)

    def run(named: dict[str, np.ndarray]) -> np.ndarray:
        return tf.cast(tf.nest.flatten(forward(named))[0], tf.float32).numpy()

    return Forward(inputs, None, len(model.outputs), run)


def _litert(runtime: Any, path: Path, threads: int) -> Forward:
    interpreter = runtime.Interpreter(model_content=path.read_bytes(), num_threads=threads)
    interpreter.allocate_tensors()
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    # By signature the inputs have the names of the model's.
    details = interpreter.get_signature_runner().get_input_details()
    batch = int(next(iter(details.values()))["shape"][0])
    inputs = {name: np.dtype(detail["dtype"]) for name, detail in details.items()}
    places = {name: detail["index"] for name, detail in details.items()}

    def run(named: dict[str, np.ndarray]) -> np.ndarray:
        for name, array in named.items():
            interpreter.set_tensor(places[name], array)
        interpreter.invoke()
        return interpreter.get_tensor(outputs[0])

    return Forward(inputs, batch, len(outputs), run)


def _onnx(runtime: Any, path: Path, threads: int) -> Forward:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    inputs = {entry.name: _numpy_dtype(entry.type.removeprefix("tensor(")[:-1]) for entry in session.get_inputs()}
    return Forward(inputs, None, len(session.get_outputs()), lambda named: session.run(None, named)[0])


def _openvino(runtime: Any, path: Path, threads: int) -> Forward:
    # float32: on processors with bfloat16 OpenVINO would compute in it, and the file would not be what is compared.
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = runtime.Core().compile_model(str(path), "CPU", options)
    inputs = {entry.get_any_name(): np.dtype(entry.element_type.to_dtype()) for entry in compiled.inputs}
    return Forward(inputs, None, len(compiled.outputs), lambda named: np.array(compiled(named)[0]))


def _numpy_dtype(name: str) -> np.dtype:
    """The dtype of a name of Keras or ONNX; of the floating ones only float32 is fed."""
    return np.dtype("float32" if "float" in name else {"double": "float64"}.get(name, name))
