"""Figures of study 2, Hinton's MNIST experiments and their reproduction, and the table each of them prints."""

import matplotlib.figure
import pandas as pd

from kdsuite.report.claims import published
from kdsuite.report.figures import COLOURS, log_axis, two_columns
from kdsuite.report.intervals import mean_interval, summarise
from kdsuite.report.rows import StudyRows

DIGITS = [f"test_accuracy_digit_{digit}" for digit in range(10)]


def mnist(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Table 1: test errors of teacher, student alone and distilled student, by protocol and variant."""
    table = summarise(study.rows, ["protocol", "method", "variant", "epochs"], ["test_errors", "validation_accuracy"])
    return table.drop(columns="validation_accuracy ±"), {"hinton-mnist": errors_figure(study.rows)}


def errors_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test errors by kind of network, mean and 95% interval, with the published ones."""
    figure = matplotlib.figure.Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    kinds = summarise(rows, ["protocol", "method", "variant"], ["test_errors"])
    names = [
        " ".join(filter(None, (k.protocol, k.method, k.variant if isinstance(k.variant, str) else "")))
        for k in kinds.itertuples()
    ]
    axes.barh(names, kinds.test_errors, xerr=kinds["test_errors ±"], color=COLOURS[0], capsize=3)
    for colour, (label, value) in zip(COLOURS[1:], paper_table_1().items(), strict=False):
        axes.axvline(value, linestyle="--", color=colour, label=f"Hinton 2015: {label}")
    axes.invert_yaxis()
    axes.set(xlabel="test errors of 10,000, mean and 95% interval")
    axes.legend(fontsize="small", loc="lower right")
    return figure


def paper_table_1() -> dict[str, float]:
    return {
        "teacher": published("2", "teacher 1200-1200 dropout and jitter"),
        "student alone": published("2", "student 800-800 no regularisation"),
        "student distilled": published("2", "student 800-800 distilled T=20"),
    }


def transfer_sets(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Errors by transfer set as trained, with the bias chosen on validation, on test, and with all biases at 3.5."""
    students = study.rows[study.rows.transfer_set.notna()]
    columns = [column for column in students if "errors" in column] + ["bias_by_validation", "bias_by_test"]
    table = summarise(students, ["protocol", "transfer_set", "variant"], columns)
    figures = {"hinton-transfer-set-digits": digits_figure(students)}
    path = study.folder / "hinton-transfer-set-biases.csv"
    if path.exists():
        figures["hinton-transfer-set-bias"] = bias_figure(students, pd.read_csv(path))
    return table, figures


def unchanged(students: pd.DataFrame) -> pd.DataFrame:
    """Students that follow their protocol in all."""
    return students[students.variant.isna()]


def digits_figure(students: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test accuracy on each digit, a panel a transfer set."""
    sets = list(unchanged(students).groupby(["protocol", "transfer_set"], sort=False))
    figure, panels = two_columns(len(sets))
    for axes, ((protocol, name), members) in zip(panels, sets, strict=True):
        intervals = [mean_interval(100 * members[column]) for column in DIGITS]
        seen = {int(digit) for digit in str(name).split()}
        axes.bar(
            range(10),
            [interval.mean for interval in intervals],
            yerr=[interval.half_width for interval in intervals],
            color=[COLOURS[0] if digit in seen else COLOURS[1] for digit in range(10)],
            capsize=3,
        )
        axes.set(xlabel="digit (orange: never seen)", ylabel="test accuracy (%)", title=f"{protocol}: saw {name}")
        axes.set_xticks(range(10))
    return figure


def bias_figure(students: pd.DataFrame, curves: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test accuracy against the bias added to the classes a student never saw (or to the only ones it saw)."""
    merged = curves.merge(unchanged(students)[["trial", "protocol", "transfer_set", "seed", "test_size"]], on="trial")
    sets = list(merged.groupby(["protocol", "transfer_set"], sort=False))
    figure, panels = two_columns(len(sets))
    for axes, ((protocol, name), members) in zip(panels, sets, strict=True):
        for _, curve in members.groupby("seed"):
            axes.plot(curve.bias, 100 * (1 - curve.test_errors / curve.test_size), color=COLOURS[0], alpha=0.5)
        axes.set(xlabel="bias added", ylabel="test accuracy (%)", title=f"{protocol}: saw {name}, a line a seed")
        axes.grid(alpha=0.3)
    return figure


def temperatures(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Table 2: test errors by width and temperature."""
    students = study.rows[study.rows.method != "teacher"]
    table = summarise(students, ["protocol", "student", "temperature"], ["test_errors"])
    return table, {"hinton-temperature": temperature_figure(table)}


def temperature_figure(table: pd.DataFrame) -> matplotlib.figure.Figure:
    """Test errors against temperature, a line a width, a panel a protocol."""
    protocols = list(table.groupby("protocol", sort=False))
    figure, panels = two_columns(len(protocols))
    for axes, (protocol, lines) in zip(panels, protocols, strict=True):
        for colour, (name, line) in zip(COLOURS, lines.groupby("student", sort=False), strict=False):
            line = line.sort_values("temperature")
            style = {"marker": "o", "capsize": 3, "color": colour, "label": name}
            axes.errorbar(line.temperature, line.test_errors, line["test_errors ±"], **style)
        log_axis(axes, lines.temperature)
        axes.grid(alpha=0.3)
        axes.set(xlabel="temperature T", ylabel="test errors of 10,000, mean and 95% interval", title=protocol)
        axes.legend()
    return figure
