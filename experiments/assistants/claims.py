"""What the paper of study 4 claims, and the future work that it names.

Its accuracies are whole multiples of 1/8,100: one training each, on 8,100 test images, whose sampling error alone is
0.4 points a network. Two students below S1 are hierarchical and learn through S1, so they are one network here and one
claim; the paper trained them twice and found 85.56 and 85.32%, which says how far chance goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from kdsuite.report.claims import OURS, Claim, Matters, on_data
from kdsuite.report.comparisons import AsPublished, Difference
from kdsuite.report.conditions import TEACHER as TEACHERS
from kdsuite.report.conditions import at_least, teacher_at_least
from kdsuite.report.errors import NotRun
from kdsuite.report.groups import Group, shared, where
from kdsuite.report.published import published
from kdsuite.report.rows import Results

EXPERIMENT = "assistants-cifar10"
HIERARCHICAL, DIRECT, THROUGH_S1 = "hierarchical", "direct", "through S1"
TABLES = {
    HIERARCHICAL: "1 hierarchical",
    DIRECT: "2 direct from teacher",
    THROUGH_S1: "3 through S1 as the one assistant",
}
ADVERBS = {HIERARCHICAL: "hierarchically", DIRECT: "directly", THROUGH_S1: "through S1"}
SMALLEST = "of_8_logits"
ERROR_MATTERS = Matters(0.1, why="a tenth of the error")


@dataclass(frozen=True)
class Among:
    """Cells that list a word among others: "hierarchical, through S1"."""

    word: str

    def __call__(self, values: pd.Series) -> pd.Series:
        return values.fillna("").str.split(", ").map(lambda words: self.word in words)

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True)
class EpochsOverTeacher:
    """Students have at least so many times their teacher's epochs; in the paper it is six times."""

    times: float

    def unmet(self, results: Mapping[str, Results], experiment: str) -> str | None:
        if experiment not in results:
            raise NotRun(f"{experiment} was not run")
        rows = results[experiment].rows
        students, teacher = (int(rows[rows.role == role].epochs.min()) for role in ("member", "teacher"))
        if students >= self.times * teacher:
            return None
        return f"students have {students} epochs, their teacher {teacher}, at least {self.times:g} times as many needed"


def ensembles(regime: str, count: int) -> Group:
    """Fine-tuned ensembles of a regime."""
    return where(f"{count} taught {ADVERBS[regime]}", role="ensemble", regimes=Among(regime), members=count)


def in_paper(count: int, regime: str) -> float:
    """Published test accuracy of an ensemble, as a fraction; of S1 for one student."""
    if count == 1:
        return published("4", "student S1", "test accuracy", table=TABLES[HIERARCHICAL])
    return published("4", f"ensemble of {count} students", "test accuracy", table=TABLES[regime])


TEACHER = shared("teacher", role="teacher")
TEACHER_IN_PAPER = published("4", "teacher", "test accuracy", table=TABLES[HIERARCHICAL])
S1 = where("S1", role="ensemble", members=1)
ENOUGH_IMAGES = at_least("train_size", 5_000)
ENOUGH_EPOCHS = EpochsOverTeacher(3)
FAIR_TEACHER = teacher_at_least(0.5)
GOOD_TEACHER = teacher_at_least(0.75)
SIZE = (ENOUGH_IMAGES, ENOUGH_EPOCHS, FAIR_TEACHER)
AGAINST_TEACHER = (ENOUGH_IMAGES, ENOUGH_EPOCHS, GOOD_TEACHER)
DIRECT_IS_BEST = "The best accuracies are obtained when all the ensembles are directly trained on the teacher."


