"""What study 5 asks and expects on CIFAR-10. Its authors report no figures: a published difference is never given.

Each claim has our reading of the authors' words; questions that they do not ask are ours.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kdsuite.report.claims import OURS, PAPER, Claim, Matters, on_data
from kdsuite.report.comparisons import Difference, Level
from kdsuite.report.conditions import Condition, at_least
from kdsuite.report.groups import Best, Bound, Group, between, where
from kdsuite.report.measures import Measure
from kdsuite.report.slopes import SlopeDifference

CIFAR10, OF_VIEWS = "offline-cifar10", "offline-views"
MILLION, A_MILLION = 1_000_000, "at most 1 M parameters"

STUDENTS = where("students", role="student")
BY_LABELS = where("labels alone", series="labels alone")
BY_RESPONSES = where("responses", series="responses")
SMOOTHING = where("label smoothing", series="label smoothing")
ENSEMBLE = where("mean of all teachers", series="ensemble")


@dataclass(frozen=True)
class AtMost(Bound):
    """Numbers up to a bound, which itself belongs."""

    above: bool = False

    def __call__(self, values: pd.Series) -> pd.Series:
        return values <= self.bound

    def __str__(self) -> str:
        return f"≤ {self.bound:,g}"


@dataclass(frozen=True)
class Compared:
    """The rows of a group whose student learned from smoothed labels too: the one that has every signal."""

    group: Group

    experiment = None
    shared = False

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        students = SMOOTHING.rows(table).student
        return self.group.rows(table[table.student.isin(students)])

    def describe(self, table: pd.DataFrame) -> str:
        return self.group.describe(table)


# Students that nothing but knowledge sets apart from their teacher: as many images, and a teacher worth the name.
ALL_IMAGES = at_least("train_size", 40_000, STUDENTS)
GOOD_TEACHER = at_least("teacher_test_accuracy", 0.9, BY_RESPONSES)
JUDGED = (ALL_IMAGES, GOOD_TEACHER)
THIS_TEACHER = "this teacher"
A_POINT = Matters(0.01, "a point of calibration error")
BEHIND = Measure(
    lambda rows: rows.test_accuracy - rows.teacher_test_accuracy, "ahead of the teacher", "points", "points", 100
)
COMPARABLE: dict[str, Any] = {
    "says": "We aim to check if the inception net can be shortened to a smaller model and achieve comparable "
    "performance",
    "where": "abstract",
}
FASTER: dict[str, Any] = {
    "says": "Since the teacher is already pretrained, we expect the model to learn faster",
    "where": "§3, last paragraph",
}
IMITATE: dict[str, Any] = {
    "says": "various student network combinations … which are able imitate the teacher network and get a satisfactory "
    "performance on the test data",
    "where": "§4",
}


def large(size: str, column: str, most: float) -> Condition:
    """A student of at least half of the largest size was trained: smaller ones cannot say what such a size reaches."""
    least = most / 2
    group = where(
        f"students of {size}, and at least half of that", series="responses", **{column: between(least, most)}
    )
    return at_least(column, least, group)


def within(points: int, size: str, column: str, most: float) -> Claim:
    """Whether the best student of a size, by validation, is less than so many points behind its teacher."""
    group = where(f"of {size}", series="responses", **{column: AtMost(most)})
    return Claim(
        tests=f"a student of {size} comes within {points} point{'s' * (points > 1)} of its teacher",
        experiment=CIFAR10,
        compares=Level(BEHIND, Best(group, by="student"), above=-points / 100),
        judged_when=(*JUDGED, large(size, column, most)),
        given=THIS_TEACHER,
        kind=OURS,
        **COMPARABLE,
    )


def ahead(tests: str, first, second, measure: str | Measure = "test_accuracy", **settings) -> Claim:
    """A difference between two signals, pairs of equal size and seed, mean over sizes."""
    usual = {"experiment": CIFAR10, "judged_when": JUDGED, "given": THIS_TEACHER, "kind": OURS}
    return Claim(tests=tests, compares=Difference(measure, first, second, match=("student",)), **usual | settings)


QUESTION = (
    within(2, A_MILLION, "params", MILLION),
    within(1, A_MILLION, "params", MILLION),
    within(2, "at most a third of its parameters", "params_share", 1 / 3),
)

SMOOTHED = (
    "Labels alone are smoothed by ε = 0.2, as the recipe has it, which keeps its students less sure than they are "
    "right; responses are not smoothed."
)
SPEED = tuple(
    Claim(
        tests=f"responses learn faster: validation accuracy after epoch {epoch}",
        experiment=CIFAR10,
        compares=Difference(
            "validation_accuracy",
            where("responses", series="responses", epoch=epoch),
            where("labels alone", series="labels alone", epoch=epoch),
            match=("student",),
            table="epochs",
        ),
        paper="faster",
        judged_when=JUDGED,
        given=THIS_TEACHER,
        note=SMOOTHED,
        **FASTER,
    )
    for epoch in (1, 2, 5)
)

SIGNALS = (
    ahead("responses beat labels alone, mean of all sizes", BY_RESPONSES, BY_LABELS, note=SMOOTHED, **IMITATE),
    Claim(
        tests="the larger the student, the more responses add to labels alone",
        experiment=CIFAR10,
        compares=SlopeDifference(
            "test_accuracy",
            Measure(lambda rows: np.log2(rows.params), "log₂ of the parameters"),
            BY_RESPONSES,
            BY_LABELS,
            match=("student",),
            per_text="doubling of the parameters",
        ),
        matters=Matters(0.002, "over five doublings a point"),
        judged_when=(*JUDGED, large(A_MILLION, "params", MILLION)),
        given=THIS_TEACHER,
        kind=OURS,
    ),
    ahead("it is knowledge: responses beat label smoothing of their entropy", BY_RESPONSES, SMOOTHING),
    ahead("the mean of all teachers beats the first", ENSEMBLE, BY_RESPONSES),
    ahead(
        "responses lower the calibration error of labels alone",
        Compared(BY_LABELS),
        Compared(BY_RESPONSES),
        "calibration_error",
        matters=A_POINT,
        note=SMOOTHED,
    ),
)

SCALED = Measure("calibration_error_scaled", "calibration error after scaling", "%", "points", 100, False)
MENDED = Measure(
    lambda rows: rows.calibration_error - rows.calibration_error_scaled, "calibration error mended", "points", "", 100
)
FRESH_LABELS = where("fresh views", series="labels alone, fresh views")

AFTER_SCALING = (
    Claim(
        tests="temperature scaling lowers the calibration error of students of responses",
        experiment=CIFAR10,
        compares=Level(MENDED, BY_RESPONSES, above=0),
        judged_when=JUDGED,
        given=THIS_TEACHER,
        kind=OURS,
    ),
    ahead(
        "after scaling, too, responses lower the calibration error of labels alone",
        Compared(BY_LABELS),
        Compared(BY_RESPONSES),
        SCALED,
        matters=A_POINT,
    ),
    ahead("fresh views beat drawn ones, on labels alone", FRESH_LABELS, BY_LABELS, judged_when=(ALL_IMAGES,), given=""),
)


def stored(views: int) -> Group:
    """Students of the responses to so many views of each image."""
    series = f"responses, {views} view{'s' * (views > 1)}"
    return where(series, series=series)


LIVE = where("live teacher, same views", series="live")
FRESH_LIVE = where("live teacher, fresh views", series="live, fresh views")
AT_HAND: dict[str, Any] = {"experiment": OF_VIEWS, "judged_when": (at_least("train_size", 20_000, STUDENTS),)}

VIEWS = (
    ahead(
        "students of responses answer as the teacher does more often than students of labels",
        stored(8),
        BY_LABELS,
        Measure("agreement", "agreement with the teacher", "%", "points", 100),
        **AT_HAND | IMITATE | {"kind": PAPER, "paper": "imitate"},
    ),
    ahead("8 views' responses are as good as a live teacher's for the same views", stored(8), LIVE, **AT_HAND),
    ahead("8 stored views beat one", stored(8), stored(1), **AT_HAND),
    ahead("16 stored views beat 8", stored(16), stored(8), **AT_HAND),
    ahead("fresh views of a live teacher beat 8 stored ones", FRESH_LIVE, stored(8), **AT_HAND),
)

CLAIMS = on_data("cifar10", (*QUESTION, *SPEED, *SIGNALS, *AFTER_SCALING, *VIEWS))
