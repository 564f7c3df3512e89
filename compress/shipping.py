"""The end of a compression: files, the one look at the test images, proofs, and the verdict on the goal."""

import math
import platform
import shutil
from collections.abc import Collection
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import kdsuite
from kdsuite import distill, prune
from kdsuite.compress.accuracy import confusion
from kdsuite.compress.choosing import Candidate
from kdsuite.compress.costs import milliseconds, widths
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_measuring import logits, measure
from kdsuite.compress.exporting import export
from kdsuite.compress.formats import DEFAULT_FORMATS, FORMATS
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import Problem
from kdsuite.compress.proofs import Proof, saved
from kdsuite.compress.result import FileRow, Result, file_row, paired_difference
from kdsuite.compress.search import Setting, calibration_images, proof_of
from kdsuite.compress.work import Work
from kdsuite.data.files import whole_file

# Of two accuracies of the same images.
ROUNDING = 1e-9
TEACHER, STUDENT = "teacher.keras", "student.keras"


def ship(
    problem: Problem,
    setting: Setting,
    work: Work,
    candidates: list[Candidate],
    chosen: Candidate,
    student: keras.Model,
    folder: Path,
    command: str,
) -> Result:
    """Writes the student's files, tests them and the teacher, and says whether the goal was reached.

    Args:
        problem: what was given.
        setting: of the search.
        work: where the candidates lie.
        candidates, chosen: all of them, and the one to ship.
        student: the network to ship, its end put back.
        folder: takes the files.
        command: what the user typed.
    """
    test, ending = problem.dataset.test, problem.ending
    teacher_path, path = work.path(TEACHER), work.path(f"files/{STUDENT}")
    distill.save_student(student, path, problem.dataset, also=problem.known)
    images = calibration_images(setting.train)
    written, refused = exported(student, path, images)
    files = {"keras": path} | written
    of_teacher, of_student = logits(problem.original, test), logits(student, test)
    costs = [(model.count_params(), prune.macs(model)) for model in (problem.original, student)]
    tested = [("teacher", teacher_path, costs[0], of_teacher)]
    tested += [(name, file, costs[1], of_student) for name, file in files.items()]
    rows = [
        file_row(name, file, *cost, measure(file, test, reference, answers=ending.answers), len(test))
        for name, file, cost, reference in tested
    ]
    deliver(files, refused, folder)
    answers = {"teacher": ending.answers(of_teacher), "student": ending.answers(of_student)}
    right = {who: given == test.labels for who, given in answers.items()}
    drop = paired_difference(right["teacher"], right["student"])
    # Anew: a cut was timed often until one timing was within the goal.
    student_ms = milliseconds(student) if setting.asked.target == "ms" else None
    reached = is_reached(setting.asked, rows, student_ms, drop[0])
    parted = np.flatnonzero(answers["teacher"] != answers["student"])
    before, after = widths(problem.teacher), chosen.widths
    classes = len(problem.dataset.class_names)
    return Result(
        reached=reached,
        summary=summary(problem, setting.asked, rows, drop, reached, chosen, refused, student_ms),
        goal=str(setting.asked),
        command=command,
        model=problem.name,
        dataset=problem.dataset.name,
        source=problem.dataset.source,
        sizes={part: len(getattr(problem.dataset, part)) for part in ("train", "validation", "test")},
        seed=problem.dataset.seed,
        files=rows,
        refused=refused,
        candidates=candidates,
        chosen=chosen,
        widths={name: (width, after.get(name)) for name, width in before.items()},
        class_names=tuple(problem.dataset.class_names),
        confusions={who: confusion(test.labels, given, classes).tolist() for who, given in answers.items()},
        parted=[
            (int(row), int(test.labels[row]), int(answers["teacher"][row]), int(answers["student"][row]))
            for row in parted
        ],
        proofs=_proofs(proof_of(work, chosen.recipe), student, path, images[:32], rows),
        minutes=work.seconds / 60,
        versions={
            "kdsuite": kdsuite.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {platform.system()}",
        },
    )


