"""Table, figure and verdicts of study 1's failed transfer to CIFAR-10."""

import matplotlib.figure
import pandas as pd

from kdsuite.report.claims import Claim, answer, percent, points, published, verdict
from kdsuite.report.figures import COLOURS
from kdsuite.report.intervals import in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows

STUDY = "1 CS230, CIFAR-10"
TESTS = {
    "train_accuracy": "train",
    "test_accuracy_imagenet_statistics": "test, ImageNet's statistics",
    "test_accuracy_uncalibrated": "test, as training left them",
    "test_accuracy": "test, recalibrated",
}


def transfer(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Train and test accuracy by size of the images and by batch-norm statistics."""
    summary = summarise(study.rows, ["network_image_size"], list(TESTS)).sort_values("network_image_size")
    figure = matplotlib.figure.Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(TESTS)
    for number, (column, label) in enumerate(TESTS.items()):
        axes.bar(
            [position + number * width for position in range(len(summary))],
            100 * summary[column],
            width,
            yerr=100 * summary[f"{column} ±"],
            capsize=3,
            color=COLOURS[number],
            label=label,
        )
    ticks = [position + 1.5 * width for position in range(len(summary))]
    axes.set_xticks(ticks, [f"{size:g} × {size:g}" for size in summary.network_image_size])
    axes.set(xlabel="images as the network sees them", ylabel="accuracy (%)", title="MobileNet transferred to CIFAR-10")
    figure.legend(loc="outside right upper")
    return in_percent(summary), {"cifar-transfer": figure}


def claims(study: StudyRows) -> list[Claim]:
    """The paper's failure, and what the numbers say of its cause."""
    rows = study.rows
    small, large = rows.network_image_size.min(), rows.network_image_size.max()
    size_alone = paired_difference(
        rows,
        "test_accuracy_imagenet_statistics",
        rows.network_image_size == large,
        rows.network_image_size == small,
    )
    found = [_failure(rows[rows.network_image_size == size]) for size in (small, large)]
    found.append(
        Claim(
            STUDY,
            "the cause is the size of the images",
            "most likely",
            f"{large:g} instead of {small:g}, ImageNet's batch-norm statistics: {points(size_alone)}",
            verdict(size_alone),
        )
    )
    for size in (small, large):
        own = rows[rows.network_image_size == size]
        statistics_alone = mean_interval(own.test_accuracy - own.test_accuracy_imagenet_statistics)
        found.append(
            Claim(
                STUDY,
                f"the cause is batch norm's statistics, at {size:g} × {size:g} (not in the paper)",
                "",
                f"recalibrated instead of ImageNet's: {points(statistics_alone)}",
                answer(statistics_alone),
            )
        )
    return found


def _failure(rows: pd.DataFrame) -> Claim:
    train_bound = published("1", "MobileNet transferred to CIFAR", "train accuracy lower bound")
    test_bound = published("1", "MobileNet transferred to CIFAR", "test accuracy upper bound")
    train, test = (mean_interval(rows[name]) for name in ("train_accuracy", "test_accuracy_imagenet_statistics"))
    size = rows.network_image_size.iloc[0]
    if 100 * train.low > train_bound and 100 * test.high < test_bound:
        found = "reproduced"
    elif 100 * train.high < train_bound or 100 * test.low > test_bound:
        found = "contradicted"
    else:
        found = "undecided: an interval holds the bound"
    return Claim(
        STUDY,
        f"the transfer learns its training images and fails the test, at {size:g} × {size:g}",
        f"train > {train_bound:g}%, test < {test_bound:g}%",
        f"ImageNet's batch-norm statistics: train {percent(train)}, test {percent(test)}",
        found,
    )
