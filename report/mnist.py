"""Tables and figures of study 1's MNIST experiments."""

import matplotlib.figure
import pandas as pd

from report.figures import accuracy_against
from report.intervals import summarise

Report = tuple[pd.DataFrame, matplotlib.figure.Figure | None]
ACCURACIES = ["validation_accuracy", "test_accuracy"]


def dense(rows: pd.DataFrame) -> Report:
    """Teacher, plain and distilled student."""
    return _percent(summarise(rows, ["method", "lambda", "params"], ACCURACIES)), None


def lambda_sweep(rows: pd.DataFrame) -> Report:
    """Accuracy against λ, validation and test, beside the teacher's."""
    figure = accuracy_against(
        rows,
        "lambda",
        y=("test_accuracy", "validation_accuracy"),
        teacher=rows[rows.method == "teacher"].test_accuracy.mean(),
        title="MNIST, one-convolution student: mean and 95% interval",
    )
    return _percent(summarise(rows, ["method", "lambda", "params"], ACCURACIES)), figure


def batch_sweep(rows: pd.DataFrame) -> Report:
    """Accuracy against batch size, with and without the teacher."""
    figure = accuracy_against(
        rows, "batch_size", by_method=True, log=True, title="MNIST, one-convolution student: mean and 95% interval"
    )
    return _percent(summarise(rows, ["method", "lambda", "batch_size"], ACCURACIES)), figure


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    for column in list(table):
        if "accuracy" in column:
            table[column] *= 100
            table = table.rename(columns={column: column.replace("_", " ") + " %" if "±" not in column else "± %"})
    return table
