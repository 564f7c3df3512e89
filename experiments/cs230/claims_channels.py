"""What the authors of study 1 began and could not finish: students that lost channels, on Dogs vs. Cats.

The paper claims nothing of them, so all of these are questions of ours.
"""

from experiments.cs230.claims_catdog import AS_IN_THE_PAPER, LAYERS, cut
from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference, Level, Measured
from kdsuite.report.groups import Group, where
from kdsuite.report.measures import Measure

CHANNELS = "catdog-channels"
NAMES = {
    "l1": "L1",
    "l2": "L2",
    "bn_scale": "batch norm's scale",
    "fpgm": "FPGM",
    "lamp": "LAMP",
    "apoz": "APoZ",
    "taylor": "Taylor",
    "taylor_weights": "Taylor of weights",
    "random": "chance",
}
COMMON = {"experiment": CHANNELS, "judged_when": AS_IN_THE_PAPER, "kind": OURS, "given": "this teacher"}


def students(label: str = "", **conditions) -> Group:
    """Students that lost channels."""
    return where(label, role="student", **conditions)


EFFICIENCY = Measure(
    lambda rows: (1 - 1 / rows.speed_up) / (1 - rows.macs_share), "share of the time saved / share of the MACs saved"
)
COSTS = {"params": "parameters", "macs": "multiply-adds"}
# Students of a share of channels and of a number of layers that leave about as much: 0.92 and 0.94 of 1.83 million
# parameters, 0.50 and 0.48 of the multiply-adds.
AS_LARGE = (("params", 0.5, 4), ("macs", 0.5, 6))


def against_chance(criterion: str, share: float, target: str, scope: str = "global") -> Claim:
    """Whether a criterion's students are more accurate than those that lost channels at random."""
    same = {"keep": share, "target": target, "scope": scope}
    where_from = "" if scope == "global" else ", the same share of each layer"
    return Claim(
        tests=f"{NAMES[criterion]} ranks better than chance ({share:.0%} of the {COSTS[target]} left{where_from})",
        compares=Difference(
            "test_accuracy",
            students(NAMES[criterion], prune_method=criterion, **same),
            students("chance", prune_method="random", **same),
        ),
        **COMMON,
    )


CHANNELS_CLAIMS = (
    Claim(
        tests="distillation helps students with channels removed",
        compares=Difference(
            "test_accuracy",
            students("distilled", method="kd", scope="global"),
            students("labels alone", method="plain", scope="global"),
        ),
        **COMMON,
    ),
    *(
        against_chance(criterion, share, target)
        for target in COSTS
        for share in (0.5, 0.3)
        for criterion in ("l1", "apoz", "taylor")
    ),
    against_chance("l1", 0.5, "params", "layer"),
    *(
        Claim(
            tests=f"at equal {COSTS[target]} removing channels (mean of criteria) beats removing {count} layers",
            compares=Difference(
                "test_accuracy",
                students("channels", keep=keep, target=target, scope="global"),
                cut("layers", prune_method="zero_density", units_removed=count).of(LAYERS),
            ),
            **COMMON,
        )
        for target, keep, count in AS_LARGE
    ),
    Claim(
        tests="the time of a forward pass falls with the MACs",
        compares=Measured(Level(EFFICIENCY, students(), above=0.0)),
        **COMMON,
        note="1 where half the MACs take half the time, 0 where they take as long; "
        "teacher and student timed in turns on the CPU that trained.",
    ),
)
