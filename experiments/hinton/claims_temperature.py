"""What Hinton 2015 §3 claims of temperature and width."""

from typing import Any

from experiments.hinton.claims_shared import ADDED, JUDGED, ONE_TEACHER, TEMPERATURE, figure
from kdsuite.report.claims import Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.groups import between, where
from kdsuite.report.samples import ALIKE

LOW, HIGH = (figure("students with 30 units per layer", f"best temperature {end}") for end in ("low", "high"))
NARROW = (
    "when this was radically reduced to 30 units per layer, temperatures in the range 2.5 to 4 worked significantly "
    "better than higher or lower temperatures"
)
MILD = where(f"T in {LOW:g}–{HIGH:g}", units=30, temperature=between(LOW, HIGH))
NOTES = {
    1.0: "Students saw all 25 shifts of each image and had 25 epochs; by the reproduction's protocol T = 1 is worse. "
    + ADDED,
    8.0: ADDED,
}
SECOND: dict[str, Any] = {"where": "Hinton 2015, §3, second paragraph", "experiment": TEMPERATURE, "given": ONE_TEACHER}

TEMPERATURES = (
    *(
        Claim(
            tests=f"30 units: T from 2.5 to 4 makes fewer errors than T = {other:g}",
            says=NARROW,
            compares=Difference("test_errors", where(f"T = {other:g}", units=30, temperature=other), MILD),
            paper="fewer",
            judged_when=JUDGED,
            note=NOTES.get(other, ""),
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
