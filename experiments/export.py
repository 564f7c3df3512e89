"""Export of a trained network to LiteRT (float32, float16, int8), ONNX and OpenVINO, each run on the test split.

    make export MODEL=student.keras ARGS="--data cifar10"        (python -m experiments export --model student.keras …)

Files go to results/export/, a folder for each model, data set and calibration; a row a format in results/export.csv has
the file's bytes, its test accuracy, how its answers differ from the Keras model's, the time for one image and the peak
of memory. Test images that the network was trained on, as its file says, are refused.
"""

import hashlib
import json
from pathlib import Path

import keras
import pandas as pd

from experiments.engine.errors import UsageError
from experiments.engine.networks import load_model
from experiments.engine.rows import Table, check_writable
from experiments.engine.settings import versions
from experiments.export_config import ExportConfig
from kdsuite import compress, distill
from kdsuite.compress.exporting import CALIBRATION_SIZE, draw_images
from kdsuite.compress.running import cores
from kdsuite.data import Dataset

COLUMNS = (
    *("study", "trial", "model", "model_file", "format", "dataset", "source", "train_size", "validation_size"),
    *("test_size", "split_seed", "test_images", "calibration_size", "params", "file_bytes", "test_accuracy"),
    *("agreement", "max_difference", "p50_milliseconds", "p95_milliseconds", "peak_memory_bytes", "threads"),
    *("file", "keras", "tensorflow", "commit"),
)
INT8 = "litert-int8"


def run(config: ExportConfig) -> None:
    """Writes each format's file that is not there, and measures each that is new or not in the rows yet."""
    assert config.model is not None
    model = load_model(config.model)
    size, channels = image_shape(model)
    known = distill.training_data(config.model)
    dataset = load_data(config, known, image_size=size, channels=channels)
    test_images = check_unseen(config, known, dataset)
    distill.check_same_outputs(model.output_shape, (None, len(dataset.class_names)))
    check_writable(config.results)
    rows = Table(config.results / "export.csv", COLUMNS)
    key = _key(config, model, dataset)
    folder = config.results / "export" / f"{config.model.stem}-{dataset.name}-{key}"
    formats = [name for name in config.formats if name != "keras"]
    present = set(folder.glob("*"))
    calibration_size = _calibration_size(config, dataset)
    calibration = draw_images(dataset.train, calibration_size) if INT8 in formats else None
    files = compress.export(model, folder, formats, calibration, stem=config.model.stem)
    files = {name: files.get(name, config.model) for name in config.formats}
    threads = config.threads or cores()
    logits = compress.logits(model, dataset.test)
    print(f"{config.model} on {len(dataset.test):,} test images of {dataset.name} from {dataset.source}")
    for name, path in files.items():
        trial = f"{key}-{name}-{threads}x{config.timings}"
        is_new = name != "keras" and path not in present
        if trial in rows.trials() and not is_new:
            continue
        measured = compress.measure(path, dataset.test, logits, threads=threads, turns=config.timings)
        described = {
            "study": config.study,
            "trial": trial,
            "model": model.name,
            "model_file": config.model,
            "format": name,
            "dataset": dataset.name,
            "source": dataset.source,
            "train_size": len(dataset.train),
            "validation_size": len(dataset.validation),
            "test_size": len(dataset.test),
            "split_seed": dataset.seed,
            "test_images": test_images,
            "calibration_size": calibration_size if name == INT8 else None,
            "params": model.count_params(),
            "file_bytes": measured.file_bytes,
            "test_accuracy": measured.accuracy,
            "agreement": measured.agreement,
            "max_difference": measured.max_difference,
            "p50_milliseconds": measured.p50_milliseconds,
            "p95_milliseconds": measured.p95_milliseconds,
            "peak_memory_bytes": measured.peak_memory_bytes,
            "threads": threads,
            "file": path if name == "keras" else path.relative_to(config.results),
            **versions(),
        }
        rows.append([described], replace=True)
    table = pd.read_csv(rows.path)
    shown = table[table.trial.str.startswith(key)].drop(columns=[*COLUMNS[:4], *COLUMNS[5:7], *COLUMNS[-3:]])
    print(shown.to_string(index=False))
    print(f"files: {folder}\nrows: {rows.path}")


