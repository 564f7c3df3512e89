"""Table and figure of study 1's failed transfer to CIFAR-10."""

from matplotlib.figure import Figure

from experiments.cs230.claims_cifar import TEST_BOUND
from kdsuite.report.figures import COLOURS, GREY, bar, grow_limits, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

TESTS = {
    "train_accuracy": "train",
    "test_accuracy_imagenet_statistics": "test,\nImageNet's\nstatistics",
    "test_accuracy_stale_batch_norm": "test,\nas training\nleft them",
    "test_accuracy": "test,\nrecalibrated",
}


def figures(results: Results) -> dict[str, Figure]:
    """Each network's accuracy on train, and on test with three kinds of statistics, joined; a panel a size."""
    rows = results.rows
    kinds = rows.groupby(["images", "network_image_size"])
    kinds = dict(sorted(kinds, key=lambda kind: (kind[0][0] == "all", kind[0][1])))
    gained = [own.test_accuracy.mean() - own.test_accuracy_imagenet_statistics.mean() for own in kinds.values()]
    title = f"Recalibrated batch-norm statistics add {100 * min(gained):.0f} to {100 * max(gained):.0f} points"
    caption = setting_caption(results)
    figure, axes = panels(len(kinds), title=title, caption=caption, columns=4, size=(3.6, 3.9), share=True)
    for panel, ((_, size), network_rows) in zip(axes, kinds.items(), strict=True):
        own = network_rows.set_index("seed")[list(TESTS)] * 100
        panel.plot(range(len(TESTS)), own.to_numpy().T, color=GREY, alpha=0.6, linewidth=0.7)
        grow_limits(panel, own.to_numpy())
        panel.set_ylim(0, 105)
        for place, (column, colour) in enumerate(zip(TESTS, COLOURS, strict=False)):
            panel.plot([place] * len(own), own[column], ".", color=colour, markersize=7)
            bar(panel, place + 0.15, mean_interval(own[column]), colour, marker="D")
            panel.annotate(f"{own[column].mean():.0f}", (place + 0.15, own[column].mean()), (6, 0),
                           textcoords="offset points", color=colour, va="center", fontsize=8, zorder=5,
                           bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
        panel.axhline(100 * TEST_BOUND, color=GREY, linewidth=0.8, linestyle="--")
        panel.set_xticks(range(len(TESTS)), TESTS.values(), fontsize=8)
        panel.set_xlim(-0.4, len(TESTS) - 0.3)
        panel.set_title(f"{size:g} × {size:g}, {network_rows.train_size.iloc[0]:,} images", fontsize=10)
    axes[0].annotate("the paper's test accuracy: below this", (0, 100 * TEST_BOUND), (2, 3), fontsize=7, color=GREY,
                     textcoords="offset points")  # fmt: skip
    axes[0].set_ylabel("accuracy (%)")
    return {"cifar-transfer": figure}


TRANSFER = ExperimentReport(
    Summary(
        by=("network_image_size", "train_size"),
        labels={
            "network_image_size": "size",
            "train_size": "images",
            "train accuracy": "train",
            "test accuracy imagenet statistics": "ImageNet's stat.",
            "test accuracy stale batch norm": "as left",
        },
        more=tuple(list(TESTS)[:3]),
        order=("train_size", "network_image_size"),
    ),
    figures,
)
