"""Which channels should go, asked of a residual network on CIFAR-10 at 2.11 times fewer multiply-adds.

The paper of study 1 claims nothing of it. Torch-Pruning's figures (reproduce/readme.md, §1) stand beside ours.
"""

from typing import Any

from experiments.cs230.claims_channels import NAMES
from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.conditions import at_least, exactly, teacher_at_least
from kdsuite.report.groups import Group, shared, where

CRITERIA = "cifar-criteria"
PARENT = shared("the network they are cut from", role="teacher")
STUDENTS = where("students", role="student")
# All of CIFAR-10 less validation, and a network that is within a few points of what networks reach on this copy of it.
FAIR = (at_least("train_size", 40_000), teacher_at_least(0.85))
# A tenth of the epochs that Torch-Pruning trains its students for: fewer can rank criteria, but not restore a network.
RESTORED = (*FAIR, at_least("epochs", 10, STUDENTS), exactly("keep", 0.474, group=STUDENTS))
COMMON: dict[str, Any] = {"experiment": CRITERIA, "kind": OURS, "given": "this network"}
# Points that Torch-Pruning's students are behind the network they are cut from.
TORCH_PRUNING = {"l1": "−0.60 points", "l2": "−0.07 points", "bn_scale": "−0.24 points, after sparse training"}


def by(criterion: str, scope: str = "global") -> Group:
    """Students of a criterion."""
    return where(NAMES[criterion], role="student", prune_method=criterion, scope=scope)


CRITERIA_CLAIMS = (
    *(
        Claim(
            tests=f"{NAMES[criterion]} ranks better than chance at equal multiply-adds, ResNet on CIFAR-10",
            compares=Difference("test_accuracy", by(criterion), by("random")),
            judged_when=FAIR,
            **COMMON,
        )
        for criterion in ("l1", "l2", "bn_scale", "taylor")
    ),
    Claim(
        tests="L1 ranks better than chance at equal widths, ResNet on CIFAR-10",
        compares=Difference("test_accuracy", by("l1", "layer"), by("random", "layer")),
        judged_when=FAIR,
        **COMMON,
    ),
    *(
        Claim(
            tests=f"with {NAMES[criterion]} a ResNet keeps its accuracy at 2.11 times fewer multiply-adds",
            compares=Difference("test_accuracy", by(criterion), PARENT, claimed="alike"),
            paper=published,
            judged_when=RESTORED,
            **COMMON,
            note="Torch-Pruning's is a ResNet-56, whose students train for 100 epochs.",
        )
        for criterion, published in TORCH_PRUNING.items()
    ),
)
