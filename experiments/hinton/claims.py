"""What Hinton 2015 §3 and its reproduction claim on MNIST, each judged on rows of its own protocol.

Their explanations (soft targets have high entropy, and so less variance of the gradient) say why, not what was
measured, and are not listed.
"""

from typing import Any

from kdsuite.report.claims import OURS, Claim, Matters
from kdsuite.report.comparisons import AsPublished, Difference, Level
from kdsuite.report.conditions import Condition, at_least, teacher_at_least
from kdsuite.report.groups import EMPTY, Group, between, where
from kdsuite.report.measures import Measure
from kdsuite.report.published import published as published_figure
from kdsuite.report.samples import ALIKE
from kdsuite.report.slopes import SlopeDifference

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
ONE_TEACHER = "this teacher"

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
    judged_when: tuple[Condition, ...] = JUDGED,
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


H_TEACHER = figure("teacher 1200-1200 dropout and jitter")
H_ALONE = figure("student 800-800 no regularisation")
H_DISTILLED = figure("student 800-800 distilled T=20")
NETS = "This net achieved 67 test errors whereas a smaller net … and no regularization achieved 146 errors"
SOLELY = (
    "if the smaller net was regularized solely by adding the additional task of matching the soft targets produced "
    "by the large net at a temperature of 20, it achieved 74 test errors"
)
UNTRANSLATED = (
    "the knowledge about how to generalize that is learned from translated training data even though the transfer set "
    "does not contain any translations"
)
SECTION_3: dict[str, Any] = {"where": "Hinton 2015, §3, first paragraph"}

TABLE_1 = (
    level(
        "teacher 1200–1200",
        TEACHER,
        H_TEACHER,
        H_ALONE - H_TEACHER,
        says=NETS,
        experiment=MNIST,
        judged_when=(WHOLE_MNIST, LONG_TEACHER),
        **SECTION_3,
    ),
    level("student 800–800 alone", ALONE, H_ALONE, H_ALONE - H_DISTILLED, says=NETS, experiment=MNIST, **SECTION_3),
    level(
        "student 800–800 distilled",
        DISTILLED,
        H_DISTILLED,
        H_ALONE - H_DISTILLED,
        says=SOLELY,
        experiment=MNIST,
        note="Our transfer set holds all 25 shifts of each image, the paper's none.",
        **SECTION_3,
    ),
    level(
        "student 800–800 distilled without views",
        NO_VIEWS,
        H_DISTILLED,
        H_ALONE - H_DISTILLED,
        says=UNTRANSLATED,
        experiment=MNIST,
        **SECTION_3,
    ),
    Claim(
        tests="the teacher makes fewer errors than the student alone",
        says=NETS,
        experiment=MNIST,
        compares=Difference("test_errors", ALONE, TEACHER),
        published=H_ALONE - H_TEACHER,
        judged_when=(WHOLE_MNIST, LONG_TEACHER, LONG_STUDENTS),
        **SECTION_3,
    ),
    Claim(
        tests="distilled, the student makes fewer errors than alone",
        says=SOLELY,
        experiment=MNIST,
        compares=Difference("test_errors", ALONE, DISTILLED),
        published=H_ALONE - H_DISTILLED,
        judged_when=JUDGED,
        note="Our transfer set holds all 25 shifts of each image, the paper's none.",
        **SECTION_3,
    ),
    Claim(
        tests="distilled without views, the student makes fewer errors than alone",
        says=UNTRANSLATED,
        experiment=MNIST,
        compares=Difference("test_errors", ALONE, NO_VIEWS),
        published=H_ALONE - H_DISTILLED,
        judged_when=JUDGED,
        **SECTION_3,
    ),
    *(ablation("distilled student", MNIST, words, DISTILLED, method="kd") for words in ABLATIONS),
)

NO_3, RAISED = "transfer set without 3", "transfer set without 3 bias of 3 raised by 3.5"
ONLY, LOWERED = "transfer set with only 7 and 8", "transfer set with only 7 and 8 biases of 7 and 8 reduced by 7.6"
THREES, RATE = "wrong threes", "test error"
BY_BIAS = figure(NO_3) - figure(RAISED)
THREES_BY_BIAS = figure(NO_3, THREES) - figure(RAISED, THREES)
RATE_BY_BIAS = figure(ONLY, RATE) - figure(LOWERED, RATE)
MYTHICAL = "the distilled model only makes 206 test errors of which 133 are on the 1010 threes in the test set"
BIASED = (
    "If this bias is increased by 3.5 (which optimizes overall performance on the test set), the distilled model makes "
    "109 errors of which 14 are on 3s"
)
SEVENS = (
    "If the transfer set contains only the 7s and 8s …, the distilled model makes 47.3% test errors, but when the "
    "biases for 7 and 8 are reduced by 7.6 to optimize test performance, this falls to 13.2%"
)
TRANSFER: dict[str, Any] = {
    "where": "Hinton 2015, §3, third paragraph",
    "experiment": TRANSFER_SET,
    "given": ONE_TEACHER,
}

