"""Teacher outputs that outgrow memory: float16, or the k largest probabilities, in files mapped into memory."""

import json
import shutil
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdsuite.distill.checks import check_temperature
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.files import whole_folder
from kdsuite.distill.losses import soft_targets
from kdsuite.distill.outputs import Rows, softened_names

META = "meta.json"
TOP_K_PARTS = ("largest", "classes", "rest")


@dataclass(frozen=True)
class OnDisk:
    """How a teacher's outputs are stored when they are not to be held in memory.

    Plain float16 logits: with δ = max |z_t| / 2048 / T, each probability changes by a factor of at most exp(2δ), and
    the divergence of soft targets by at most (exp(2δ) − 1) · Σ p |log p / q| + 2δ.

    With `top_k`, the k largest probabilities at one temperature, and the mass m of the C − k others, which is spread
    evenly over them. Soft targets then differ from the exact ones by at most 2m in the sum over classes, the gradient
    of T² · KL by at most 2mT, and the divergence KL(p ‖ q) by at most m · (log(C − k) + r), where r is the range of
    log q over the other classes. Rounding to float16 adds a relative 2⁻¹¹ to each probability.

    Attributes:
        top_k: k ≥ 1, or None for all logits.
        temperature: T of the probabilities; with `top_k` only.

    Raises:
        DistillationError: k below 1, or only one of k and T.
    """

    top_k: int | None = None
    temperature: float | None = None

    def __post_init__(self):
        if (self.top_k is None) != (self.temperature is None):
            raise DistillationError(
                f"top_k {self.top_k} at temperature {self.temperature}: expected both (probabilities) or none (logits)"
            )
        if self.top_k is not None:
            if not isinstance(self.top_k, int) or self.top_k < 1:
                raise DistillationError(f"top_k {self.top_k}: expected a whole number, 1 or more")
            assert self.temperature is not None
            check_temperature(self.temperature)

    def stored(self, name: str, values: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays that are written for a batch of an output: float32 (b, ...) → name of the file → (b, ...)."""
        if self.top_k is None or name != "logits":
            return {name: _as_float16(name, values)}
        assert self.temperature is not None
        classes = values.shape[-1]
        if self.top_k >= classes:
            raise DistillationError(f"top_k {self.top_k} of {classes} classes: expected fewer than there are")
        probabilities = np.asarray(soft_targets(values, self.temperature))
        order = np.argpartition(-probabilities, self.top_k - 1)[..., : self.top_k]
        largest = np.take_along_axis(probabilities, order, -1)
        index_type = np.uint16 if classes <= 2**16 else np.uint32
        rest = np.maximum(1 - largest.sum(-1), 0)
        return dict(
            zip(
                TOP_K_PARTS,
                (largest.astype(np.float16), order.astype(index_type), rest.astype(np.float16)),
                strict=True,
            )
        )

    def opened(self, name: str, arrays: dict[str, "Mapped"], classes: int | None) -> dict[str, Rows]:
        """The output's arrays for a `TeacherOutputs`, float32 at each look-up."""
        if self.top_k is None or name != "logits":
            array = arrays[name]
            return {name: Rows(array.shape, lambda index: array[index].astype(np.float32))}
        assert self.temperature is not None and classes is not None
        largest, order, rest = (arrays[part] for part in TOP_K_PARTS)

        def targets(index):
            return _dense(largest[index], order[index], rest[index], classes)

        def entropies(index):
            return _entropy(largest[index], rest[index], classes)

        both = Rows((*rest.shape, classes), targets), Rows(rest.shape, entropies)
        return dict(zip(softened_names(self.temperature), both, strict=True))


class Mapped:
    """An array in .npy files, one a view, that are mapped anew at each look-up so that resident memory does not grow.

    Args:
        paths: of one file of (n, ...), or of one for each view.
        by_view: whether the array is (n, views, ...).
    """

    def __init__(self, paths: list[Path], by_view: bool):
        self.paths, self.by_view = paths, by_view
        first = np.load(paths[0], mmap_mode="r")
        self.dtype, self._file_shape, self._offset = first.dtype, first.shape, first.offset
        views = (len(paths),) if by_view else ()
        self.shape = (first.shape[0], *views, *first.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
        if not self.by_view:
            return np.array(self._file(0)[index])
        if not isinstance(index, tuple):
            return np.stack([self._file(view)[index] for view in range(len(self.paths))], axis=1)
        rows, views = (np.asarray(part) for part in index)
        drawn = np.empty((*rows.shape, *self._file_shape[1:]), self.dtype)
        for view in np.unique(views):
            drawn[views == view] = self._file(view)[rows[views == view]]
        return drawn

    def _file(self, view: int) -> np.memmap:
        return np.memmap(self.paths[view], self.dtype, "r", self._offset, self._file_shape)


def open_or_build(
    folder: Path, storage: OnDisk, count: int, views: int | None, passes: Callable, expected: list[str]
) -> dict[str, Rows]:
    """The outputs in a folder, computed and written if they are not there, and anew (said on stderr) if damaged.

    Args:
        folder: of this teacher, data and storage.
        storage: how they are stored.
        count: number of examples n.
        views: number of views, or None.
        passes: function of a view number, or None, that gives batches {name: float32 (b, ...)} in order.
        expected: names of the outputs.

    Raises:
        DistillationError: the outputs cannot be stored so.
        OSError: the folder cannot be written.
    """
    damage = _damage(folder, count) if folder.exists() else "missing"
    if folder.exists() and damage:
        print(f"cache {folder} is damaged ({damage}): rebuilding it", file=sys.stderr)
        shutil.rmtree(folder)
    if damage:
        with whole_folder(folder) as unfinished:
            _build(unfinished, storage, count, views, passes)
    meta = json.loads((folder / META).read_text())
    arrays = {
        name: Mapped([folder / file for file in files], by_view=views is not None)
        for name, files in meta["arrays"].items()
    }
    opened = {}
    for name in expected:
        opened |= storage.opened(name, arrays, meta["classes"])
    return opened


def _build(folder: Path, storage: OnDisk, count: int, views: int | None, passes: Callable) -> None:
    arrays, files, classes = {}, {}, None
    for view in [None] if views is None else range(views):
        writers = {}
        for batch in passes(view):
            classes = batch["logits"].shape[-1] if "logits" in batch else None
            stored = {
                key: array for name, values in batch.items() for key, array in storage.stored(name, values).items()
            }
            for name, values in stored.items():
                if name not in writers:
                    file = f"{len(files):04}.npy"
                    writers[name], files[file] = _Writer(folder / file, count, values), None
                    arrays.setdefault(name, []).append(file)
                writers[name].write(values)
        for writer in writers.values():
            files[writer.path.name] = writer.close()
    (folder / META).write_text(json.dumps({"arrays": arrays, "files": files, "classes": classes, "count": count}))


class _Writer:
    """Writes an .npy file batch after batch: of a memory map all pages would stay resident."""

    def __init__(self, path: Path, count: int, first: np.ndarray):
        self.path, self.count, self.rows = path, count, 0
        self._file = path.open("wb")
        header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(self._file, header | {"shape": (count, *first.shape[1:])})

    def write(self, values: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(values).data)
        self.rows += len(values)

    def close(self) -> dict:
        self._file.close()
        if self.rows != self.count:
            raise DistillationError(
                f"the data gave {self.rows:,} examples: expected {self.count:,}, as many as its length"
            )
        return _checksum(self.path)


def _as_float16(name: str, values: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values).max(initial=0))
    if largest > float(np.finfo(np.float16).max):
        raise DistillationError(
            f"the teacher's {name} reach {largest:g}: expected at most 65504, float16's largest number"
        )
    return values.astype(np.float16)


def _dense(largest, order, rest, classes: int) -> np.ndarray:
    """Soft targets (..., C) with the rest spread evenly; rows add up to 1."""
    largest, rest = largest.astype(np.float32), rest.astype(np.float32)
    total = largest.sum(-1) + rest
    targets = np.empty((*rest.shape, classes), np.float32)
    targets[...] = (rest / total / (classes - order.shape[-1]))[..., None]
    np.put_along_axis(targets, order.astype(np.int64), largest / total[..., None], -1)
    return targets


def _entropy(largest, rest, classes: int) -> np.ndarray:
    """Entropy (...) in nats of what `_dense` gives."""
    largest, rest = largest.astype(np.float32), rest.astype(np.float32)
    total = largest.sum(-1) + rest
    largest, rest = largest / total[..., None], rest / total
    others = classes - largest.shape[-1]
    # A normal number: TensorFlow flushes smaller ones to zero in its threads.
    smallest = np.float32(1e-30)
    kept = (largest * np.log(np.maximum(largest, smallest))).sum(-1)
    return -(kept + rest * np.log(np.maximum(rest / others, smallest))).astype(np.float32)


def _damage(folder: Path, count: int) -> str | None:
    """What is wrong with a folder of outputs, or None."""
    try:
        meta = json.loads((folder / META).read_text())
        files, names = dict(meta["files"]), [file for files in meta["arrays"].values() for file in files]
        if meta["count"] != count or set(names) != set(files):
            return f"{META} is of {meta['count']} examples: expected {count}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{META}: {error}"
    for name, expected in files.items():
        path = folder / name
        if not path.exists():
            return f"{name} is missing"
        if _checksum(path) != expected:
            return f"{name} does not match its checksum"
    return None


def _checksum(path: Path) -> dict:
    crc32 = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            crc32 = zlib.crc32(chunk, crc32)
    return {"bytes": path.stat().st_size, "crc32": crc32}
