"""What the authors of study 1 began and could not finish: students that lost channels, on Dogs vs. Cats.

The paper claims nothing of them, so all of these are questions of ours.
"""

from experiments.cs230.claims_catdog import AS_IN_THE_PAPER, LAYERS, cut
from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference, Level, Measured
from kdsuite.report.groups import Group, where
from kdsuite.report.measures import Measure

CHANNELS = "catdog-channels"
NAMES = {"l1": "L1", "apoz": "APoZ", "taylor": "Taylor", "random": "chance"}
COMMON = {"experiment": CHANNELS, "judged_when": AS_IN_THE_PAPER, "kind": OURS, "given": "this teacher"}


def students(label: str = "", **conditions) -> Group:
    """Students that lost channels."""
    return where(label, role="student", **conditions)


EFFICIENCY = Measure(lambda rows: rows.speed_up * rows.macs_share, "speed-up / saving in MACs")
# Numbers of channels and layers that leave about as many parameters: 0.92 and 0.94 of 1.83 million.
AS_LARGE = ((0.5, 4),)

CHANNELS_CLAIMS = (
    Claim(
        tests="distillation helps students with channels removed",
        compares=Difference(
            "test_accuracy", students("distilled", method="kd"), students("labels alone", method="plain")
        ),
        **COMMON,
    ),
    *(
        Claim(
            tests=f"{NAMES[criterion]} ranks better than chance ({share:.0%} of the parameters left)",
            compares=Difference(
                "test_accuracy",
                students(NAMES[criterion], prune_method=criterion, keep=share),
                students("chance", prune_method="random", keep=share),
            ),
            **COMMON,
        )
        for share in (0.5, 0.3)
        for criterion in ("l1", "apoz", "taylor")
    ),
    *(
        Claim(
            tests=f"removing channels ({keep:.0%} left, mean of criteria) beats removing {count} layers",
            compares=Difference(
                "test_accuracy",
                students("channels", keep=keep),
                cut("layers", prune_method="zero_density", units_removed=count).of(LAYERS),
            ),
            **COMMON,
        )
        for keep, count in AS_LARGE
    ),
    Claim(
        tests="the time of a forward pass falls with the MACs",
        compares=Measured(Level(EFFICIENCY, students(), above=0.0)),
        **COMMON,
        note="1 where half the MACs take half the time; teacher and student timed in turns on the CPU that trained.",
    ),
)
