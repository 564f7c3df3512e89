"""Table, figure and verdicts of study 1's failed transfer to CIFAR-10."""

import matplotlib.figure
import pandas as pd

from report.claims import Claim, answer, percent, points, published, verdict
from report.figures import COLOURS
from report.intervals import in_percent, mean_interval, paired_difference, summarise
from report.rows import StudyRows

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
    figure = matplotlib.figure.Figure(figsize=(7, 4.2), layout="constrained")
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
    axes.legend()
    return in_percent(summary), {"cifar-transfer": figure}


def claims(study: StudyRows) -> list[Claim]:
    """The paper's failure, and what the numbers say of its cause."""
    rows = study.rows
    train_bound = published("1", "MobileNet transferred to CIFAR", "train accuracy lower bound")
    test_bound = published("1", "MobileNet transferred to CIFAR", "test accuracy upper bound")
    small, large = rows.network_image_size.min(), rows.network_image_size.max()
    as_paper = rows[rows.network_image_size == small]
    failed = as_paper.test_accuracy_imagenet_statistics
    learned = 100 * as_paper.train_accuracy.mean() > train_bound
    size_alone = paired_difference(
        rows,
        "test_accuracy_imagenet_statistics",
        rows.network_image_size == large,
        rows.network_image_size == small,
    )
    statistics_alone = mean_interval(as_paper.test_accuracy - failed)
    learned_and_failed = (
        f"train {percent(mean_interval(as_paper.train_accuracy))}, test {percent(mean_interval(failed))}"
    )
    return [
        Claim(
            STUDY,
            "the transfer learns its training images and fails the test",
            f"train > {train_bound:g}%, test < {test_bound:g}%",
            f"{small:g} × {small:g}, ImageNet's batch-norm statistics: {learned_and_failed}",
            "reproduced" if learned and 100 * failed.mean() < test_bound else "not reproduced in full",
        ),
        Claim(
            STUDY,
            "the cause is the size of the images",
            "most likely",
            f"{large:g} instead of {small:g}, same statistics: {points(size_alone)}",
            verdict(size_alone),
        ),
        Claim(
            STUDY,
            "the cause is batch norm's statistics (not in the paper)",
            "",
            f"recalibrated instead of ImageNet's, at {small:g}: {points(statistics_alone)}",
            answer(statistics_alone),
        ),
    ]
