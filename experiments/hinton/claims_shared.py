"""What study 2's claims have in common: settings, groups, conditions."""

from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import AsPublished, Difference
from kdsuite.report.conditions import Requirement, at_least, exactly, teacher_at_least
from kdsuite.report.groups import EMPTY, Group, where
from kdsuite.report.measures import Measure
from kdsuite.report.published import published as published_figure

MNIST, TRANSFER_SET, TEMPERATURE = (
    f"hinton-{name} protocol=original" for name in ("mnist", "transfer-set", "temperature")
)
MNIST_2020, TRANSFER_SET_2020, TEMPERATURE_2020 = (
    f"hinton-{name} protocol=reproduction" for name in ("mnist", "transfer-set", "temperature")
)

TEACHER = where("teacher", role="teacher")
STUDENTS = where("students", role="student")
ALONE = where("student alone", method="plain")
DISTILLED = where("distilled", method="kd", variant=EMPTY)
STUDENTS_OF_TEACHERS = where("distilled students", method="kd")
NO_VIEWS = where("distilled without views", method="kd", variant="without views")
ABLATIONS = ("without views", "SGD 0.01", "a third of the epochs")
NINE = "0 1 2 4 5 6 7 8 9"
WITHOUT_3 = where("saw no 3", transfer_set=NINE, variant=EMPTY)
ONLY_7_8 = where("saw 7 and 8 only", transfer_set="7 8", variant=EMPTY)

WHOLE_MNIST = at_least("train_size", 50_000, where("teacher", role="teacher"))
GOOD_TEACHER = teacher_at_least(0.985)
LONG_TEACHER = at_least("epochs", 100, TEACHER)
LONG_STUDENTS = at_least("epochs", 25, where("students", role="student", variant=EMPTY))
JUDGED = (WHOLE_MNIST, GOOD_TEACHER, LONG_STUDENTS)
AT_20 = exactly("temperature", 20.0, group=STUDENTS_OF_TEACHERS)
ONE_TEACHER = "this teacher"
ADDED = "Seeds were added when the first 3 had left this undecided, so their number is not independent of it."

ERROR_RATE = Measure(lambda rows: rows.test_errors / rows.test_size, "test error", "%", "points", 100, False)
CHOSEN = {"validation": "chosen on validation", "test": "chosen on test as in the paper"}


def figure(setting: str, metric: str = "test errors") -> float:
    """A published figure of study 2."""
    return published_figure("2", setting, metric)


def mended(before: str, after: str, name: str) -> Measure:
    """How many errors fewer there are in one column than in another."""
    return Measure(lambda rows: rows[before] - rows[after], name, "errors", "errors", digits=0)


def error_rate_by(split: str) -> Measure:
    """The error rate with the bias chosen on a split."""
    column = f"test_errors_bias_by_{split}"
    return Measure(lambda rows: rows[column] / rows.test_size, "test error", "%", "points", 100, False)


def level(
    tests: str,
    group: Group,
    value: float,
    contrast: float,
    measure: str | Measure = "test_errors",
    judged_when: tuple[Requirement, ...] = JUDGED,
    **settings,
) -> Claim:
    """A claim on a published level; `contrast` is the published difference it belongs to."""
    return Claim(
        tests=tests,
        compares=AsPublished(measure, group, value, contrast=abs(contrast)),
        judged_when=judged_when,
        **settings,
    )


def ablation(name: str, experiment: str, words: str, usual: Group, **conditions) -> Claim:
    """A question of ours: what does one change of the distilled student's recipe cost?"""
    changed = where(words, variant=words, **conditions)
    return Claim(
        tests=f"{name}: {words} costs errors",
        experiment=experiment,
        compares=Difference("test_errors", changed, usual),
        judged_when=(WHOLE_MNIST, GOOD_TEACHER),
        kind=OURS,
        given=ONE_TEACHER if experiment == TRANSFER_SET else "",
    )
