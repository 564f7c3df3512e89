"""The formats that a network is exported to: suffix of a file, and the package that runs it.

Imports no TensorFlow.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kdsuite.compress.errors import CompressionError


@dataclass(frozen=True)
class Format:
    """A format of exported networks.

    Attributes:
        name: as `export` takes it.
        suffix: of the file, behind the network's name.
        runtime: module that runs it.
        converter: module that Keras' exporter needs beside TensorFlow, or None.
        extra: of `kdsuite`, that brings these.
        beside: suffix of a second file that goes with the first, or None.
    """

    name: str
    suffix: str
    runtime: str
    converter: str | None = None
    extra: str = "export"
    beside: str | None = None


FORMATS = {
    format.name: format
    for format in (
        Format("litert-float32", ".float32.tflite", "ai_edge_litert.interpreter"),
        Format("litert-float16", ".float16.tflite", "ai_edge_litert.interpreter"),
        Format("litert-int8", ".int8.tflite", "ai_edge_litert.interpreter"),
        Format("onnx", ".onnx", "onnxruntime", "tf2onnx"),
        Format("openvino", ".xml", "openvino", extra="openvino", beside=".bin"),
    )
}
DEFAULT_FORMATS = ("litert-float32", "litert-float16", "litert-int8", "onnx")


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        CompressionError: there is none.
    """
    if name not in FORMATS:
        raise CompressionError(f"format {name!r}: expected one of {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix.

    Raises:
        CompressionError: the suffix is none of an exported network.
    """
    for format in FORMATS.values():
        if path.name.endswith(format.suffix):
            return format
    suffixes = ", ".join(format.suffix for format in FORMATS.values())
    raise CompressionError(f"file {path}: expected a name that ends in .keras, {suffixes}")


def import_runtime(format: Format) -> ModuleType:
    """Imports what runs a format.

    Raises:
        CompressionError: a package is missing; the message names the extra that brings it.
    """
    if format.name == "openvino":
        # Without a file of consent OpenVINO reports its imports and conversions to its maker; without this package not.
        sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    return _import(format, format.runtime)


def import_packages(format: Format) -> None:
    """Imports what runs a format and what converts to it.

    Raises:
        CompressionError: a package is missing; the message names the extra that brings it.
    """
    import_runtime(format)
    if format.converter:
        _import(format, format.converter)


def _import(format: Format, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise CompressionError(
            f"format {format.name} needs {error.name}: pip install 'kdsuite[{format.extra}]'"
        ) from error
