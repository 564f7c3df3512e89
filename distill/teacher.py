"""A teacher's outputs, computed once per data set and kept on disk."""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.examples import as_examples
from kdsuite.distill.files import whole_file
from kdsuite.distill.hints import with_features
from kdsuite.distill.mapped import TOP_K_PARTS, OnDisk, open_or_build
from kdsuite.distill.outputs import TeacherOutputs, logits_name
from kdsuite.distill.own_code import sources_of
from kdsuite.distill.probabilities import check_logits
from kdsuite.distill.structure import by_key, known_outputs


def teacher_outputs(
    teacher: keras.Model,
    split,
    *,
    layers: Sequence[str] = (),
    cache: Path | str = ".cache",
    batch_size: int = 256,
    storage: OnDisk | None = None,
) -> TeacherOutputs:
    """Runs the teacher over a data set in inference mode, or reads what it gave before.

    Args:
        teacher: built model that ends in logits (b, ..., classes), of one output or several; left as it was.
        split: a `data.Split`, of which a jittered one is computed in every view; inputs as NumPy arrays; or a
            `tf.data.Dataset` of inputs or (inputs, labels), of known size and in a fixed order, which two passes check.
        layers: names of layers whose outputs are kept too, for hints.
        cache: folder of the disk cache. The key is the teacher's architecture and weights, the source of its own
            layers' modules, the data's fingerprint, the layers and the storage, so a changed teacher or data set is
            never answered with old outputs.
        batch_size: examples a forward pass.
        storage: leaves the outputs on disk, `OnDisk()` in float16 or `OnDisk(top_k, temperature)`; by default they are
            float32 in memory.

    Returns:
        `TeacherOutputs` with float32 "logits" (n, ..., classes), or (n, views, ..., classes) of a jittered split; with
        `top_k`, soft targets and entropy instead.

    Raises:
        DistillationError: the teacher gives probabilities, NaN or infinity, lacks a layer, has one that is named like
            its logits, or has several outputs of which the k largest are wanted; the data cannot be read in a fixed
            order.
        OSError: the cache cannot be written.
    """
    check_logits("teacher", teacher)
    examples = as_examples(split, input_rank=_input_rank(teacher))
    run = _Run(teacher, examples, tuple(layers), batch_size)
    of_layers = f"-{hashlib.sha256(repr(run.layers).encode()).hexdigest()[:8]}" if layers else ""
    key = f"{model_fingerprint(teacher)[:16]}-{examples.fingerprint[:16]}{of_layers}"
    folder = Path(cache) / "teacher"
    if storage is not None:
        if storage.top_k is not None and len(run.outputs) > 1:
            raise DistillationError(
                f"top_k {storage.top_k} of a teacher of {len(run.outputs)} outputs: expected one output, or OnDisk() "
                "for all logits in float16"
            )
        stored_as = "float16" if storage.top_k is None else f"top{storage.top_k}-{storage.temperature:g}"
        arrays = open_or_build(
            folder / f"{key}-{stored_as}", storage, len(examples), run.views, run.checked_batches, run.names
        )
        return TeacherOutputs(arrays, examples.fingerprint)
    path = folder / f"{key}.npz"
    arrays = _read(path, run)
    if arrays is None:
        arrays = run.forward()
        with whole_file(path) as unfinished:
            named: dict[str, Any] = arrays
            np.savez(unfinished, **named)
    return TeacherOutputs(arrays, examples.fingerprint)


def model_fingerprint(model: keras.Model) -> str:
    """Hex digest of a model's architecture and weights, and of the modules that define layers of one's own.

    Raises:
        DistillationError: a subclassed model without `get_config`, whose architecture cannot be told.
    """
    try:
        architecture = model.to_json()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise DistillationError(
            f"model {model.name!r} does not say how it is built, so that its outputs cannot be kept: give it get_config"
        ) from error
    digest = hashlib.sha256(architecture.encode())
    for source in sources_of(model, json.loads(architecture)):
        digest.update(source)
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


