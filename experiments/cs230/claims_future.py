"""What the paper of study 1 leaves open, asked on Dogs vs. Cats: better orders, hints, all images, a second teacher."""

from dataclasses import replace
from typing import Any

from experiments.cs230.claims_catdog import (
    AS_IN_THE_PAPER,
    LAYERS,
    RANDOM,
    TEACHER,
    TRAINED_AS_IN_THE_PAPER,
    ZERO_DENSITY,
    cut,
    few_and_many,
    first_epoch,
)
from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference
from kdsuite.report.conditions import exactly
from kdsuite.report.groups import EMPTY, Best, Group, above, where

NARROW, ORDERS, HINTS, IMAGES = "catdog-narrow", "catdog-orders", "catdog-hints", "catdog-images"
ORDER_NAMES = {
    "zero_density": "zero density",
    "random": "chance",
    "fitting": "chance among fitting units",
    "sensitivity": "sensitivity",
    "block_influence": "block influence",
}
DEPTHS = {
    "conv_pw_3_relu": "conv_pw_3",
    "conv_pw_5_relu": "conv_pw_5",
    "conv_pw_11_relu": "conv_pw_11",
    "pool": "the pooled features",
}
ON_NARROW: dict[str, Any] = {
    "experiment": NARROW,
    "judged_when": (*TRAINED_AS_IN_THE_PAPER, exactly("teacher", "mobilenet_0.25", group=TEACHER)),
    "kind": OURS,
    "note": "Images are 224 × 224, in catdog-mobilenet 160 × 160, so width is not all that differs. The paper's bound "
    "on its teacher's accuracy, 95%, is not asked of a network of a third of the width.",
}
COMMON = {"judged_when": AS_IN_THE_PAPER, "kind": OURS, "given": "this teacher"}


def by_order(order: str, **conditions) -> Group:
    """Students that lost units in an order, at all shares of multiply-adds."""
    return where(ORDER_NAMES[order], role="student", sweep="orders", prune_method=order, **conditions)


def hinted(label: str, **conditions) -> Group:
    """Students of the hints experiment."""
    return where(label, role="student", sweep="hints", **conditions)


def ahead(first: str, second: str) -> Claim:
    """Whether one order keeps more accuracy than another at equal multiply-adds."""
    return Claim(
        tests=f"{ORDER_NAMES[first]} keeps more accuracy than {ORDER_NAMES[second]} at equal multiply-adds",
        experiment=ORDERS,
        compares=Difference("test_accuracy", by_order(first), by_order(second), match=("keep",)),
        **COMMON,
        note="A layer holds up to a tenth of the multiply-adds, so shares are met within 5 points.",
    )


def helps_with(images: str, condition) -> Claim:
    """Whether distillation helps students of so many images."""
    students = {"role": "student", "sweep": "images", "train_size": condition, "units_removed": (2, 8)}
    return Claim(
        tests=f"distillation helps students of {images} images (2 or 8 layers by zero density)",
        experiment=IMAGES,
        compares=Difference(
            "test_accuracy",
            where("distilled", method="kd", **students),
            where("labels alone", method="plain", **students),
        ),
        **COMMON,
    )


RANDOM_START, PIPED = {"weights": "random"}, {"weights": "piped"}
MANY_IMAGES = above(6999)

FUTURE_CLAIMS = (
    *(
        replace(claim, **ON_NARROW, tests=f"width 0.25: {claim.tests}", published=None)
        for way in (("zero density", ZERO_DENSITY), ("at random", RANDOM))
        for claim in few_and_many(*way)[:2]
    ),
    replace(first_epoch(), **ON_NARROW, tests=f"width 0.25: {first_epoch().tests}"),
    *(
        ahead(first, second)
        for first, second in (
            ("zero_density", "random"),
            ("fitting", "random"),
            ("sensitivity", "zero_density"),
            ("block_influence", "zero_density"),
            ("block_influence", "fitting"),
        )
    ),
    *(
        Claim(
            tests=f"a hint at {name} helps students that start from random weights",
            experiment=HINTS,
            compares=Difference(
                "test_accuracy",
                hinted(f"hint at {name}", **RANDOM_START, hint=layer),
                hinted("no hint", **RANDOM_START, hint=EMPTY),
            ),
            **COMMON,
        )
        for layer, name in DEPTHS.items()
    ),
    Claim(
        tests="hints help students that start from the teacher's weights (mean of all depths)",
        experiment=HINTS,
        compares=Difference(
            "test_accuracy",
            hinted("a hint", **PIPED, hint=tuple(DEPTHS)),
            hinted("no hint", **PIPED, hint=EMPTY),
        ),
        **COMMON,
    ),
    Claim(
        tests="where a hint stands matters (random weights): validation's best depth beats its worst",
        experiment=HINTS,
        compares=Difference(
            "test_accuracy",
            Best(hinted("depths", **RANDOM_START, hint=tuple(DEPTHS)), by="hint"),
            Best(hinted("depths", **RANDOM_START, hint=tuple(DEPTHS)), by="hint", lowest=True),
        ),
        **COMMON,
    ),
    helps_with("1,000", 1000),
    helps_with("all", MANY_IMAGES),
    Claim(
        tests="T = 4 beats T = 1 (2 or 8 layers by zero density)",
        experiment=LAYERS,
        compares=Difference(
            "test_accuracy",
            where("T = 4", role="student", sweep="temperature", temperature=4.0),
            cut("T = 1", method="kd", temperature=1.0, units_removed=(2, 8), **ZERO_DENSITY),
        ),
        **COMMON,
        note="The paper's loss has T = 1. Seeds were added when the first 3 had left this undecided, so their number "
        "is not independent of it.",
    ),
)
