"""Table and figures of hinton-transfer-set."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from experiments.hinton.claims_shared import NINE, ONLY_7_8, WITHOUT_3
from experiments.hinton.drawing import BLUE, ERRORS, ORANGE, as_published, costs, draw_costs, protocol
from kdsuite.report.figures import GREY, panels, setting_caption
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary


def transfer_figures(results: Results) -> dict[str, Figure]:
    """Errors by bias, by digit, and what teacher and student see in a 3."""
    name = protocol(results)
    figures = {
        f"hinton-transfer-set-bias-{name}": bias_figure(results),
        f"hinton-transfer-set-digits-{name}": digits_figure(results),
    }
    if changes := costs(results.rows[results.rows.transfer_set == NINE]):
        figures[f"hinton-transfer-set-changes-{name}"] = changes_figure(results, changes)
    if (results.folder / "threes.npz").exists():
        figures[f"hinton-transfer-set-threes-{name}"] = threes_figure(results)
    return figures


def bias_figure(results: Results) -> Figure:
    """Errors against the bias added to the classes a student never saw, or to the only ones it saw."""
    rows, curves = results.rows, results.table("biases")
    three, sevens = both = WITHOUT_3.rows(rows), ONLY_7_8.rows(rows)
    title = (
        f"A better bias mends {mended_share(three):.0f}% of the errors of who saw no 3, "
        f"{mended_share(sevens):.0f}% of who saw only 7 and 8"
    )
    figure_, panels_ = panels(2, title=title, caption=setting_caption(results, pd.concat(both), marks="a line a seed"))
    for axes, own, words in zip(panels_, both, ("the 3, never seen", "7 and 8, alone seen"), strict=True):
        for row in own.itertuples():
            curve = curves[curves.trial == row.trial].sort_values("bias")
            axes.plot(curve.bias, curve.test_errors, color=BLUE, alpha=0.5, linewidth=0.9)
            axes.plot(0, row.test_errors, "o", color=GREY, markersize=4, zorder=3)
            axes.plot(
                row.bias_by_validation, row.test_errors_bias_by_validation, "D", color=ORANGE, markersize=4, zorder=3
            )
        reach = max(4, 1.6 * own.bias_by_validation.abs().max())
        centre = own.bias_by_validation.mean() / 2
        axes.set_xlim(centre - reach, centre + reach)
        shown = curves[curves.trial.isin(own.trial) & curves.bias.between(centre - reach, centre + reach)]
        axes.set_yscale("log")
        axes.set_ylim(0.8 * shown.test_errors.min(), 1.25 * shown.test_errors.max())
        # Axes of less than a decade have no ticks but minor ones.
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(ScalarFormatter())
        axes.tick_params(which="minor", labelsize=7)
        axes.set(xlabel=f"added to the bias of {words}", ylabel=f"test errors of {own.test_size.iloc[0]:,}")
        axes.plot([], [], "o", color=GREY, markersize=4, label="as trained")
        axes.plot([], [], "D", color=ORANGE, markersize=4, label="chosen on validation")
        axes.legend(frameon=False, fontsize=8, loc="upper center")
    return figure_


def mended_share(rows: pd.DataFrame) -> float:
    """Percentage of the test errors that the bias chosen on validation takes away."""
    return 100 * (1 - rows.test_errors_bias_by_validation.mean() / rows.test_errors.mean())


def digits_figure(results: Results) -> Figure:
    """Error rate on each digit, a dot a seed; digits that were never seen in orange."""
    three, sevens = both = WITHOUT_3.rows(results.rows), ONLY_7_8.rows(results.rows)
    title = (
        f"Who saw no 3 knows {100 * unseen_accuracy(three):.1f}% of the threes; "
        f"who saw only 7 and 8, {100 * unseen_accuracy(sevens):.1f}% of the others"
    )
    caption = setting_caption(results, pd.concat(both), marks="dots are seeds, bars their means")
    figure_, panels_ = panels(2, title=title, caption=caption)
    for axes, own, words in zip(panels_, both, ("saw no 3", "saw only 7 and 8"), strict=True):
        seen = {int(digit) for digit in str(own.transfer_set.iloc[0]).split()}
        highest = 0.0
        for digit in range(10):
            wrong = 100 * (1 - own[f"test_accuracy_digit_{digit}"])
            colour = BLUE if digit in seen else ORANGE
            axes.plot(digit + np.linspace(-0.15, 0.15, len(wrong)), wrong, ".", color=colour, alpha=0.6)
            axes.plot([digit - 0.3, digit + 0.3], [wrong.mean()] * 2, color=colour, linewidth=2)
            highest = max(highest, wrong.max())
        axes.set(xticks=range(10), xlabel=f"digit; {words}", ylabel="wrong (% of the digit’s test images)")
        axes.set_ylim(0, 1.15 * highest)
        axes.annotate("never seen", (0.02, 0.95), xycoords="axes fraction", color=ORANGE, fontsize=9, va="top")
        axes.annotate("seen", (0.02, 0.88), xycoords="axes fraction", color=BLUE, fontsize=9, va="top")
    return figure_


def unseen_accuracy(rows: pd.DataFrame) -> float:
    """Mean accuracy on the digits that students of one transfer set never saw."""
    seen = str(rows.transfer_set.iloc[0]).split()
    return float(rows[[f"test_accuracy_digit_{digit}" for digit in range(10) if str(digit) not in seen]].mean().mean())


def changes_figure(results: Results, changes: dict[str, pd.Series]) -> Figure:
    """What each change of the recipe costs students that saw no 3."""
    rows = results.rows[results.rows.transfer_set == NINE]
    worst = max(changes, key=lambda words: changes[words].mean())
    title = f"Of the changes for students that saw no 3, “{worst}” costs most: {changes[worst].mean():.0f} errors"
    caption = setting_caption(results, rows[rows.variant.notna()])
    figure_, (axes,) = panels(1, title=title, caption=caption, size=(9, 3.2))
    draw_costs(axes, changes, rows, "the recipe of students that saw no 3")
    return figure_


def threes_figure(results: Results) -> Figure:
    """Test images of a 3 above the soft targets that the teacher, and a student that saw no 3, give them."""
    with np.load(results.folder / "threes.npz") as file:
        images, temperature = file["images"], float(file["temperature"])
        targets = {"teacher": file["teacher"], "saw no 3": file["student"]}
    right = int((targets["saw no 3"].argmax(-1) == 3).sum())
    title = f"A student that saw no 3 takes {right} of {len(images)} for a 3; soft targets at T = {temperature:g}"
    figure_ = Figure(figsize=(1.7 * len(images), 4.6), layout="constrained")
    grid = figure_.subplots(1 + len(targets), len(images), sharey="row", squeeze=False)
    for axes, image in zip(grid[0], images, strict=True):
        axes.imshow(image.squeeze(), cmap="gray_r")
        axes.axis("off")
    for line, (name, probabilities) in zip(grid[1:], targets.items(), strict=True):
        for axes, own in zip(line, probabilities, strict=True):
            axes.bar(range(10), own, color=[ORANGE if digit == 3 else BLUE for digit in range(10)])
            axes.set(ylim=(0, 1), xticks=range(10))
            axes.tick_params(labelsize=6)
            axes.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel(name)
    figure_.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure_


TRANSFER_SET = ExperimentReport(
    Summary(
        by=("protocol", "transfer_set", "series"),
        measure=ERRORS,
        labels={"transfer_set": "saw", "series": "network", "omitted errors": "of unseen"}
        | {"test errors bias by validation": "better bias"},
        values={NINE: "no 3", "7 8": "7 and 8"},
        more=("omitted_errors", "test_errors_bias_by_validation"),
        published=as_published(
            {("original", NINE, "distilled"): "transfer set without 3"}, "protocol", "transfer_set", "series"
        ),
    ),
    transfer_figures,
)
