"""Figures of study 1's sweeps on Dogs vs. Cats: optimisers, epochs (Figure 7), λ and T."""

import pandas as pd
from matplotlib.figure import Figure

from experiments.cs230.claims_catdog import EVERY_EPOCH, ZERO_DENSITY, cut
from experiments.cs230.drawing import (
    BLUE,
    GAIN,
    GREEN,
    PINK,
    SERIES,
    Line,
    by_series,
    caption_of,
    draw_differences,
    draw_lines,
    gain,
    layers,
    rows_of,
    samples,
    tally,
)
from kdsuite.report.comparisons import Difference
from kdsuite.report.csvs import read_whole
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, of_whole_seeds, panels
from kdsuite.report.groups import where
from kdsuite.report.rows import Results


def candidates_figure(results: Results) -> Figure:
    """Validation accuracy of the students that choose the optimiser, and how far distilled − plain spreads.

    Raises:
        NotRun: the optimiser was given.
    """
    path = results.folder / "candidates.csv"
    if not path.exists():
        raise NotRun(f"{path} is missing")
    rows = read_whole(path)
    rows = rows.assign(
        tried=[f"{name} {rate:g}" for name, rate in zip(rows.optimizer, rows.learning_rate, strict=True)]
    )
    means = rows.groupby("tried").validation_accuracy.mean().sort_values(ascending=False)
    by_seed = rows.pivot_table(index=["tried", "seed"], columns="series", values="validation_accuracy")
    count = rows.groupby("tried").size().max()
    title = f"{means.index[0]} is best on validation: {100 * means.iloc[0]:.1f}%, the mean of {count} students"
    seeds = rows.seed.nunique()
    caption = f"dots are {seeds} seeds that the grid has not, means of {_kinds(rows)} cuts; ± standard deviation"
    figure, (left, right) = panels(2, title=title, caption=caption)
    for place, name in enumerate(means.index):
        for shift, (series, colour) in zip((-0.1, 0.1), SERIES.items(), strict=True):
            if series in by_seed:
                own = 100 * by_seed.loc[name, series]
                left.plot([place + shift] * len(own), own, ".", color=colour, label=series if place == 0 else None)
        left.plot([place - 0.25, place + 0.25], [100 * means[name]] * 2, color="black", linewidth=1.2)
    left.set_xticks(range(len(means)), means.index)
    left.set_ylabel("validation accuracy (%)")
    left.legend(frameon=False, fontsize=8)
    if len(by_seed.columns) < 2:
        right.set_axis_off()
        return figure
    gains = 100 * (by_seed["distilled"] - by_seed["labels alone"])
    for place, name in enumerate(means.index):
        right.plot([place] * len(gains[name]), gains[name], ".", color=GREEN, markersize=7)
        right.annotate(f"± {gains[name].std(ddof=1):.1f}", (place, gains[name].max()), (0, 6), ha="center", fontsize=8,
                       textcoords="offset points", color=GREEN)  # fmt: skip
    right.axhline(0, color=GREY, linewidth=0.8)
    right.margins(y=0.15)
    right.set_xticks(range(len(means)), means.index)
    right.set_ylabel(f"{GAIN} (points)")
    return figure


def _kinds(rows: pd.DataFrame) -> int:
    """How many students an optimiser has of each seed and series."""
    return rows.groupby(["tried", "seed", "series"]).size().max()


def epochs_figure(results: Results) -> Figure:
    """Figure 7: recalibrated validation accuracy after each epoch, and what distillation adds by then."""
    if results.epochs.empty:
        raise NotRun(f"{results.experiment} has no epochs")
    rows = where(**EVERY_EPOCH).rows(results.epochs)
    if rows.empty:
        raise NotRun("no rows of Figure 7")
    counts = sorted(rows.units_removed.unique())
    epochs = sorted(rows.epoch.unique())
    by_count = {
        count: samples(
            results,
            {
                f"epoch {epoch:g}": gain(
                    "validation_accuracy", "epochs", sweep="epochs", epoch=epoch, units_removed=count
                )
                for epoch in epochs
            },
        )
        for count in counts
    }
    title = "Figure 7, epoch by epoch: distilled students' accuracy " + "; ".join(
        f"{tally(found)}" + (f" ({layers(count)})" if len(counts) > 1 else "") for count, found in by_count.items()
    )
    figure, axes = panels(2 * len(counts), title=title, caption=caption_of(results, rows))
    for (left, right), (count, found) in zip(zip(axes[::2], axes[1::2], strict=True), by_count.items(), strict=True):
        own = rows[rows.units_removed == count]
        draw_lines(left, by_series(own, "validation_accuracy"), "epoch", xlabel="epoch",
                   ylabel="validation accuracy, recalibrated (%)")  # fmt: skip
        left.set_title(f"{layers(count)} less, by zero density", fontsize=9, loc="left")
        draw_differences(right, found, what=GAIN)
        right.tick_params(axis="y", labelsize=8)
    return figure


def lambda_figure(results: Results) -> Figure:
    """Accuracy against λ, and each λ's difference to labels alone."""
    swept = rows_of(results, where("other λ", sweep="lambda"))
    count = swept.units_removed.iloc[0]
    group = {"sweep": ("layers", "lambda"), "units_removed": count, **ZERO_DENSITY}
    rows = of_whole_seeds(where(**group).rows(results.rows), "lambda")
    plain = where("λ = 0", lambda_=0.0, **group)
    lambdas = [value for value in sorted(rows["lambda"].unique()) if value]
    found = samples(
        results,
        {f"λ = {value:g}": Difference("test_accuracy", where(lambda_=value, **group), plain) for value in lambdas},
    )
    title = f"{layers(count)} less: against labels alone, accuracy with λ > 0 {tally(found)}"
    figure, (left, right) = panels(2, title=title, caption=caption_of(results, rows))
    draw_lines(left, [Line("", rows, BLUE)], "lambda", xlabel="weight λ of the soft targets")
    draw_differences(right, found, what="test accuracy − that of λ = 0", colour=BLUE)
    return figure


def temperature_figure(results: Results) -> Figure:
    """Distilled students at T = 1 and at other temperatures, by layers removed."""
    swept = rows_of(results, where("other temperatures", sweep="temperature"))
    counts = sorted(swept.units_removed.unique())
    usual = cut("T", method="kd", units_removed=tuple(counts), **ZERO_DENSITY)
    rows = of_whole_seeds(pd.concat([rows_of(results, usual), swept]), "temperature")
    base = rows_of(results, usual).temperature.iloc[0]
    found = samples(
        results,
        {
            f"T = {temperature:g}, {layers(count)}": Difference(
                "test_accuracy",
                where(sweep="temperature", temperature=temperature, units_removed=count),
                cut(method="kd", units_removed=count, **ZERO_DENSITY),
            )
            for temperature in sorted(swept.temperature.unique())
            for count in counts
        },
    )
    title = f"Against T = {base:g}, accuracy {tally(found)}"
    figure, (left, right) = panels(2, title=title, caption=caption_of(results, rows))
    lines = [
        Line(f"T = {temperature:g}", own, colour)
        for colour, (temperature, own) in zip((BLUE, PINK, GREEN), rows.groupby("temperature"), strict=False)
    ]
    draw_lines(left, lines, "units_removed", xlabel="layers removed by zero density")
    draw_differences(right, found, what=f"test accuracy − that of T = {base:g}")
    return figure
