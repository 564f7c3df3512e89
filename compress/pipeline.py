"""`compress`: from a model and its data to the smaller model, its files, and a report of what was measured."""

import dataclasses
import importlib.util
import math
from pathlib import Path

import keras
import tensorflow as tf

import kdsuite
from kdsuite import data, distill, prune
from kdsuite.compress.augmentation import augmentation_layers
from kdsuite.compress.budget import questions
from kdsuite.compress.choosing import best
from kdsuite.compress.costs import ModelCosts, costs_of, milliseconds, search_goal
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.formats import DEFAULT_FORMATS, find_format, import_packages
from kdsuite.compress.goals import Goal, goal_of
from kdsuite.compress.inputs import Problem, check_accuracy, problem_of
from kdsuite.compress.page import write_page
from kdsuite.compress.progress import Progress
from kdsuite.compress.recovery import Training
from kdsuite.compress.result import Result
from kdsuite.compress.search import SEED, Setting, search, student_path
from kdsuite.compress.shipping import TEACHER, ship
from kdsuite.compress.work import Work
from kdsuite.data.views import Views

CONVERTING = 45.0
"""Seconds that the conversions take, roughly."""
DEFAULT_TRAINING = Training()
RESULT, PAGE = "result.json", "report.html"


def compress(
    model: keras.Model | Path | str,
    source: data.Dataset | Path | str,
    *,
    max_drop: float | None = None,
    target_params: float | None = None,
    target_macs: float | None = None,
    target_bytes: float | None = None,
    target_ms: float | None = None,
    minutes: float = 20.0,
    folder: Path | str = "compressed",
    views: data.Flip | data.Jitter | data.ShiftFlip | None = None,
    training: Training = DEFAULT_TRAINING,
    cache: Path | str = ".cache",
    command: str | None = None,
    quiet: bool = False,
) -> Result:
    """Makes a smaller model that answers as the given one does, and files of it that are ready to ship.

    Channels, units, or both are taken out in several ways; each candidate learns from the teacher's outputs for a
    short while, and the best on the validation images get the rest of the time (successive halving, Jamieson and
    Talwalkar 2016). The test images are looked at once, at the end.

    A killed call goes on where it was when it is made again: all that it has done is below `folder/.work`.

    Args:
        model: functional or Sequential classifier of square images, pixels 0 to 255, or its .keras file; it ends in
            logits, softmax, or one number for two classes. It is left as it was.
        source: a folder with one sub-folder a class, in the order of the model's classes; a TFDS name; or a
            `data.Dataset`.
        max_drop: largest fall of accuracy, as a fraction; alone, or with one of the targets.
        target_params, target_macs: largest share of the parameters or multiply-accumulates.
        target_bytes: largest share of the .keras file, or from 1 up bytes of the smallest file written.
        target_ms: milliseconds for one image in Keras on this machine.
        minutes: budget for all of it.
        folder: takes `student.keras`, the LiteRT and ONNX files, `report.html` and `result.json`.
        views: the augmentation under which the student is trained, and the teacher asked: of many views, as many of
            each image as the teacher has time for.
        training: how candidates are trained; with λ = 0 the teacher is asked about no training image.
        cache: folder of decoded images and teacher outputs.
        command: what the report calls the command; by default this call.
        quiet: shows no progress.

    Returns:
        `Result`; `.reached` says whether the goal was, judged on test.

    Raises:
        CompressionError: no goal, a model or data that do not go together; a note shows the confusion.
        PruneError: a model whose layers cannot be seen. DataError: data that cannot be read.
        OSError: a folder that cannot be written.
    """
    goal = goal_of(max_drop, target_params, target_macs, target_bytes, target_ms)
    check_setting(minutes, views)
    problem = problem_of(model, source, cache=cache)
    work = Work(Path(folder), _described(problem, goal, minutes, views, training), minutes)
    with Progress(lambda: work.seconds_left, quiet) as progress:
        if augmentation := augmentation_layers(problem.original):
            progress.done(f"left out: {', '.join(augmentation)}, which act in training alone; `views` augments instead")
        progress.now("asking the teacher")
        accuracy = check_accuracy(problem, cache)
        if training.lambda_:
            problem = _within_budget(problem, source, work, views, cache)
        setting = setting_of(problem, goal, accuracy, views, training, cache, work)
        progress.done(
            f"{problem.name} · {accuracy:.2%} on {len(setting.validation):,} validation images · goal: {goal}"
        )
        reserve = reserved(problem, goal)
        candidates = search(setting, work, progress, reserve)
        chosen = best(candidates, goal, accuracy, setting.whole)
        student = problem.ending.put_back(keras.models.load_model(student_path(work, chosen), compile=False))
        progress.now("exporting and testing")
        result = ship(
            problem, setting, work, candidates, chosen, student, Path(folder), command or _call(goal, problem)
        )
    result.save(Path(folder) / RESULT)
    write_page(result, problem.dataset.test, Path(folder) / PAGE)
    return result