def image_shape(model: keras.Model) -> tuple[int, int]:
    """Height, equal to width, and channels of a model's images.

    Raises:
        UsageError: a model that is not from one square image to one vector of logits.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise UsageError(f"{model.name} has no inputs yet: build it, with keras.Input(shape), before it is saved")
    if len(inputs) > 1 or len(outputs) > 1:
        raise UsageError(
            f"{model.name} has {len(inputs)} inputs and {len(outputs)} outputs: expected one image and one vector of "
            "logits (kdsuite.compress.export takes others)"
        )
    shape = tuple(inputs[0].shape[1:])
    if len(shape) != 3:
        raise UsageError(
            f"{model.name} takes inputs {shape}: expected images (height, width, channels), put "
            "keras.layers.Flatten or Reshape in front"
        )
    if None in shape or shape[0] != shape[1]:
        raise UsageError(f"{model.name} takes images {shape}: expected one fixed square size")
    return shape[0], shape[2]


def load_data(config: ExportConfig, known: distill.TrainingData | None, **shape) -> Dataset:
    """The data set, split as it was for the network's training where no option says otherwise."""
    sizes = {f"{split}_size": getattr(config, f"{split}_size") for split in ("train", "validation", "test")}
    seed = config.split_seed
    is_same = known is not None and known.name in (config.data, Path(config.data).resolve().name)
    if is_same and seed is None and not any(sizes.values()):
        assert known is not None
        sizes, seed = {f"{split}_size": size for split, size in known.sizes.items()}, known.seed
    return config.load(**sizes, seed=seed or 0, **shape)


def check_unseen(config: ExportConfig, known: distill.TrainingData | None, dataset: Dataset) -> str:
    """Whether the test images are new to the network: "unseen", or "unknown", which is said.

    Raises:
        UsageError: it was trained on some of them, or on other classes.
    """
    if known is None:
        print(
            f"{config.model} does not say what it was trained on: that no test image was among it cannot be checked "
            "(distill.save_student(student, path, dataset) writes it)"
        )
        return "unknown"
    if known.class_names != dataset.class_names:
        raise UsageError(
            f"{config.model} was trained on the classes {', '.join(known.class_names)}: expected the same, in this "
            f"order, of {dataset.name}, which has {', '.join(dataset.class_names)}"
        )
    seen = known.trained_on(dataset.test)
    if seen:
        raise UsageError(
            f"{seen:,} of {len(dataset.test):,} test images of {dataset.name} are among those that {config.model} was "
            "trained on: leave out sizes and seed, its file says how its data was split, or give other test images"
        )
    is_same_split = dataset.test.fingerprint == known.test_fingerprint
    if dataset.name == known.name and not is_same_split and not known.trained_on(dataset.train):
        print(
            f"no image of {dataset.name} is among those that {config.model} was trained on, though that was of this "
            "name: pixels may have been decoded or resized otherwise, and whether test images are new cannot be checked"
        )
        return "unknown"
    return "unseen"


def _key(config: ExportConfig, model: keras.Model, dataset: Dataset) -> str:
    """12 hex digits: another model, path, study, data set, split or calibration has others."""
    assert config.model is not None
    parts = [str(config.model.resolve()), distill.model_fingerprint(model), config.study]
    parts += [dataset.name, dataset.train.fingerprint, dataset.validation.fingerprint, dataset.test.fingerprint]
    parts += [str(_calibration_size(config, dataset))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _calibration_size(config: ExportConfig, dataset: Dataset) -> int:
    asked = config.calibration_size
    if asked is not None and asked > len(dataset.train):
        raise UsageError(f"calibration size {asked}: there are {len(dataset.train):,} training images")
    return asked or min(CALIBRATION_SIZE, len(dataset.train))
