"""A teacher's outputs, computed once per data set and kept on disk."""

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.hints import with_features
from kdsuite.distill.losses import check_weights, mix, soften


@dataclass(frozen=True)
class TeacherOutputs:
    """Outputs of a teacher on one split, row for row.

    Attributes:
        arrays: name of the output → float32 (n, ...), or (n, views, ...) of a jittered split; "logits" is the
            teacher's own output.
        data_fingerprint: the `fingerprint` of the split they belong to.
    """

    arrays: dict[str, np.ndarray]
    data_fingerprint: str

    def softened(self, temperature: float) -> "TeacherOutputs":
        """Soft targets at T and their entropy instead of logits, for a Distiller of the same temperature."""
        logits = self.arrays["logits"]
        targets, entropy = soften(logits.reshape(-1, logits.shape[-1]), temperature)
        softened = [targets.numpy().reshape(logits.shape), entropy.numpy().reshape(logits.shape[:-1])]
        features = {name: array for name, array in self.arrays.items() if name != "logits"}
        arrays = dict(zip(softened_names(temperature), softened, strict=True)) | features
        return TeacherOutputs(arrays, self.data_fingerprint)


def mixture(teachers: Sequence[tuple[float, TeacherOutputs]], temperature: float) -> TeacherOutputs:
    """Several teachers as one: a Distiller of this temperature then adds up their divergences with their weights.

    Features for hints are those of the first teacher.

    Args:
        teachers: (weight, outputs on the same split); weights add up to 1.
        temperature: T > 0.

    Raises:
        DistillationError: weights that do not, or outputs on different data.
    """
    check_weights([weight for weight, _ in teachers])
    if len({outputs.data_fingerprint for _, outputs in teachers}) > 1:
        raise DistillationError("these teachers' outputs were computed on different data: expected one split")
    softened = [(weight, outputs.softened(temperature)) for weight, outputs in teachers]
    names = softened_names(temperature)
    mixed = mix([(weight, tuple(outputs.arrays[name] for name in names)) for weight, outputs in softened])
    first = softened[0][1]
    return TeacherOutputs(first.arrays | dict(zip(names, mixed, strict=True)), first.data_fingerprint)


def softened_names(temperature: float) -> tuple[str, str]:
    """Names of the softened outputs; they hold T, so that none is taken for another's."""
    return f"soft_targets at T = {temperature:g}", f"entropy at T = {temperature:g}"


def teacher_outputs(
    teacher: keras.Model, split, *, layers: Sequence[str] = (), cache: Path | str = ".cache", batch_size: int = 256
) -> TeacherOutputs:
    """Runs the teacher over a split in inference mode, or reads what it gave before.

    Args:
        teacher: built model that ends in logits; left as it was.
        split: images in fixed order: has `batches(batch_size)`, `fingerprint`, `views` and a length (`data.Split`). Of
            a jittered split, every view is computed.
        layers: names of layers whose outputs are kept too, for hints.
        cache: folder of the disk cache. The key is the teacher's architecture and weights, the split's fingerprint and
            the layers, so a changed teacher or data set is never answered with old outputs.
        batch_size: images a forward pass.

    Returns:
        `TeacherOutputs` with float32 "logits" (n, classes), or (n, views, classes) of a jittered split.

    Raises:
        DistillationError: the teacher does not map images to (n, classes), or lacks a layer.
        OSError: the cache cannot be written.
    """
    names = ("logits", *layers)
    own = f"-{hashlib.sha256(repr(tuple(layers)).encode()).hexdigest()[:8]}" if layers else ""
    path = Path(cache) / "teacher" / f"{model_fingerprint(teacher)[:16]}-{split.fingerprint[:16]}{own}.npz"
    arrays = _read(path, names, len(split))
    if arrays is None:
        arrays = dict(zip(names, _forward(teacher, split, layers, batch_size), strict=True))
        _write(path, arrays)
    return TeacherOutputs(arrays, split.fingerprint)


def model_fingerprint(model: keras.Model) -> str:
    """Hex digest of a model's architecture and weights."""
    digest = hashlib.sha256(model.to_json().encode())
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _forward(teacher: keras.Model, split, layers: Sequence[str], batch_size: int) -> list[np.ndarray]:
    observed = with_features(teacher, layers) if layers else teacher
    # Not `predict`: it would leave a compiled function on the caller's model.
    forward = tf.function(lambda images: tf.nest.flatten(observed(images, training=False)), reduce_retracing=True)

    def over(batches) -> list[np.ndarray]:
        parts = zip(*([part.numpy() for part in forward(images)] for images, _ in batches), strict=True)
        return [np.concatenate(part).astype(np.float32) for part in parts]

    views = getattr(split, "views", None)
    if views is None:
        arrays = over(split.batches(batch_size))
    else:
        by_view = [over(split.batches(batch_size, view=view)) for view in range(views.count)]
        arrays = [np.stack(part, axis=1) for part in zip(*by_view, strict=True)]
    if arrays[0].ndim != (2 if views is None else 3):
        shape = arrays[0].shape
        raise DistillationError(f"the teacher {teacher.name!r} gives outputs {shape}: expected (n, classes)")
    return arrays


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(path: Path, names: Sequence[str], count: int) -> dict[str, np.ndarray] | None:
    """The stored arrays, or None where there are none or the file is damaged (zip members carry a CRC-32)."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in names}
    except (zipfile.BadZipFile, EOFError, KeyError, OSError, ValueError) as error:
        print(f"cache {path} is damaged ({error}): rebuilding it", file=sys.stderr)
        return None
    return arrays if len(arrays["logits"]) == count else None
