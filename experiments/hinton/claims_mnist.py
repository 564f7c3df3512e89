"""What Hinton 2015 §3 claims of teacher, student alone and distilled student."""

from typing import Any

from experiments.hinton.claims_shared import (
    ABLATIONS,
    ALONE,
    AT_20,
    DISTILLED,
    JUDGED,
    LONG_STUDENTS,
    LONG_TEACHER,
    MNIST,
    NO_VIEWS,
    TEACHER,
    WHOLE_MNIST,
    ablation,
    figure,
    level,
)
from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Difference

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
LONGER = "The student alone has 30 epochs, this one 80: training time is a part of the difference."
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
        judged_when=(*JUDGED, AT_20),
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
        judged_when=(*JUDGED, AT_20),
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
        judged_when=(*JUDGED, AT_20),
        note="Our transfer set holds all 25 shifts of each image, the paper's none. " + LONGER,
        **SECTION_3,
    ),
    Claim(
        tests="distilled without views, the student makes fewer errors than alone",
        says=UNTRANSLATED,
        experiment=MNIST,
        compares=Difference("test_errors", ALONE, NO_VIEWS),
        published=H_ALONE - H_DISTILLED,
        judged_when=(*JUDGED, AT_20),
        note=LONGER,
        **SECTION_3,
    ),
    *(ablation("distilled student", MNIST, words, DISTILLED, method="kd") for words in ABLATIONS),
)
