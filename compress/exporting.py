"""`export`: a trained network as LiteRT, ONNX and OpenVINO files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kdsuite import distill
from kdsuite.compress import own_layers
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_conversion import (
    Calibration,
    check_exportable,
    convert,
    in_float32,
    input_names,
)
from kdsuite.compress.formats import DEFAULT_FORMATS, Format, find_format, import_packages
from kdsuite.data.files import sweep_unfinished, unfinished_path, whole_file

CALIBRATION_SIZE = 100
MANIFEST = "export.json"


def export(
    model: keras.Model | Path | str,
    folder: Path | str,
    formats: Sequence[str] = DEFAULT_FORMATS,
    calibration=None,
    *,
    stem: str | None = None,
) -> dict[str, Path]:
    """Writes a network to a folder in other formats, each file whole or not at all.

    All files have float32 inputs (integers, where the model's are) and float32 outputs. LiteRT files take one example
    at a time, the others any batch. A model in bfloat16 or float16 is exported with the same weights in float32. The
    int8 file has weights in int8 with a scale a channel, and activations in int8 with the ranges of the calibration.

    A file that is there already, of this model and these calibration images (the folder's export.json says so), is
    kept; one that is missing is written again; another model's or calibration's is never written over.

    Args:
        model: functional or built Sequential model with inputs of fixed size, of one input or several, one output or
            several; or the path of its .keras file. It is left as it was.
        folder: made if need be.
        formats: of "litert-float32", "litert-float16", "litert-int8", "onnx", "openvino" (needs `kdsuite[openvino]`).
        calibration: what int8 is calibrated on: a `data.Split`, of which 100 images are drawn by seed 0; inputs as an
            array (n, ...), of which all are used; or a dict of arrays by input name, of a model with several inputs.
        stem: the files' names without suffix; by default the model's name, or its path's.

    Returns:
        Format → path of its file; OpenVINO's .xml has its .bin beside it.

    Raises:
        CompressionError: an unknown format, a missing package, int8 without calibration or calibration without int8, a
            model that cannot be converted, or a folder that holds another model's files of these names.
        OSError: the folder cannot be written.
    """
    chosen = [find_format(name) for name in dict.fromkeys(formats)]
    for format in chosen:
        import_packages(format)
    network: Any = load_model(Path(model)) if isinstance(model, str | Path) else model
    name: str = stem or (Path(model).stem if isinstance(model, str | Path) else network.name)
    check_exportable(network)
    inputs = _calibration(network, calibration, "litert-int8" in {format.name for format in chosen})
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(folder)
    exporter = _Exporter(network, folder, inputs)
    return {format.name: exporter.write(format, name) for format in chosen}


def load_model(path: Path) -> keras.Model:
    """Loads a .keras file for inference.

    Raises:
        CompressionError: there is no readable model at `path`.
    """
    try:
        return own_layers.read(path)
    except CompressionError as error:
        raise CompressionError(f"cannot load a model from {path} ({error}): expected a .keras file") from error


def draw_images(split, count: int) -> np.ndarray:
    """Some images of a split, drawn by seed 0; all of one that has no more."""
    return split.images[np.sort(np.random.default_rng(0).permutation(len(split))[:count])]


class _Exporter:
    """Writes one model's files to a folder, and into its manifest what they were made of."""

    def __init__(self, model: keras.Model, folder: Path, calibration: Calibration | None):
        self.folder, self.calibration = folder, calibration
        self.model = in_float32(model)
        self.made_of = {"model": distill.model_fingerprint(model)}

    def write(self, format: Format, stem: str) -> Path:
        path = self.folder / f"{stem}{format.suffix}"
        files = [path, *([path.with_suffix(format.beside)] if format.beside else [])]
        made_of = self.made_of | self._calibrated(format)
        known = self._manifest()
        present = [file for file in files if file.exists()]
        if present and known.get(path.name) != made_of:
            raise CompressionError(
                f"{present[0]} is of another model or calibration: give another folder, another stem, or delete it"
            )
        if present == files:
            return path
        # First the manifest: a file that stands there after a kill is then known, and a missing one is written again.
        with whole_file(self.folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(known | {path.name: made_of}, indent=1) + "\n")
        self._convert(format, files)
        return path

    def _convert(self, format: Format, files: list[Path]) -> None:
        unfinished = unfinished_path(files[0])
        temporary = [unfinished.with_name(f"{unfinished.name.removesuffix(files[0].suffix)}{f.suffix}") for f in files]
        try:
            convert(self.model, format, temporary[0], self.calibration)
            # The one that others look for comes last.
            for source, target in reversed(list(zip(temporary, files, strict=True))):
                source.replace(target)
        finally:
            for source in temporary:
                source.unlink(missing_ok=True)

    def _calibrated(self, format: Format) -> dict[str, str]:
        if format.name != "litert-int8":
            return {}
        assert self.calibration is not None
        digest = hashlib.sha256()
        for name, array in self.calibration.items():
            digest.update(f"{name} {array.shape}".encode())
            digest.update(array.data)
        return {"calibration": digest.hexdigest()}

    def _manifest(self) -> dict[str, dict[str, str]]:
        path = self.folder / MANIFEST
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise CompressionError(f"{path} is damaged ({error}): delete it and the files that it speaks of") from error


def _calibration(model: keras.Model, calibration, is_needed: bool) -> Calibration | None:
    """Inputs by name, in the dtypes of the model's inputs."""
    if not is_needed:
        if calibration is not None:
            raise CompressionError("calibration is for the format litert-int8 alone: leave it out")
        return None
    if calibration is None:
        raise CompressionError("format litert-int8 needs calibration: give training images, a data.Split or an array")
    if hasattr(calibration, "fingerprint"):
        calibration = draw_images(calibration, CALIBRATION_SIZE)
    names = [tensor.name for tensor in model.inputs]
    given = calibration if isinstance(calibration, dict) else dict(zip(names, [calibration], strict=False))
    if set(given) != set(names):
        raise CompressionError(f"calibration of inputs {sorted(given)}: expected a dict with all of {sorted(names)}")
    arrays = {}
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        array = np.ascontiguousarray(given[tensor.name])
        if array.shape[1:] != tuple(tensor.shape[1:]) or not len(array):
            raise CompressionError(
                f"calibration of shape {array.shape}: expected (n, {', '.join(map(str, tensor.shape[1:]))})"
            )
        arrays[name] = array.astype("float32" if "float" in tensor.dtype else tensor.dtype)
    if len({len(array) for array in arrays.values()}) > 1:
        raise CompressionError("calibration arrays of different lengths: expected as many examples of each input")
    return arrays