def above_teacher(count: int) -> Claim:
    """Direct students against their teacher."""
    name, group = ("S1", S1) if count == 1 else (f"{count} students taught directly", ensembles(DIRECT, count))
    return Claim(
        tests=f"{name} beat{'s' * (count == 1)} the teacher",
        says=f"Teacher {100 * TEACHER_IN_PAPER:.3f}, "
        + ("Student 1" if count == 1 else f"{count} Students Ensemble")
        + f" {100 * in_paper(count, DIRECT):.5f}",
        where="Results, table 2",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", group, TEACHER),
        published=in_paper(count, DIRECT) - TEACHER_IN_PAPER,
        judged_when=AGAINST_TEACHER,
    )


def direct_above(regime: str, count: int) -> Claim:
    """Direct students against those taught by assistants."""
    return Claim(
        tests=f"{count} students taught directly beat {count} taught {ADVERBS[regime]}",
        says=DIRECT_IS_BEST,
        where="Results, second paragraph",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(DIRECT, count), ensembles(regime, count)),
        published=in_paper(count, DIRECT) - in_paper(count, regime),
        judged_when=SIZE,
    )


TWO_BELOW_S1 = tuple(in_paper(2, DIRECT) - in_paper(2, regime) for regime in (HIERARCHICAL, THROUGH_S1))

TEACHER_CLAIMS = (
    Claim(
        tests="the teacher's accuracy",
        says="Teacher 82.889",
        where="Results, table 1",
        experiment=EXPERIMENT,
        compares=AsPublished(
            "test_accuracy",
            TEACHERS,
            TEACHER_IN_PAPER,
            contrast=in_paper(1, DIRECT) - TEACHER_IN_PAPER,
            rounded_to=0.00001,
        ),
        judged_when=(at_least("train_size", 40_000), at_least("epochs", 10, TEACHERS)),
    ),
    *(above_teacher(count) for count in (1, 2, 4, 8)),
)


def published_level(count: int, regime: str) -> Claim:
    """The accuracy of S1, or of an ensemble, beside the published one."""
    name, group = ("S1", S1) if count == 1 else (f"{count} taught {ADVERBS[regime]}", ensembles(regime, count))
    value = in_paper(count, regime)
    return Claim(
        tests=f"the accuracy of {name}",
        says=f"{'Student 1' if count == 1 else f'{count} Students Ensemble'} {100 * value:.5f}",
        where=f"Results, table {TABLES[regime][0]}",
        experiment=EXPERIMENT,
        compares=AsPublished("test_accuracy", group, value, contrast=value - TEACHER_IN_PAPER, rounded_to=0.00001),
        judged_when=(at_least("train_size", 40_000), at_least("epochs", 60, where("students", role="member"))),
    )


LEVELS = (
    published_level(1, HIERARCHICAL),
    *(published_level(count, regime) for regime in (HIERARCHICAL, DIRECT, THROUGH_S1) for count in (2, 4, 8)),
)

AVALANCHE = Claim(
    tests="errors add up down the hierarchy: 8 hierarchical students are further from the teacher's features than "
    "8 direct ones",
    says="if an error occurs during a specific TA model learning, this error will be passed forward to all "
    "students who learn from the TA",
    where="Related works, on Son et al. 2021",
    experiment=EXPERIMENT,
    compares=Difference(
        "teacher_feature_error",
        where("8 hierarchical", role="member", regimes=Among(HIERARCHICAL), members=8),
        where("8 direct", role="member", regimes=Among(DIRECT), members=8),
        by="ensemble_seed",
        relative=True,
    ),
    matters=ERROR_MATTERS,
    paper="higher",
    judged_when=SIZE,
)

