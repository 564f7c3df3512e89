"""A teacher's outputs, computed once per data set and kept on disk."""

import hashlib
import os
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from distill.errors import DistillationError
from distill.losses import soften


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
        arrays = [targets.numpy().reshape(logits.shape), entropy.numpy().reshape(logits.shape[:-1])]
        return TeacherOutputs(dict(zip(softened_names(temperature), arrays, strict=True)), self.data_fingerprint)


def softened_names(temperature: float) -> tuple[str, str]:
    """Names of the softened outputs; they hold T, so that none is taken for another's."""
    return f"soft_targets at T = {temperature:g}", f"entropy at T = {temperature:g}"


def teacher_outputs(teacher: keras.Model, split, *, cache: Path | str = ".cache", batch_size: int = 256):
    """Runs the teacher over a split in inference mode, or reads what it gave before.

    Args:
        teacher: built model that ends in logits; left as it was.
        split: images in fixed order: has `batches(batch_size)`, `fingerprint`, `views` and a length (`data.Split`). Of
            a jittered split, every view is computed.
        cache: folder of the disk cache. The key is the teacher's architecture and weights and the split's fingerprint,
            so a changed teacher or data set is never answered with old outputs.
        batch_size: images a forward pass.

    Returns:
        `TeacherOutputs` with float32 "logits" (n, classes), or (n, views, classes) of a jittered split.

    Raises:
        DistillationError: the teacher does not map images to (n, classes).
        OSError: the cache cannot be written.
    """
    path = Path(cache) / "teacher" / f"{model_fingerprint(teacher)[:16]}-{split.fingerprint[:16]}.npz"
    logits = _read(path, len(split))
    if logits is None:
        logits = _forward(teacher, split, batch_size)
        _write(path, logits)
    return TeacherOutputs({"logits": logits}, split.fingerprint)


def model_fingerprint(model: keras.Model) -> str:
    """Hex digest of a model's architecture and weights."""
    digest = hashlib.sha256(model.to_json().encode())
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _forward(teacher: keras.Model, split, batch_size: int) -> np.ndarray:
    # Not `predict`: it would leave a compiled function on the caller's model.
    forward = tf.function(lambda images: teacher(images, training=False), reduce_retracing=True)

    def over(batches) -> np.ndarray:
        logits = np.concatenate([forward(images).numpy() for images, _ in batches]).astype(np.float32)
        if logits.ndim != 2:
            raise DistillationError(f"the teacher {teacher.name!r} gives outputs {logits.shape}: expected (n, classes)")
        return logits

    views = getattr(split, "views", None)
    if views is None:
        return over(split.batches(batch_size))
    return np.stack([over(split.batches(batch_size, view=view)) for view in range(views.count)], axis=1)


def _write(path: Path, logits: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, logits=logits)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(path: Path, count: int) -> np.ndarray | None:
    """The stored logits, or None where there are none or the file is damaged (zip members carry a CRC-32)."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            logits = arrays["logits"]
    except (zipfile.BadZipFile, EOFError, KeyError, OSError, ValueError) as error:
        print(f"cache {path} is damaged ({error}): rebuilding it", file=sys.stderr)
        return None
    return logits if len(logits) == count else None
