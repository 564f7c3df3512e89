"""A student's file: the network without optimizer, and which data it was trained on."""

from collections.abc import Sequence
from pathlib import Path

import keras

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.files import whole_file
from kdsuite.distill.provenance import TrainingData


def save_student(distiller: keras.Model, path: Path | str, dataset=None, also: Sequence = ()) -> None:
    """Writes the student as a .keras file without optimizer, losses and metrics, whole or not at all.

    With a data set the file also says what the student was trained on: name, sizes and seed of the splits, class names,
    and a digest of each training image. `training_data(path)` reads it, and the export refuses test images that are
    among them. Keras loads the file as any other; saved again by Keras it says this no more.

    A student that only its Distiller trained has none, and `student.save` writes the same; one that was compiled
    itself, for a training before, carries its optimizer's slots in each file that `student.save` writes.

    Args:
        distiller: a `Distiller`, a `FeatureDistiller`, or a student.
        path: ends in .keras.
        dataset: the `data.Dataset` that it was trained on.
        also: further splits whose images it knows, or `training_data(…)` of a file: those that its teacher was trained
            on, where they are others.

    Raises:
        DistillationError: another suffix, a compiled student that is subclassed, or further splits without a data set.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise DistillationError(f"file {path}: expected a name that ends in .keras")
    if also and dataset is None:
        raise DistillationError("further splits without a data set: give the one that the student was trained on")
    student = _without_training(getattr(distiller, "student", distiller))
    with whole_file(path) as unfinished:
        student.save(unfinished)
        if dataset is not None:
            TrainingData.of(dataset, also).write(unfinished)


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
