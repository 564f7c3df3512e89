"""What the paper of study 1 claims of its failed transfer to CIFAR-10."""

from typing import Any

from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference, Level
from kdsuite.report.conditions import at_least
from kdsuite.report.groups import where
from kdsuite.report.measures import Measure
from kdsuite.report.published import published

TRANSFER = "cifar-transfer"
TRAIN_BOUND = published("1", "MobileNet transferred to CIFAR", "train accuracy lower bound")
TEST_BOUND = published("1", "MobileNet transferred to CIFAR", "test accuracy upper bound")
WORDS: dict[str, Any] = {
    "says": "We received >90 percent accuracy on the train set but got less than 20 percent for the test set",
    "where": "§4, third paragraph of the chronology",
}
SMALL, UPSCALED, IMAGENET_SIZE = (
    where(f"{size} × {size}", role="student", images="few", network_image_size=size) for size in (32, 96, 224)
)
WHOLE = where("96 × 96, all images", role="student", images="all", network_image_size=96)
# The authors retrained on all of CIFAR-10.
ALL_IMAGES = 40_000
# What explains the failure is the same for all networks of a seed, whatever the number of images.
SOME_IMAGES = at_least("train_size", 1500)
IMAGENET_STATISTICS = "test_accuracy_imagenet_statistics"
RECALIBRATION = Measure(
    lambda rows: rows.test_accuracy - rows.test_accuracy_imagenet_statistics,
    "test accuracy gained by recalibrating",
    "points",
    "points",
    100,
)


AS_IN_THE_PAPER = {"experiment": TRANSFER, "judged_when": (at_least("train_size", ALL_IMAGES, WHOLE),)}

CIFAR_CLAIMS = (
    Claim(
        tests=f"the transfer learns its training images, at {WHOLE.label}",
        compares=Level("train_accuracy", WHOLE, above=TRAIN_BOUND, images="train_size"),
        **WORDS,
        **AS_IN_THE_PAPER,
    ),
    Claim(
        tests=f"and fails the test with ImageNet's batch-norm statistics, at {WHOLE.label}",
        compares=Level(IMAGENET_STATISTICS, WHOLE, below=TEST_BOUND),
        **WORDS,
        **AS_IN_THE_PAPER,
        note="Keras of early 2018 trained a frozen batch norm with the batch's statistics, and tested it with "
        "ImageNet's.",
    ),
    Claim(
        tests="the cause is the size of the images: 224 × 224 mends it",
        says="the most likely cause was the disparity on the image sizes and the lack of features that CIFAR images "
        "have in comparison to ImageNet images",
        where="§4, third paragraph of the chronology",
        experiment=TRANSFER,
        compares=Difference(IMAGENET_STATISTICS, IMAGENET_SIZE, SMALL),
        paper="most likely",
        judged_when=(SOME_IMAGES,),
    ),
    *(
        Claim(
            tests=f"the cause is batch norm's statistics, at {group.label}",
            experiment=TRANSFER,
            compares=Level(RECALIBRATION, group, above=0),
            kind=OURS,
            judged_when=(SOME_IMAGES,),
        )
        for group in (SMALL, UPSCALED, IMAGENET_SIZE, WHOLE)
    ),
)
