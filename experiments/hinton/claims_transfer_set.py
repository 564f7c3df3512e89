"""What Hinton 2015 §3 claims of students that never saw some classes."""

from typing import Any

from experiments.hinton.claims_shared import (
    ABLATIONS,
    CHOSEN,
    ERROR_RATE,
    JUDGED,
    NINE,
    ONE_TEACHER,
    ONLY_7_8,
    TRANSFER_SET,
    WITHOUT_3,
    ablation,
    error_rate_by,
    figure,
    level,
    mended,
)
from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Level
from kdsuite.report.measures import Measure

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
TOO_LOW = "Most of the errors are caused by the fact that the learned bias for the 3 class is much too low"
SEVENS = (
    "If the transfer set contains only the 7s and 8s …, the distilled model makes 47.3% test errors, but when the "
    "biases for 7 and 8 are reduced by 7.6 to optimize test performance, this falls to 13.2%"
)
TRANSFER: dict[str, Any] = {
    "where": "Hinton 2015, §3, third paragraph",
    "experiment": TRANSFER_SET,
    "given": ONE_TEACHER,
}


def share_mended(column: str, name: str) -> Measure:
    """Which share of some errors goes with the bias that validation chooses."""
    return Measure(
        lambda rows: 1 - rows[f"{column}_bias_by_validation"] / rows[column],
        f"share of the {name} that the bias mends",
        # Not "%": it is no share of the test images.
        "percent",
        "points",
        100,
    )


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
        says=TOO_LOW,
        compares=Level("bias_by_validation", WITHOUT_3, above=0),
        paper="+3.5",
        judged_when=JUDGED,
        **TRANSFER,
    ),
    Claim(
        tests="saw no 3: the bias of 3 that validation chooses mends most of the errors",
        says=TOO_LOW,
        compares=Level(share_mended("test_errors", "errors"), WITHOUT_3, above=0.5),
        paper=f"{figure(NO_3):g} → {figure(RAISED):g} errors",
        judged_when=JUDGED,
        note=f"The paper's own figures mend {1 - figure(RAISED) / figure(NO_3):.0%} of the errors, of those on threes "
        f"{1 - figure(RAISED, THREES) / figure(NO_3, THREES):.0%}.",
        **TRANSFER,
    ),
    Claim(
        tests="saw no 3: the bias of 3 that validation chooses mends most of the wrong threes",
        says=TOO_LOW,
        compares=Level(share_mended("omitted_errors", "wrong threes"), WITHOUT_3, above=0.5),
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