REGIME_CLAIMS = (
    Claim(
        tests="2 students taught directly beat 2 below S1",
        says=DIRECT_IS_BEST,
        where="Results, second paragraph",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(DIRECT, 2), ensembles(HIERARCHICAL, 2)),
        published=sum(TWO_BELOW_S1) / 2,
        paper=" and ".join(f"{100 * gain:+.2f}" for gain in TWO_BELOW_S1) + " points",
        judged_when=SIZE,
        note="2 hierarchical students are 2 through S1; the paper trained them twice.",
    ),
    *(direct_above(regime, count) for count in (4, 8) for regime in (HIERARCHICAL, THROUGH_S1)),
    Claim(
        tests="accuracy falls down the hierarchy, from 2 to 8 students",
        says="In hierarchal training, the accuracies of the ensemble models decrease as we keep increasing the number "
        "of Teaching Assistants.",
        where="Results, first paragraph",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(HIERARCHICAL, 2), ensembles(HIERARCHICAL, 8)),
        published=in_paper(2, HIERARCHICAL) - in_paper(8, HIERARCHICAL),
        judged_when=SIZE,
    ),
    Claim(
        tests="accuracy of direct ensembles falls from 2 to 8 students",
        says="2 Students Ensemble 86.56790123, 4 Students Ensemble 85.12345679, 8 Students Ensemble 84.92592593",
        where="Results, table 2",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(DIRECT, 2), ensembles(DIRECT, 8)),
        published=in_paper(2, DIRECT) - in_paper(8, DIRECT),
        judged_when=SIZE,
    ),
    Claim(
        tests="4 students taught hierarchically beat 4 taught through S1",
        says="training 2 student, 4 student and 8 student models on the single student (TA) resulted in decrease in "
        "accuracies for the 2 students as well as 4 student models",
        where="Results, third paragraph",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(HIERARCHICAL, 4), ensembles(THROUGH_S1, 4)),
        published=in_paper(4, HIERARCHICAL) - in_paper(4, THROUGH_S1),
        judged_when=SIZE,
        note="The paper's own two trainings of 2 students below S1 differ by 0.23 points.",
    ),
    Claim(
        tests="8 students taught through S1 beat 8 taught hierarchically",
        says="the 8-student model trained through TA resulted in better accuracy of 83.938 in comparison of hierarchal "
        "training accuracy of 83.08",
        where="Results, third paragraph",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", ensembles(THROUGH_S1, 8), ensembles(HIERARCHICAL, 8)),
        published=in_paper(8, THROUGH_S1) - in_paper(8, HIERARCHICAL),
        judged_when=SIZE,
    ),
    AVALANCHE,
)


def smallest(regime: str) -> Group:
    """The smallest network that learns logits, in one of the ways of the future work."""
    return where(f"smallest network {regime}", student=SMALLEST, regimes=Among(regime))


def of_smallest(better: str, worse: str, **words) -> Claim:
    """One way to teach the smallest network against another."""
    return Claim(
        tests=f"the smallest network learns better {better} than {worse}",
        experiment=EXPERIMENT,
        compares=Difference("test_accuracy", smallest(better), smallest(worse)),
        judged_when=SIZE,
        **words,
    )


FUTURE_WORK = (
    of_smallest("from the teacher", "alone", kind=OURS),
    of_smallest(
        "through assistants",
        "from the teacher",
        says="Proposed model improves the accuracy of student network in the case of extreme compression.",
        where="Related works, on Mirzadeh et al. 2019",
        paper="higher",
    ),
    of_smallest(
        "densely guided",
        "through assistants",
        says="To solve this problem (Son et al.) proposed the densely guided knowledge distillation (DGKD) model which "
        "uses multiple TAs for efficient learning",
        where="Related works, on Son et al. 2021",
        paper="higher",
    ),
    Claim(
        tests="a residual assistant lowers its student's feature error",
        says="the Residual error-based knowledge distillation approach proposed by (Gao et al.) can further be used",
        where="Future Work",
        experiment=EXPERIMENT,
        compares=Difference(
            "feature_error",
            where("student", role="member", regimes=Among("residual"), member=1),
            where("student and assistant", role="member", regimes=Among("residual"), member=2),
            by="ensemble_seed",
            relative=True,
        ),
        matters=ERROR_MATTERS,
        judged_when=SIZE,
        kind=OURS,
    ),
)

CLAIMS = on_data("cifar10", (*TEACHER_CLAIMS, *LEVELS, *REGIME_CLAIMS, *FUTURE_WORK))
