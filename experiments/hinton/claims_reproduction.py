"""What the reproduction of 2020 claims, judged on rows of its own protocol."""

from typing import Any

from experiments.hinton.claims_shared import (
    ADDED,
    ALONE,
    AT_20,
    DISTILLED,
    JUDGED,
    LONG_TEACHER,
    MNIST_2020,
    ONE_TEACHER,
    TEACHER,
    TEMPERATURE_2020,
    TRANSFER_SET_2020,
    WHOLE_MNIST,
    WITHOUT_3,
    figure,
    level,
    mended,
)
from experiments.hinton.claims_temperature import MILD
from experiments.hinton.claims_transfer_set import THREES
from kdsuite.report.claims import OURS, Claim, Matters
from kdsuite.report.comparisons import AsPublished, Difference, Level
from kdsuite.report.groups import where
from kdsuite.report.slopes import SlopeDifference

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
    level(
        "reproduction: student 800–800 distilled",
        DISTILLED,
        R_DISTILLED,
        R_ALONE - R_DISTILLED,
        judged_when=(*JUDGED, AT_20),
        **REPRODUCED,
    ),
    Claim(
        tests="reproduction: distilled, the student makes fewer errors than alone",
        compares=Difference("test_errors", ALONE, DISTILLED),
        published=R_ALONE - R_DISTILLED,
        judged_when=(*JUDGED, AT_20),
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
        note=ADDED,
        **REPRODUCED_2,
    ),
    Claim(
        tests="reproduction: 30 units: T from 2.5 to 4 makes fewer errors than T = 1",
        experiment=TEMPERATURE_2020,
        compares=Difference("test_errors", where("T = 1", units=30, temperature=1.0), MILD),
        judged_when=JUDGED,
        given=ONE_TEACHER,
        kind=OURS,
        note="Hinton's paper says so, and is contradicted by the rows of its own protocol. " + ADDED,
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
        note=ADDED,
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