def check_setting(minutes: float, views: object) -> None:
    """Raises a CompressionError for a budget or views that are none, and where a package is missing."""
    if not 0 < minutes < math.inf:
        raise CompressionError(f"minutes {minutes:g}: expected a finite number above 0, such as 20")
    if views is not None and not isinstance(getattr(views, "count", None), int):
        raise CompressionError(f"views {views!r}: expected None, data.Flip(), data.Jitter() or data.ShiftFlip()")
    if importlib.util.find_spec("matplotlib") is None:
        raise CompressionError("the report needs matplotlib, which is not installed: pip install 'kdsuite[compress]'")
    for name in DEFAULT_FORMATS:
        import_packages(find_format(name))


def _described(problem: Problem, goal: Goal, minutes: float, views, training: Training) -> dict:
    """All that determines a run."""
    parts = (problem.dataset.train, problem.dataset.validation, problem.dataset.test)
    return {
        "model": distill.model_fingerprint(problem.original),
        "data": [part.fingerprint for part in parts],
        "goal": dataclasses.asdict(goal),
        "minutes": minutes,
        "views": repr(views),
        "training": dataclasses.asdict(training),
        "seed": SEED,
        "versions": [kdsuite.__version__, keras.__version__, tf.__version__],
    }


def _within_budget(problem: Problem, source, work: Work, views, cache) -> Problem:
    """The problem with no more training images than the teacher can be asked about; a `data.Dataset` stays whole."""
    shape = problem.teacher.inputs[0].shape
    dataset = problem.dataset
    images = questions(problem, views, work).images
    if isinstance(source, data.Dataset) or images >= len(dataset.train):
        return problem
    smaller = data.load(
        str(source),
        image_size=shape[1],
        channels=shape[3],
        train_size=images,
        validation_size=len(dataset.validation),
        test_size=len(dataset.test),
        cache=cache,
    )
    return dataclasses.replace(problem, dataset=smaller)


def _whole(teacher: keras.Model, goal: Goal) -> ModelCosts:
    costs = costs_of(teacher)
    return dataclasses.replace(costs, ms=milliseconds(teacher)) if goal.target == "ms" else costs


def setting_of(problem: Problem, goal: Goal, accuracy: float, views, training: Training, cache, work: Work) -> Setting:
    """What all candidates share: the teacher, its costs and its outputs, which are computed once.

    Where training gives the teacher no weight, it is not asked about training images, and all views are shown.
    """
    dataset, teacher = problem.dataset, problem.teacher
    train = _shown(dataset.train, views, questions(problem, views, work).views if training.lambda_ else None)
    path = work.path(TEACHER)
    if not path.exists():
        distill.save_student(problem.original, path)
    # Once, so that a run that goes on has the same share of the same milliseconds as its goal.
    costs = work.once("whole", lambda: dataclasses.asdict(_whole(teacher, goal)))
    return Setting(
        teacher=teacher,
        whole=ModelCosts(**costs),
        accuracy=accuracy,
        asked=goal,
        goal=search_goal(goal, ModelCosts(**costs), path.stat().st_size),
        train=train,
        validation=dataset.validation,
        train_outputs=distill.teacher_outputs(teacher, train, cache=cache) if training.lambda_ else None,
        validation_logits=distill.teacher_outputs(teacher, dataset.validation, cache=cache).arrays["logits"],
        training=training,
    )


def _shown(split: data.Split, views: Views | None, drawn: int | None) -> data.Split:
    """The split under views: under all of them (None), or under a few of each image that are drawn once."""
    if views is None:
        return split
    return split.with_views(views, drawn=drawn if drawn and drawn < views.count else None, seed=SEED)


def reserved(problem: Problem, goal: Goal) -> float:
    """Seconds that export and test will take: five files of the student and the teacher, image after image."""
    one = prune.latency([problem.teacher], turns=5)[0]
    share = goal.value if goal.target in ("params", "macs", "bytes") and goal.value < 1 else 0.5
    return CONVERTING + one * len(problem.dataset.test) * (1 + 5 * share)


def _call(goal: Goal, problem: Problem) -> str:
    options = {"max_drop": goal.max_drop} if goal.max_drop is not None else {}
    options |= {f"target_{goal.target}": goal.value} if goal.target else {}
    named = ", ".join(f"{name}={value:g}" for name, value in options.items())
    return f"compress.compress({problem.name!r}, {problem.data!r}, {named})"
