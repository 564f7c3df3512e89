"""What the user gives, made ready: the teacher as flat logits, the data in three splits; or refused in one line."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from kdsuite import data, distill
from kdsuite.compress.accuracy import confusion, confusion_text, wilson
from kdsuite.compress.endings import Ending, as_logits
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_measuring import logits
from kdsuite.compress.own_layers import check_own_layers, importable, read
from kdsuite.data.sources import find_source

FEWEST_A_CLASS = 20
CHECKED = 500
SMALL_VALIDATION, VALIDATION_SHARE = 200, 0.2


@dataclass(frozen=True)
class Problem:
    """A teacher and its data.

    Attributes:
        original: the user's model.
        teacher: flat, ends in logits (n, classes ≥ 2).
        ending: what the original has behind them.
        dataset: `test` is looked at once, at the very end.
        name: of the model, for people: its file or its own name.
        data: what the user called the data.
        known: what the model's file says it was trained on, where it does.
    """

    original: keras.Model
    teacher: keras.Model
    ending: Ending
    dataset: data.Dataset
    name: str
    data: str
    known: tuple[distill.TrainingData, ...] = ()


def problem_of(model, source, *, cache: Path | str = ".cache", seed: int = 0) -> Problem:
    """Loads and checks what the user gives; see `check_accuracy` for whether the two go together.

    Raises:
        CompressionError: a model that cannot be read or has no fixed square input, other classes, few images, or
            layers of one's own that cannot be built again, or that no other process can import.
        PruneError: a subclassed model. DataError: the data cannot be read.
    """
    name = str(model) if isinstance(model, str | Path) else getattr(model, "name", repr(model))
    original = _model(model)
    if len(getattr(original, "inputs", None) or ()) > 1:
        raise CompressionError(f"model {name!r} has {len(original.inputs)} inputs: expected images alone")
    check_own_layers(original)
    teacher, ending = as_logits(original)
    importable(original)
    shape = tuple(teacher.inputs[0].shape)
    if len(shape) != 4 or None in shape[1:] or shape[1] != shape[2] or shape[3] not in (1, 3):
        raise CompressionError(
            f"model {name!r} takes inputs {shape}: expected square images of a fixed size, (n, size, size, 1 or 3)"
        )
    dataset = _dataset(source, shape, cache, seed)
    classes, outputs = len(dataset.class_names), teacher.output_shape[-1]
    if classes != outputs:
        given = "1 output, which stands for 2 classes" if ending.one_output else f"{outputs} classes"
        raise CompressionError(
            f"model {name!r} has {given}, {dataset.name} has {classes} ({', '.join(dataset.class_names[:8])}"
            f"{', …' if classes > 8 else ''}): expected the same classes"
        )
    parts = (dataset.train, dataset.validation, dataset.test)
    counts = np.bincount(np.concatenate([part.labels for part in parts]), minlength=classes)
    if counts.min() < FEWEST_A_CLASS:
        fewest = dataset.class_names[int(counts.argmin())]
        raise CompressionError(
            f"class {fewest!r} has {counts.min()} images: expected at least {FEWEST_A_CLASS} a class"
        )
    known = None if isinstance(model, keras.Model) else distill.training_data(Path(model))
    if known is not None and (seen := known.trained_on(dataset.test)):
        raise CompressionError(
            f"model {name!r} was trained on {seen} of the {len(dataset.test)} test images: give the data as it was "
            "split then, as a data.Dataset or a folder with train/ and test/"
        )
    said = getattr(source, "name", str(source))
    return Problem(original, teacher, ending, dataset, name, said, () if known is None else (known,))


def check_accuracy(problem: Problem, cache: Path | str = ".cache") -> float:
    """The teacher's accuracy on the validation images, as a fraction.

    Where these are few, training images are looked at too before the teacher is refused.

    Raises:
        CompressionError: it is not above chance; a note of the error holds the confusion.
    """
    dataset = problem.dataset
    labels = dataset.validation.labels
    answers = distill.teacher_outputs(problem.teacher, dataset.validation, cache=cache).arrays["logits"].argmax(-1)
    accuracy = float(np.mean(answers == labels))
    if len(labels) < CHECKED:
        images, more = next(iter(dataset.train.batches(CHECKED - len(labels), seed=0, epoch=0)))
        labels = np.concatenate([labels, more.numpy()])
        answers = np.concatenate([answers, logits(problem.teacher, (images.numpy(), None)).argmax(-1)])
    counts = confusion(labels, answers, len(dataset.class_names))
    right, chance = int(np.trace(counts)), agreement_by_chance(counts)
    if wilson(right, len(labels))[0] > chance:
        return accuracy
    rows, columns = linear_sum_assignment(-counts)
    best = int(counts[rows, columns].sum())
    if wilson(best, len(labels))[0] > max(agreement_by_chance(counts[rows][:, columns]), right / len(labels)):
        order = ", ".join(
            f"output {column} is {dataset.class_names[row]!r}" for row, column in zip(rows, columns, strict=True)
        )
        reason = f"its classes come in another order ({order}): name the folders so that they sort in the model's order"
    else:
        reason = (
            "it expects other inputs than pixels 0 to 255 (put its preprocessing into it, as a layer such as "
            "Rescaling(1 / 255)), or it was trained on other classes"
        )
    error = CompressionError(
        f"model {problem.name!r} is right on {right} of {len(labels)} images of {dataset.name}, chance gives "
        f"{chance:.0%}: {reason}"
    )
    error.add_note(f"true class (rows) against answer (columns)\n{confusion_text(counts, dataset.class_names)}")
    raise error


def agreement_by_chance(counts: np.ndarray) -> float:
    """How often answers that know nothing of the labels, and have the shares of these answers, are right.

    Cohen 1960, "A Coefficient of Agreement for Nominal Scales". It is the share of the largest class for who answers
    that alone, and less for who answers rare classes too.

    Args:
        counts: int (classes, classes), by true class (row) and answer.
    """
    total = counts.sum()
    return float((counts.sum(1) / total) @ (counts.sum(0) / total))


def _model(model) -> keras.Model:
    if isinstance(model, keras.Model):
        return model
    if not isinstance(model, str | Path):
        raise CompressionError(f"model {model!r}: expected a keras.Model or the path of a .keras file")
    if Path(model, "saved_model.pb").is_file():
        raise CompressionError(
            f"model {str(model)!r} is a SavedModel, which has no layers to cut: give the .keras file of the model that "
            "it was written from"
        )
    if Path(model).suffix in (".h5", ".hdf5") and Path(model).is_file():
        raise CompressionError(
            f"model {str(model)!r} is an HDF5 file: write it anew as a .keras file, "
            "keras.models.load_model('model.h5').save('model.keras')"
        )
    if not Path(model).is_file():
        raise CompressionError(f"no file {str(model)!r}: expected a model that model.save('….keras') wrote")
    try:
        return read(Path(model))
    except CompressionError as error:
        raise CompressionError(f"file {str(model)!r} cannot be read as a Keras model ({error})") from error


def _dataset(source, shape: tuple, cache: Path | str, seed: int) -> data.Dataset:
    if isinstance(source, data.Dataset):
        given = tuple(source.train.images.shape[1:])
        if given != shape[1:]:
            raise CompressionError(
                f"images have shape {given}, the model takes {shape[1:]}: load them with image_size="
            )
        return source
    sizes = {"image_size": shape[1], "channels": shape[3], "cache": cache, "seed": seed}
    dataset = data.load(str(source), **sizes)
    own_part = len(dataset.train) + len(dataset.validation)
    wanted = min(SMALL_VALIDATION, int(VALIDATION_SHARE * own_part))
    if len(dataset.validation) >= wanted or "validation" in find_source(str(source)).parts:
        return dataset
    # Candidates are told apart on these images alone: a tenth of a small folder is too few.
    return data.load(str(source), validation_size=wanted, **sizes)