def deliver(files: dict[str, Path], refused: Collection[str], folder: Path) -> None:
    """Copies a student's files to a folder, and deletes those of an earlier student that would stay beside them.

    Args:
        files: format → path; "keras" is there.
        refused: formats in which the student has no file.
        folder: made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in refused:
        (folder / f"{files['keras'].stem}{FORMATS[name].suffix}").unlink(missing_ok=True)
    for file in files.values():
        with whole_file(folder / file.name) as unfinished:
            shutil.copyfile(file, unfinished)


def is_reached(goal: Goal, rows: list[FileRow], student_ms: float | None, drop: float) -> bool:
    """Whether the goal was reached.

    Args:
        goal: of the compression.
        rows: the teacher's first, then the student's, its .keras file before the others.
        student_ms: milliseconds for one image, where they are the goal; timed for this verdict.
        drop: of accuracy on test, as a fraction.
    """
    teacher, student = rows[0], rows[1]
    if goal.max_drop is not None and drop > goal.max_drop:
        return False
    if goal.target == "ms":
        return student_ms is not None and student_ms <= goal.value
    if goal.target == "bytes" and goal.value >= 1:
        # One file has to be small enough and right often enough: int8 answers otherwise than its Keras model.
        most = math.inf if goal.max_drop is None else goal.max_drop + ROUNDING
        return any(row.file_bytes <= goal.value and teacher.accuracy - row.accuracy <= most for row in rows[1:])
    if goal.target is None:
        return True
    name = {"bytes": "file_bytes"}.get(goal.target, goal.target)
    return getattr(student, name) <= goal.value * getattr(teacher, name)


def summary(
    problem: Problem,
    goal: Goal,
    rows: list[FileRow],
    drop,
    reached: bool,
    chosen: Candidate,
    refused: Collection[str] = (),
    student_ms: float | None = None,
) -> str:
    """What a person can read aloud."""
    teacher, student = rows[0], rows[1]
    smallest = min(rows[1:], key=lambda row: row.file_bytes)
    mean, low, high = (100 * value for value in drop)
    change = f"{abs(mean):.2f} points {'lower' if mean > 0 else 'higher'}" if mean else "no difference"
    verdict = "reached" if reached else f"missed; this is the best that was found, {chosen.recipe}"
    sentences = [
        f"The student has {student.params / teacher.params:.0%} of the parameters of {problem.name} and "
        f"{student.macs / teacher.macs:.0%} of its MACs.",
        f"On {len(problem.dataset.test):,} test images it is right on {student.accuracy:.2%}, the teacher on "
        f"{teacher.accuracy:.2%}: {change} (95% interval of the fall {low:.2f} to {high:.2f}).",
        f"The smallest file, {smallest.file}, has {smallest.file_bytes:,} bytes and is right on "
        f"{smallest.accuracy:.2%}.",
        *([f"There is no file in {' and '.join(refused)}: it cannot be converted."] if refused else []),
        *([] if student_ms is None else [f"One image takes it {student_ms:.3g} milliseconds in Keras here."]),
        f"The goal, {goal}, was {verdict}.",
    ]
    return " ".join(sentences)


def exported(student: keras.Model, path: Path, images: np.ndarray) -> tuple[dict[str, Path], dict[str, str]]:
    """The files in other formats, and why there is none in some: what was trained for is shipped all the same."""
    written: dict[str, Path] = {}
    refused: dict[str, str] = {}
    for name in DEFAULT_FORMATS:
        calibration = images if name == "litert-int8" else None
        try:
            written |= export(student, path.parent, [name], calibration, stem=path.stem)
        except CompressionError as error:
            refused[name] = str(error)
    return written, refused


def _proofs(surgery: Proof, student: keras.Model, path: Path, images: np.ndarray, rows: list[FileRow]) -> list[Proof]:
    files = [
        Proof(f"{row.file} against Keras, on all test images; it agrees on {row.agreement:.2%}", row.max_difference)
        for row in rows[1:]
    ]
    return [surgery, saved(student, path, images), *files]
