"""Tables, figures and verdicts of study 5: small students of stored responses."""

import matplotlib.figure
import pandas as pd
import seaborn as sns

from kdsuite.report.claims import Claim, alike, answer, percent, points
from kdsuite.report.figures import COLOURS, intervals, panel
from kdsuite.report.intervals import in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows

STUDY = "5 offline, CIFAR-10"
SIZE = ["depth", "first_filters", "dense"]
MILLION = 1_000_000
TWO_POINTS = 0.02


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
    table = table.astype({"params": int})
    bins = pd.read_csv(study.folder / "offline-cifar10-reliability.csv")
    figures = {
        "offline-accuracy": accuracy_figure(study.rows),
        "offline-reliability": reliability_figure(study.rows, bins),
    }
    return in_percent(table.drop(columns=["params ±", "calibration_error ±"])), figures


def accuracy_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test accuracy against parameters by what a student learns from; a live teacher gives what responses give."""
    figure, axes = panel(
        (8, 4.6), xlabel="parameters", ylabel="test accuracy (%)", title="Small networks, mean and 95% interval"
    )
    for colour, (signal, members) in zip(COLOURS, stored(rows).groupby("signal", sort=False), strict=False):
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
    """Accuracy against confidence of the teacher and of the student by which T and λ were chosen, seeds pooled."""
    figure = matplotlib.figure.Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    students = stored(sweep_student(rows))
    merged = bins.merge(students[["trial", "signal"]], on="trial")
    lines = [("teacher", merged[merged.network == "teacher"])] + [
        (f"student of {signal}", own)
        for signal, own in merged[merged.network == "student"].groupby("signal", sort=False)
    ]
    for colour, (label, own) in zip(COLOURS, lines, strict=False):
        by_bin = pooled(own)
        axes.plot(by_bin.confidence, by_bin.accuracy, marker="o", color=colour, label=label)
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey")
    title = f"Reliability, student of {students.params.iloc[0]:,} parameters"
    axes.set(xlabel="confidence", ylabel="accuracy (test)", title=title)
    axes.legend(fontsize="small")
    return figure


def stored(rows: pd.DataFrame) -> pd.DataFrame:
    """All but the students of a live teacher."""
    return rows[rows.signal != "live"]


def sweep_student(rows: pd.DataFrame) -> pd.DataFrame:
    """The size by which T and λ were chosen: the one that also learns from smoothed labels."""
    return rows.merge(rows[rows.signal == "label smoothing"][SIZE].drop_duplicates(), on=SIZE)


def pooled(bins: pd.DataFrame) -> pd.DataFrame:
    """Confidence and accuracy by bin of the predictions of several networks together."""
    weighted = bins.assign(confidence=bins.share * bins.confidence, accuracy=bins.share * bins.accuracy)
    sums = weighted.groupby("bin")[["share", "confidence", "accuracy"]].sum()
    return sums.div(sums.share, axis=0)


def claims(study: StudyRows, teachers: StudyRows) -> list[Claim]:
    """The study's question, and what the responses are worth, with our intervals over seeds (test accuracy)."""
    rows = study.rows
    first = rows[rows.signal == "responses"].teacher.iloc[0]
    teacher = teachers.rows[teachers.rows.teacher == first].iloc[0]
    taught = rows[(rows.signal == "responses") & (rows.params <= MILLION)]
    chosen = taught[taught.params == taught.groupby("params").validation_accuracy.mean().idxmax()]
    behind = mean_interval(teacher.test_accuracy - chosen.test_accuracy)
    within = answer(mean_interval(TWO_POINTS - (teacher.test_accuracy - chosen.test_accuracy)))
    found = [
        Claim(
            STUDY,
            "a network of at most 1 M parameters comes within 2 points of its teacher",
            "the question",
            f"teacher {100 * teacher.test_accuracy:.2f}% ({teacher.params / 1e6:.1f} M), "
            f"student of {chosen.params.iloc[0] / 1e6:.2f} M {percent(mean_interval(chosen.test_accuracy))} on "
            f"{chosen.train_size.iloc[0]:,} of its {teacher.train_size:,} images, "
            f"behind {points(behind)}",
            within.replace("holds 0", "holds 2 points"),
        )
    ]
    return [*found, *size_claims(rows), *signal_claims(rows)]


def size_claims(rows: pd.DataFrame) -> list[Claim]:
    """Whether responses beat labels alone: mean of all sizes, then each size."""
    both = rows[rows.signal.isin(["labels", "responses"])]
    sizes = [("mean of all sizes", both)] + [
        (f"{params:,} parameters", own) for params, own in both.groupby("params", sort=True)
    ]
    return [
        Claim(STUDY, f"responses beat labels alone, {size}", "expected", points(gain), answer(gain))
        for size, own in sizes
        for gain in [paired_difference(own, "test_accuracy", own.signal == "responses", own.signal == "labels")]
    ]


def signal_claims(rows: pd.DataFrame) -> list[Claim]:
    """What the student by which T and λ were chosen makes of the other signals."""
    same = sweep_student(rows)
    own, labels, smoothing, mean, live = (
        same.signal == signal for signal in ("responses", "labels", "label smoothing", "ensemble", "live")
    )
    ahead = paired_difference(same, "test_accuracy", own, smoothing)
    error = -paired_difference(same, "calibration_error", own, labels)
    found = [
        Claim(
            STUDY, "it is knowledge: responses beat label smoothing of their entropy", "", points(ahead), answer(ahead)
        ),
        Claim(STUDY, "responses lower the calibration error of labels alone", "", points(error), answer(error)),
    ]
    if mean.any():
        ahead = paired_difference(same, "test_accuracy", mean, own)
        found.append(Claim(STUDY, "the mean of all teachers beats the first", "", points(ahead), answer(ahead)))
    if live.any():
        pairs = same[live].merge(same[own], on="seed", suffixes=(" live", ""))
        largest = (pairs["test_loss live"] - pairs.test_loss).abs().max()
        ahead = paired_difference(same, "test_accuracy", live, own)
        verdict = "yes: equal to the last digit" if largest == 0 else alike(ahead)
        ours = f"live − stored {points(ahead)}, test losses differ by {largest:.2g} at most"
        found.append(Claim(STUDY, "a live teacher gives what its stored responses give", "", ours, verdict))
    return found
