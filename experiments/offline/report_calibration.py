"""Reliability of study 5's students."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.offline.drawing import COLOUR, compared_rows
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, panels, setting_caption
from kdsuite.report.rows import Results


def reliability_figure(results: Results) -> Figure:
    """Accuracy by confidence of the student that has every signal; seeds pooled."""
    bins, rows = results.table("reliability"), compared_rows(results)
    if rows.empty:
        raise NotRun("no student has every signal")
    bins = bins[bins.trial.isin(rows.trial)]
    columns = [name for name in ("calibration_error", "calibration_error_scaled") if name in rows]
    errors = 100 * rows.groupby("series")[columns].mean()
    words = ", ".join(
        f"{name} {' → '.join(f'{value:.1f}' for value in errors.loc[name].dropna())}"
        for name in ("labels alone", "responses")
        if name in errors.index
    )
    caption = f"{setting_caption(results, rows, marks='')}; {rows.params.iloc[0]:,} parameters; test images"
    if rows.get("calibration_error_scaled", pd.Series(dtype=float)).notna().any():
        caption += "; →: after temperature scaling on validation"
    figure, (axes,) = panels(1, title=f"Calibration error, points: {words}", caption=caption, size=(8, 5))
    axes.plot([0, 1], [0, 1], linestyle="--", color=GREY, linewidth=1)
    axes.annotate("as sure as it is right", (0.55, 0.55), (5, -10), textcoords="offset points", color=GREY, fontsize=8)
    axes.annotate("less sure", (0.02, 0.96), color=GREY, fontsize=8)
    axes.annotate("surer", (0.98, 0.02), color=GREY, fontsize=8, ha="right")
    for series, own in bins[bins.series.isin(list(COLOUR))].groupby("series", sort=False):
        reliability_line(axes, own, f"student of {series}", COLOUR[series])
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.02, 0.93))
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    return figure


def reliability_line(axes: Axes, bins: pd.DataFrame, label: str, colour: str) -> None:
    """Draw accuracy by confidence; marks are as large as their share of the predictions."""
    if bins.empty:
        return
    by_bin = pooled(bins)
    axes.plot(by_bin.confidence, by_bin.accuracy, color=colour, linewidth=1.2, label=label)
    axes.scatter(by_bin.confidence, by_bin.accuracy, s=8 + 250 * by_bin.share / by_bin.share.sum(), color=colour)


def pooled(bins: pd.DataFrame) -> pd.DataFrame:
    """Confidence and accuracy by bin of the predictions of several networks together, and the bin's summed share."""
    weighted = bins.assign(confidence=bins.share * bins.confidence, accuracy=bins.share * bins.accuracy)
    sums = weighted.groupby("bin")[["share", "confidence", "accuracy"]].sum()
    return sums.div(sums.share, axis=0).assign(share=sums.share)
