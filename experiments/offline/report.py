"""Tables and figures of study 5."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.offline.claims import BY_LABELS, BY_RESPONSES, SMOOTHING
from kdsuite.report.csvs import read_whole
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import COLOURS, GREY, bar, differences, end_labels, grow_limits, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.measures import measure_of, signed
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

COLOUR = {
    "labels alone": COLOURS[1],
    "responses": COLOURS[0],
    "label smoothing": COLOURS[3],
    "ensemble": COLOURS[2],
    "live": COLOURS[4],
}
MATTERS = 0.01


def figures(results: Results) -> dict[str, Figure]:
    """Accuracy by size, what each signal is worth, how fast it is learned, calibration, and the choice of T and λ."""
    drawn = {
        "offline-accuracy": accuracy_figure(results),
        "offline-signals": signals_figure(results),
        "offline-epochs": epochs_figure(results),
        "offline-reliability": reliability_figure(results),
        "offline-choice": choice_figure(results),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def accuracy_figure(results: Results) -> Figure:
    """Accuracy against parameters on labels and on responses, and their difference by size."""
    rows = results.rows
    both = {group.label: group.rows(rows) for group in (BY_LABELS, BY_RESPONSES)}
    teacher = 100 * rows.teacher_test_accuracy.iloc[0]
    by_size = {f"{size:,}": gain(own) for size, own in rows.groupby("params") if len(BY_RESPONSES.rows(own))}
    best = both["responses"].groupby("params").validation_accuracy.mean().idxmax()
    behind = teacher - 100 * both["responses"][both["responses"].params == best].test_accuracy.mean()
    title = f"The best student of responses has {best:,} parameters and is {behind:.1f} points behind its teacher"
    caption = setting_caption(results, pd.concat(both.values()))
    figure, (left, right) = panels(2, title=title, caption=caption)
    ends = {}
    for label, own in both.items():
        line = 100 * own.pivot(index="params", columns="seed", values="test_accuracy")
        left.plot(line.index, line, ".", color=COLOUR[label], alpha=0.4, markersize=4)
        left.plot(line.index, line.mean(axis=1), color=COLOUR[label], linewidth=1.4)
        grow_limits(left, np.append(line.to_numpy().ravel(), teacher))
        ends[label] = (line.index[-1], line.mean(axis=1).iloc[-1], COLOUR[label])
    for label, own in both.items():
        for size, values in own.groupby("params"):
            bar(left, size, mean_interval(100 * values.test_accuracy), COLOUR[label])
    left.axhline(teacher, linestyle="--", color=GREY, linewidth=1)
    left.annotate(f"teacher, {rows.teacher_params.iloc[0]:,.0f}", (0.01, teacher), (0, 3), fontsize=8, color=GREY,
                  xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
    left.set_xscale("log")
    left.margins(x=0.2)
    left.set(xlabel="parameters", ylabel="test accuracy (%)")
    end_labels(left, ends)
    differences(
        right, {size: mean_interval(values) for size, values in by_size.items()}, matters=MATTERS, values=by_size
    )
    right.set(xlabel="responses less labels alone (points)", ylabel="parameters")
    return figure


def gain(rows: pd.DataFrame) -> pd.Series:
    """What responses add to the accuracy of one student, a value a seed."""
    labels, responses = (group.rows(rows).set_index("seed").test_accuracy for group in (BY_LABELS, BY_RESPONSES))
    return (responses - labels).dropna()


def compared_rows(results: Results) -> pd.DataFrame:
    """The rows of the student that has every signal; empty where there is none."""
    return results.rows[results.rows.student.isin(SMOOTHING.rows(results.rows).student)]


def signals_figure(results: Results) -> Figure | None:
    """What each signal adds to responses, on the student that has them all."""
    rows = compared_rows(results)
    accuracy = rows.pivot_table(index="seed", columns="series", values="test_accuracy")
    if "responses" not in accuracy:
        return None
    others = [name for name in COLOUR if name in accuracy and name != "responses"]
    found = {name: (accuracy[name] - accuracy["responses"]).dropna() for name in others}
    best = max(found, key=lambda name: found[name].mean())
    least = min(found, key=lambda name: found[name].mean())
    measure = measure_of("test_accuracy")
    title = (
        f"Against responses, {best} gives {signed(100 * found[best].mean(), 1)} points, {least} "
        f"{signed(100 * found[least].mean(), 1)}"
    )
    caption = f"{setting_caption(results, rows)}; {rows.params.iloc[0]:,} parameters"
    figure, (axes,) = panels(1, title=title, caption=caption, size=(9, 3.2))
    means = {name: mean_interval(values) for name, values in found.items()}
    differences(axes, means, measure, matters=MATTERS, values=found, colours=COLOUR)
    axes.set_xlabel("test accuracy less that of responses (points)")
    return figure


def epochs_figure(results: Results) -> Figure | None:
    """Validation accuracy by epoch on labels and on responses, each size less its own students on labels."""
    if results.epochs.empty:
        return None
    epochs = results.epochs[results.epochs.series.isin(["labels alone", "responses"])]
    curves = 100 * epochs.pivot_table(
        index="epoch", columns=["series", "seed"], values="validation_accuracy", aggfunc="mean"
    )
    ahead = curves["responses"] - curves["labels alone"]
    shown = [epoch for epoch in (1, 2, 5) if epoch in ahead.index]
    words = ", ".join(f"{signed(ahead.loc[epoch].mean(), 1)} after {epoch}" for epoch in shown)
    title = f"Points of validation accuracy that responses are ahead, by epoch: {words}"
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results, epochs))
    for label in ("labels alone", "responses"):
        left.plot(curves.index, curves[label], color=COLOUR[label], alpha=0.4, linewidth=0.7)
        left.plot(curves.index, curves[label].mean(axis=1), color=COLOUR[label], linewidth=1.6, label=label)
    left.legend(frameon=False, loc="lower right")
    left.set(xlabel="epoch", ylabel="validation accuracy (%), mean over sizes")
    right.axhspan(-100 * MATTERS, 100 * MATTERS, color="#E8E8E8", zorder=0)
    right.axhline(0, color=GREY, linewidth=0.8)
    right.plot(ahead.index, ahead, color=COLOUR["responses"], alpha=0.4, linewidth=0.7)
    right.plot(ahead.index, ahead.mean(axis=1), color=COLOUR["responses"], linewidth=1.6)
    right.set(xlabel="epoch", ylabel="responses less labels alone (points)")
    return figure


def reliability_figure(results: Results) -> Figure | None:
    """Accuracy by confidence of the student that has every signal, and of its teacher; seeds pooled."""
    try:
        bins = results.table("reliability")
    except NotRun:
        return None
    rows = compared_rows(results)
    bins = bins[bins.trial.isin(rows.trial)]
    errors = 100 * rows.groupby("series").calibration_error.mean()
    words = ", ".join(f"{name} {errors[name]:.1f}" for name in ("labels alone", "responses") if name in errors)
    if rows.teacher_calibration_error.notna().any():
        words += f", teacher {100 * rows.teacher_calibration_error.mean():.1f}"
    caption = f"{setting_caption(results, rows).split(';')[0]}; {rows.params.iloc[0]:,} parameters; test images"
    figure, (axes,) = panels(1, title=f"Calibration error (points): {words}", caption=caption, size=(8, 5))
    axes.plot([0, 1], [0, 1], linestyle="--", color=GREY, linewidth=1)
    axes.annotate("as sure as it is right", (0.55, 0.55), (5, -10), textcoords="offset points", color=GREY, fontsize=8)
    axes.annotate("less sure", (0.02, 0.96), color=GREY, fontsize=8)
    axes.annotate("surer", (0.98, 0.02), color=GREY, fontsize=8, ha="right")
    reliability_line(axes, bins[bins.network == "teacher"], "teacher", GREY)
    for series, own in bins[(bins.network == "student") & (bins.series != "live")].groupby("series", sort=False):
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


def choice_figure(results: Results) -> Figure | None:
    """Validation accuracy of the candidates by T and λ, a panel a student; the best one framed."""
    if not (results.folder / "candidates.csv").exists():
        return None
    rows = read_whole(results.folder / "candidates.csv", key=["trial"])
    students = sorted(rows.student.unique(), key=lambda name: rows.params[rows.student == name].iloc[0])
    tables = {
        name: 100
        * rows[rows.student == name].pivot_table(index="temperature", columns="lambda", values="validation_accuracy")
        for name in students
    }
    best = {name: table.stack().idxmax() for name, table in tables.items()}
    at_end = [name for name in students if _at_end(tables[name], *best[name])]
    where_ = "inside the grid" if not at_end else f"at the end of the grid for {len(at_end)} of {len(students)}"
    title = f"T and λ of best validation accuracy lie {where_}"
    caption = setting_caption(results, rows).split(";")[0]
    size = (7, 3.4) if len(students) == 1 else (4.2, 3.4)
    figure, axes = panels(len(students), title=title, caption=caption, size=size, columns=3)
    for own, name in zip(axes, students, strict=True):
        table = tables[name].sort_index(ascending=False)
        own.grid(visible=False)
        own.imshow(table, cmap="Blues", aspect="auto")
        for line, temperature in enumerate(table.index):
            for column, lambda_ in enumerate(table.columns):
                value = table.loc[temperature, lambda_]
                if not np.isnan(value):
                    chosen = (temperature, lambda_) == best[name]
                    dark = value > table.stack().median()
                    own.text(column, line, f"{value:.1f}", ha="center", va="center", fontsize=8,
                             color="white" if dark else "black", fontweight="bold" if chosen else "normal",
                             bbox={"boxstyle": "square,pad=0.35", "fill": False, "edgecolor": COLOURS[1],
                                   "linewidth": 2} if chosen else None)  # fmt: skip
        own.set_xticks(range(len(table.columns)), [f"{value:g}" for value in table.columns])
        own.set_yticks(range(len(table.index)), [f"{value:g}" for value in table.index])
        size = rows.params[rows.student == name].iloc[0]
        own.set(xlabel="λ", ylabel="T")
        own.set_title(f"{size:,.0f} parameters", fontsize=9, loc="left")
    return figure


def _at_end(table: pd.DataFrame, temperature: float, lambda_: float) -> bool:
    """Whether the best point lies at an end of those tried; λ = 1 is none, as there is nothing beyond."""
    temperatures = table[lambda_].dropna().index
    lambdas = table.loc[temperature].dropna().index
    return temperature in (min(temperatures), max(temperatures)) or (
        lambda_ in (min(lambdas), max(lambdas)) and lambda_ != 1
    )


RESPONSES = ExperimentReport(
    Summary(
        by=("teacher", "epochs", "train_size"), labels={"train_size": "images"}, more=("validation_accuracy", "params")
    )
)
CIFAR10 = ExperimentReport(
    Summary(
        by=("student", "series"),
        labels={"series": "learns from"},
        more=("params", "agreement", "calibration_error"),
    ),
    figures,
)
