"""A student's file: the network alone, without anything of its training."""

from pathlib import Path

import keras

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.files import whole_file


def save_student(distiller: keras.Model, path: Path | str) -> None:
    """Writes the student as a .keras file without optimizer, losses and metrics, whole or not at all.

    A student that only its Distiller trained has none, and `student.save` writes the same; one that was compiled
    itself, for a training before, carries its optimizer's slots in each file that `student.save` writes.

    Args:
        distiller: a `Distiller`, a `FeatureDistiller`, or a student.
        path: ends in .keras.

    Raises:
        DistillationError: another suffix, or a compiled student that is subclassed.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise DistillationError(f"file {path}: expected a name that ends in .keras")
    student = _without_training(getattr(distiller, "student", distiller))
    with whole_file(path) as unfinished:
        student.save(unfinished)


def _without_training(student: keras.Model) -> keras.Model:
    """The student itself, or the same layers in a model that was not compiled."""
    if not student.compiled:
        return student
    if isinstance(student, keras.Sequential):
        return keras.Sequential([*student.inputs[:1], *student.layers], name=student.name)
    if getattr(student, "outputs", None) is None:
        raise DistillationError(
            f"student {student.name!r} is subclassed and compiled: expected a functional one, or one not compiled"
        )
    return keras.Model(student.input, student.output, name=student.name)