TRANSFER_SETS = (
    level("saw no 3", WITHOUT_3, figure(NO_3), BY_BIAS, says=MYTHICAL, **TRANSFER),
    level(
        "saw no 3, wrong threes",
        WITHOUT_3,
        figure(NO_3, THREES),
        THREES_BY_BIAS,
        "omitted_errors",
        says=MYTHICAL,
        **TRANSFER,
    ),
    *(
        level(
            f"saw no 3, bias of 3 {chosen}{words}",
            WITHOUT_3,
            figure(RAISED, metric),
            contrast,
            f"{kind}_errors_bias_by_{split}",
            says=BIASED,
            **TRANSFER,
        )
        for split, chosen in CHOSEN.items()
        for words, kind, metric, contrast in (
            ("", "test", "test errors", BY_BIAS),
            (", wrong threes", "omitted", THREES, THREES_BY_BIAS),
        )
    ),
    Claim(
        tests="saw no 3: the bias of 3 that validation chooses lowers the errors",
        says=BIASED,
        compares=Level(mended("test_errors", "test_errors_bias_by_validation", "errors mended"), WITHOUT_3, above=0),
        paper=f"{figure(NO_3):g} → {figure(RAISED):g} errors",
        judged_when=JUDGED,
        **TRANSFER,
    ),
    Claim(
        tests="saw no 3: the learned bias of 3 is too low, so that the best one adds to it",
        says="Most of the errors are caused by the fact that the learned bias for the 3 class is much too low",
        compares=Level("bias_by_validation", WITHOUT_3, above=0),
        paper="+3.5",
        judged_when=JUDGED,
        **TRANSFER,
    ),
    Claim(
        tests="saw no 3: a better bias mends most of the wrong threes",
        says="Most of the errors are caused by the fact that the learned bias for the 3 class is much too low",
        compares=Level(
            Measure(
                lambda rows: 1 - rows.omitted_errors_bias_by_test / rows.omitted_errors,
                "share of the wrong threes that the bias mends",
                # Not "%": it is no share of the test images.
                "percent",
                "points",
                100,
            ),
            WITHOUT_3,
            above=0.5,
        ),
        paper=f"{figure(NO_3, THREES):g} → {figure(RAISED, THREES):g} threes",
        judged_when=JUDGED,
        **TRANSFER,
    ),
    level("saw 7 and 8 only", ONLY_7_8, figure(ONLY, RATE), RATE_BY_BIAS, ERROR_RATE, says=SEVENS, **TRANSFER),
    *(
        level(
            f"saw 7 and 8 only, their biases {chosen}",
            ONLY_7_8,
            figure(LOWERED, RATE),
            RATE_BY_BIAS,
            error_rate_by(split),
            says=SEVENS,
            **TRANSFER,
        )
        for split, chosen in CHOSEN.items()
    ),
    Claim(
        tests="saw 7 and 8 only: the biases that validation chooses lower the errors",
        says=SEVENS,
        compares=Level(mended("test_errors", "test_errors_bias_by_validation", "errors mended"), ONLY_7_8, above=0),
        paper=f"{100 * figure(ONLY, RATE):g} → {100 * figure(LOWERED, RATE):g}%",
        judged_when=JUDGED,
        **TRANSFER,
    ),
    *(ablation("saw no 3", TRANSFER_SET, words, WITHOUT_3, transfer_set=NINE) for words in ABLATIONS),
)

LOW, HIGH = (figure("students with 30 units per layer", f"best temperature {end}") for end in ("low", "high"))
NARROW = (
    "when this was radically reduced to 30 units per layer, temperatures in the range 2.5 to 4 worked significantly "
    "better than higher or lower temperatures"
)
MILD = where(f"T in {LOW:g}–{HIGH:g}", units=30, temperature=between(LOW, HIGH))
SECOND: dict[str, Any] = {"where": "Hinton 2015, §3, second paragraph", "experiment": TEMPERATURE, "given": ONE_TEACHER}

TEMPERATURES = (
    *(
        Claim(
            tests=f"30 units: T from 2.5 to 4 makes fewer errors than T = {other:g}",
            says=NARROW,
            compares=Difference("test_errors", where(f"T = {other:g}", units=30, temperature=other), MILD),
            paper="fewer",
            judged_when=JUDGED,
            **SECOND,
        )
        for other in (20.0, 8.0, 1.0)
    ),
    Claim(
        tests="300 and 800 units: T = 20 does as T = 8",
        says="When the distilled net had 300 or more units in each of its two hidden layers, all temperatures above "
        "8 gave fairly similar results",
        compares=Difference(
            "test_errors",
            where("T = 20", units=(300, 800), temperature=20.0),
            where("T = 8", units=(300, 800), temperature=8.0),
            claimed=ALIKE,
        ),
        paper="similar",
        judged_when=JUDGED,
        **SECOND,
    ),
)

