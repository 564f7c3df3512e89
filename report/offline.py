"""Tables, figures and verdicts of study 5: small students of stored responses."""

import matplotlib.figure
import pandas as pd
import seaborn as sns

from report.claims import Claim, answer, percent, points
from report.figures import COLOURS, intervals, panel
from report.intervals import in_percent, mean_interval, paired_difference, summarise
from report.rows import StudyRows

STUDY = "5 offline, CIFAR-10"
SIZE = ["depth", "first_filters", "dense"]
MILLION = 1_000_000


def responses(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """The teachers."""
    columns = ["teacher", "params", "epochs", "train_size", "validation_accuracy", "test_accuracy"]
    return in_percent(study.rows[columns]), {}


def sweep(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Validation accuracy by T and λ."""
    table = summarise(study.rows, ["temperature", "lambda"], ["validation_accuracy"])
    return in_percent(table), {"offline-sweep": sweep_figure(study.rows)}


def students(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Accuracy by size and signal, with the figures."""
    table = summarise(study.rows, ["signal", *SIZE], ["test_accuracy", "params", "calibration_error"])
    bins = pd.read_csv(study.folder / "offline-cifar10-reliability.csv")
    figures = {
        "offline-accuracy": accuracy_figure(study.rows),
        "offline-reliability": reliability_figure(study.rows, bins),
    }
    return in_percent(table.drop(columns=["params ±", "calibration_error ±"])), figures


def accuracy_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test accuracy against parameters, with and without responses."""
    figure, axes = panel(
        (8, 4.6), xlabel="parameters", ylabel="test accuracy (%)", title="Small networks, mean and 95% interval"
    )
    for colour, (signal, members) in zip(COLOURS, rows.groupby("signal", sort=False), strict=False):
        intervals(axes, members, SIZE, "params", linestyle="", color=colour, label=signal)
    axes.set_xscale("log")
    axes.legend(title="learns from")
    return figure


def sweep_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Validation accuracy by T and λ, mean over seeds."""
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    means = 100 * rows.pivot_table(index="temperature", columns="lambda", values="validation_accuracy")
    sns.heatmap(means, annot=True, fmt=".2f", cmap="viridis", ax=axes, cbar_kws={"label": "validation accuracy (%)"})
    axes.set(xlabel="weight λ of the soft targets", ylabel="temperature T")
    return figure


def reliability_figure(rows: pd.DataFrame, bins: pd.DataFrame) -> matplotlib.figure.Figure:
    """Accuracy against confidence of students with and without responses, and of their teacher."""
    figure = matplotlib.figure.Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    merged = bins.merge(rows[["trial", "signal"]], on="trial")
    lines = [("teacher", merged[merged.network == "teacher"])] + [
        (f"student of {signal}", own)
        for signal, own in merged[merged.network == "student"].groupby("signal", sort=False)
    ]
    for colour, (label, own) in zip(COLOURS, lines, strict=False):
        by_bin = own.groupby("bin")[["confidence", "accuracy"]].mean()
        axes.plot(by_bin.confidence, by_bin.accuracy, marker="o", color=colour, label=label)
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey")
    axes.set(xlabel="confidence", ylabel="accuracy (test)", title="Reliability, mean over networks")
    axes.legend(fontsize="small")
    return figure


def claims(study: StudyRows, teachers: StudyRows) -> list[Claim]:
    """The study's question, and what the responses are worth, with our intervals over seeds (test accuracy)."""
    rows = study.rows
    first = rows[rows.signal == "responses"].teacher.iloc[0]
    teacher = teachers.rows[teachers.rows.teacher == first].iloc[0]
    taught = rows[(rows.signal == "responses") & (rows.params <= MILLION)]
    best = taught.groupby(SIZE).validation_accuracy.mean().idxmax()
    chosen = taught.set_index(SIZE).loc[best]
    behind = mean_interval(teacher.test_accuracy - chosen.test_accuracy)
    within = "yes" if behind.high <= 0.02 else "no" if behind.low > 0.02 else "undecided: the interval holds 2 points"
    found = [
        Claim(
            STUDY,
            "a network of at most 1 M parameters comes within 2 points of its teacher",
            "the question",
            f"teacher {100 * teacher.test_accuracy:.2f}% ({teacher.params / 1e6:.1f} M), "
            f"student of {chosen.params.iloc[0] / 1e6:.2f} M {percent(mean_interval(chosen.test_accuracy))}, "
            f"behind {points(behind)}",
            within,
        )
    ]
    everywhere = rows[rows.signal.isin(["labels", "responses"])]
    gain = paired_difference(
        everywhere, "test_accuracy", everywhere.signal == "responses", everywhere.signal == "labels"
    )
    found.append(Claim(STUDY, "responses beat labels alone, mean of all sizes", "expected", points(gain), answer(gain)))
    for other in ("label smoothing", "ensemble", "live"):
        if (rows.signal == other).any():
            sizes = rows[rows.signal == other][SIZE].drop_duplicates()
            same = rows.merge(sizes, on=SIZE)
            ahead = paired_difference(same, "test_accuracy", same.signal == "responses", same.signal == other)
            found.append(Claim(STUDY, f"responses against {other}", "", points(ahead), answer(ahead)))
    return found
