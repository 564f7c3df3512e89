"""Tables and figures of study 5."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.offline.claims import BY_LABELS, BY_RESPONSES, SCALED
from experiments.offline.drawing import COLOUR, MATTERS, compared_rows
from experiments.offline.report_calibration import reliability_figure
from experiments.offline.report_choice import choice_figure
from experiments.offline.report_views import views_figures
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import GREY, bar, differences, end_labels, grow_limits, panels, setting_caption
from kdsuite.report.intervals import mean_interval
from kdsuite.report.measures import measure_of, signed
from kdsuite.report.publish import ExperimentReport, drawn
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

ACCURACY = measure_of("test_accuracy")
CALIBRATION = {"calibration error": "ECE", SCALED.name: "ECE scaled"}


def figures(results: Results) -> dict[str, Figure]:
    """Accuracy by size, what signals are worth, learning by epoch, calibration, the choice of T and λ."""
    return drawn(
        {
            "offline-accuracy": accuracy_figure,
            "offline-signals": signals_figure,
            "offline-epochs": epochs_figure,
            "offline-reliability": reliability_figure,
            "offline-choice": choice_figure,
        },
        results,
    )


def accuracy_figure(results: Results) -> Figure:
    """Accuracy against parameters on labels and on responses, and their difference by size."""
    rows = results.rows
    both = {group.label: group.rows(rows) for group in (BY_LABELS, BY_RESPONSES)}
    if not all(map(len, both.values())):
        raise NotRun("no students of responses beside students of labels")
    teacher = 100 * rows.teacher_test_accuracy.iloc[0]
    by_size = {f"{size:,}": gain(own) for size, own in rows.groupby("params") if len(BY_RESPONSES.rows(own))}
    best = both["responses"].groupby("params").validation_accuracy.mean().idxmax()
    behind = teacher - 100 * both["responses"][both["responses"].params == best].test_accuracy.mean()
    place = f"{abs(behind):.1f} points {'behind' if behind > 0 else 'ahead of'} its teacher"
    title = f"The best student of responses has {best:,} parameters and is {place}"
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
    # A line across all of the panel would strike through the label of a student that is as good.
    left.hlines(teacher, rows.params.min(), rows.params.max(), linestyle="--", color=GREY, linewidth=1)
    left.annotate(f"teacher, {rows.teacher_params.iloc[0]:,.0f}", (0.01, teacher), (0, 3), fontsize=8, color=GREY,
                  xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
    left.set_xscale("log")
    left.margins(x=0.2)
    left.set(xlabel="parameters", ylabel="test accuracy (%)")
    end_labels(left, ends)
    found = {size: ACCURACY.difference_interval(values, rows) for size, values in by_size.items()}
    differences(right, found, ACCURACY, matters=MATTERS, values=by_size)
    right.set(xlabel="responses less labels alone (points)", ylabel="parameters")
    return figure


def gain(rows: pd.DataFrame) -> pd.Series:
    """What responses add to the accuracy of one student, a value a seed."""
    labels, responses = (group.rows(rows).set_index("seed").test_accuracy for group in (BY_LABELS, BY_RESPONSES))
    return (responses - labels).dropna()


def signals_figure(results: Results) -> Figure:
    """What each signal adds to responses, on the student that has them all."""
    rows = compared_rows(results)
    accuracy = rows.pivot_table(index="seed", columns="series", values="test_accuracy")
    if "responses" not in accuracy:
        raise NotRun("no students of responses")
    others = [name for name in rows.series.unique() if name in accuracy and not name.startswith("responses")]
    found = {name: (accuracy[name] - accuracy["responses"]).dropna() for name in others}
    best = max(found, key=lambda name: found[name].mean())
    least = min(found, key=lambda name: found[name].mean())
    title = (
        f"Compared with responses, the best other signal, “{best}”, changes accuracy by "
        f"{signed(100 * found[best].mean(), 1)} points, the worst, “{least}”, by {signed(100 * found[least].mean(), 1)}"
    )
    caption = f"{setting_caption(results, rows)}; {rows.params.iloc[0]:,} parameters"
    figure, (axes,) = panels(1, title=title, caption=caption, size=(9, 0.5 * len(found) + 1.2))
    means = {name: ACCURACY.difference_interval(values, rows) for name, values in found.items()}
    differences(axes, means, ACCURACY, matters=MATTERS, values=found, colours=COLOUR)
    axes.set_xlabel("test accuracy less that of responses (points)")
    return figure


def epochs_figure(results: Results) -> Figure:
    """Validation accuracy by epoch on labels and on responses, each size less its own students on labels."""
    if results.epochs.empty:
        raise NotRun("no epochs of students")
    epochs = results.epochs[results.epochs.series.isin(["labels alone", "responses"])]
    if epochs.series.nunique() < 2:
        raise NotRun("no epochs of students of responses beside those of labels")
    curves = 100 * epochs.pivot_table(
        index="epoch", columns=["series", "seed"], values="validation_accuracy", aggfunc="mean"
    )
    ahead = curves["responses"] - curves["labels alone"]
    shown = [epoch for epoch in (1, 2, 5) if epoch in ahead.index]
    words = ", ".join(f"{signed(ahead.loc[epoch].mean(), 1)} after {epoch}" for epoch in shown)
    title = f"Points of validation accuracy that responses are ahead, by epoch: {words}"
    figure, (left, right) = panels(2, title=title, caption=setting_caption(results, epochs, marks="thin: seeds"))
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


RESPONSES = ExperimentReport(
    Summary(
        by=("teacher", "epochs", "train_size"),
        labels={"train_size": "images"} | CALIBRATION,
        more=("validation_accuracy", "params", "calibration_error", SCALED),
    )
)
CIFAR10 = ExperimentReport(
    Summary(
        by=("student", "series"),
        labels={"series": "learns from"} | CALIBRATION,
        more=("params", "calibration_error", SCALED),
    ),
    figures,
)
VIEWS = ExperimentReport(
    Summary(
        by=("series",),
        labels={"series": "learns from"},
        more=("validation_accuracy", "agreement", "divergence", "train_seconds"),
    ),
    views_figures,
)