R_TEACHER = figure("teacher 1200-1200")
R_ALONE = figure("student 800-800 without distillation")
R_DISTILLED = figure("student 800-800 distilled T=20 hard weight 0.3")
R_RESET = "student 800-800 transfer set without 3 all output biases set to 3.5"
R_NARROW = {temperature: figure(f"student 30-30 distilled T={temperature:g}") for temperature in (20.0, 2.5)}
R_WIDE = figure("student 300-300 distilled T=8")
BETTER = "the student model with distillation performs better than the student model without distillation"
REPRODUCED: dict[str, Any] = {"where": "reproduction, Table 1", "says": BETTER, "experiment": MNIST_2020}
REPRODUCED_2: dict[str, Any] = {
    "where": "reproduction, Table 2",
    "says": "if the units of a neural network are decreased to be below 30, then the temperature has to be lowered "
    "in order to compensate for the loss in accuracy",
    "experiment": TEMPERATURE_2020,
    "given": ONE_TEACHER,
}
REPRODUCED_3: dict[str, Any] = {
    "where": "reproduction, Table 3",
    "says": "If the bias value for the output layer … is set as 3.5, then we see that the accuracy of detecting the "
    "digit 3 … has increased",
    "experiment": TRANSFER_SET_2020,
    "given": ONE_TEACHER,
}

REPRODUCTION = (
    level(
        "reproduction: teacher 1200–1200",
        TEACHER,
        R_TEACHER,
        R_ALONE - R_TEACHER,
        judged_when=(WHOLE_MNIST, LONG_TEACHER),
        **REPRODUCED,
    ),
    level("reproduction: student 800–800 alone", ALONE, R_ALONE, R_ALONE - R_DISTILLED, **REPRODUCED),
    level("reproduction: student 800–800 distilled", DISTILLED, R_DISTILLED, R_ALONE - R_DISTILLED, **REPRODUCED),
    Claim(
        tests="reproduction: distilled, the student makes fewer errors than alone",
        compares=Difference("test_errors", ALONE, DISTILLED),
        published=R_ALONE - R_DISTILLED,
        judged_when=JUDGED,
        **REPRODUCED,
    ),
    level(
        "reproduction: 300 units at T = 8",
        where("300 units, T = 8", units=300, temperature=8.0),
        R_WIDE,
        R_NARROW[20.0] - R_WIDE,
        **REPRODUCED_2,
    ),
    *(
        level(
            f"reproduction: 30 units at T = {temperature:g}",
            where(f"30 units, T = {temperature:g}", units=30, temperature=temperature),
            value,
            R_NARROW[20.0] - R_NARROW[2.5],
            **REPRODUCED_2,
        )
        for temperature, value in R_NARROW.items()
    ),
    Claim(
        tests="reproduction: 30 units make fewer errors at T = 2.5 than at 20",
        compares=Difference(
            "test_errors",
            where("T = 20", units=30, temperature=20.0),
            where("T = 2.5", units=30, temperature=2.5),
        ),
        published=R_NARROW[20.0] - R_NARROW[2.5],
        judged_when=JUDGED,
        **REPRODUCED_2,
    ),
    Claim(
        tests="reproduction: errors rise faster with T at 30 units than at 300 and 800",
        compares=SlopeDifference(
            "test_errors",
            "temperature",
            where("30 units", units=30),
            where("300 and 800 units", units=(300, 800)),
            per=10,
            per_text="10 of T",
        ),
        paper="more influence of T",
        matters=Matters(
            (R_NARROW[20.0] - R_NARROW[2.5]) / 17.5 * 10 / 3, "a third of the published 14 errors from T = 2.5 to 20"
        ),
        judged_when=JUDGED,
        **dict(
            REPRODUCED_2,
            says="if the amount of units is above 100, the effect of this temperature, no matter what, plays a "
            "lesser influence in the accuracy of the model",
        ),
    ),
    Claim(
        tests="reproduction: saw no 3, accuracy on threes",
        says="the student model was able to identify digit 3 with an accuracy of 97%",
        where="reproduction, “What did we achieve”",
        experiment=TRANSFER_SET_2020,
        compares=AsPublished(
            "test_accuracy_digit_3",
            WITHOUT_3,
            figure("student transfer set without 3", "accuracy on threes"),
            rounded_to=0.01,
        ),
        matters=Matters(0.01, "the figure is published in whole percent of 1,010 threes"),
        judged_when=JUDGED,
        given=ONE_TEACHER,
    ),
    level(
        "reproduction: saw no 3, all biases set to 3.5",
        WITHOUT_3,
        figure(R_RESET),
        0,
        "test_errors_biases_3.5",
        **REPRODUCED_3,
    ),
    level(
        "reproduction: saw no 3, all biases set to 3.5, wrong threes",
        WITHOUT_3,
        figure(R_RESET, THREES),
        0,
        "omitted_errors_biases_3.5",
        **REPRODUCED_3,
    ),
    Claim(
        tests="reproduction: saw no 3, all biases set to 3.5 leave fewer wrong threes",
        compares=Level(mended("omitted_errors", "omitted_errors_biases_3.5", "threes mended"), WITHOUT_3, above=0),
        paper="fewer",
        judged_when=JUDGED,
        **REPRODUCED_3,
    ),
)

CLAIMS = (*TABLE_1, *TRANSFER_SETS, *TEMPERATURES, *REPRODUCTION)