class _Run:
    """One pass of a teacher over examples, and over each of their views."""

    def __init__(self, teacher: keras.Model, examples, layers: tuple[str, ...], batch_size: int):
        self.teacher, self.examples, self.layers, self.batch_size = teacher, examples, layers, batch_size
        self.views = None if examples.views is None else examples.views.count
        self.outputs = known_outputs(teacher) or {None: None}
        self.names = [logits_name(key) for key in self.outputs] + list(layers)
        for name in layers:
            if name.startswith("logits") or name in TOP_K_PARTS:
                raise DistillationError(
                    f"layer {name!r} of the teacher: its outputs would be kept under a name that the teacher's own "
                    f"have, logits… or {', '.join(TOP_K_PARTS)}; give the layer another name"
                )

    def forward(self) -> dict[str, np.ndarray]:
        """All outputs, float32 (n, ...) or (n, views, ...)."""
        if self.views is None:
            return self._whole(None)
        by_view = [self._whole(view) for view in range(self.views)]
        return {name: np.stack([arrays[name] for arrays in by_view], axis=1) for name in self.names}

    def checked_batches(self, view: int | None) -> Iterator[dict[str, np.ndarray]]:
        """Batches of all outputs, float32; of one view, or without."""
        of_view = {} if view is None else {"view": view}
        for inputs, *_ in self.examples.batches(self.batch_size, **of_view):
            given = self._forward(inputs)
            outputs, *features = given if self.layers else [given]
            arrays = [*by_key(outputs).values(), *features]
            batch = dict(zip(self.names, (array.numpy().astype(np.float32) for array in arrays), strict=True))
            self._check(batch)
            yield batch

    @cached_property
    def _forward(self):
        model = with_features(self.teacher, self.layers) if self.layers else self.teacher
        # Not `predict`: it would leave a compiled function on the caller's model.
        return tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)

    def _whole(self, view: int | None) -> dict[str, np.ndarray]:
        batches = list(self.checked_batches(view))
        return {name: np.concatenate([batch[name] for batch in batches]) for name in self.names}

    def _check(self, batch: dict[str, np.ndarray]) -> None:
        for name, values in batch.items():
            if name not in self.layers and values.ndim < 2:
                raise DistillationError(
                    f"the teacher {self.teacher.name!r} gives outputs {values.shape}: expected (n, ..., classes)"
                )
            if not np.isfinite(values).all():
                raise DistillationError(
                    f"the teacher {self.teacher.name!r} gives NaN or infinity in its {name}: expected finite numbers, "
                    "check its weights and inputs"
                )


def _input_rank(model: keras.Model) -> int | None:
    inputs = getattr(model, "inputs", None)
    return len(inputs[0].shape) if inputs else None


def _read(path: Path, run: _Run) -> dict[str, np.ndarray] | None:
    """The stored arrays, or None where there are none or the file is damaged (zip members carry a CRC-32)."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in run.names}
        damage = _damage(arrays, run)
    # A damaged zip raises nearly anything: BadZipFile, zlib.error, RuntimeError of an encryption flag, struct.error, …
    except Exception as error:
        damage = str(error)
    if damage is None:
        return arrays
    print(f"cache {path} is damaged ({damage}): rebuilding it", file=sys.stderr)
    return None


def _damage(arrays: dict[str, np.ndarray], run: _Run) -> str | None:
    expected = (len(run.examples),) if run.views is None else (len(run.examples), run.views)
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape[: len(expected)] != expected:
            return f"{name} is {array.dtype} {array.shape}, expected float32 {expected} first"
        if not np.isfinite(array).all():
            return f"{name} holds NaN or infinity"
    for key, output in run.outputs.items():
        shape = arrays[logits_name(key)].shape
        if output is not None and output.shape[-1] not in (None, shape[-1]):
            return f"{logits_name(key)} is {shape}, expected {output.shape[-1]} last"
    return None
