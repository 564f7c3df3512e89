"""Tables, figures and verdicts of study 1's MNIST experiments."""

import matplotlib.figure
import pandas as pd

from kdsuite.report.claims import Claim, answer, percent, points, published, verdict
from kdsuite.report.figures import accuracy_against
from kdsuite.report.intervals import Interval, in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows

Report = tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]
ACCURACIES = ["validation_accuracy", "test_accuracy"]
STUDY = "1 CS230, MNIST"


def dense(study: StudyRows) -> Report:
    """Teacher, plain and distilled student."""
    return in_percent(summarise(study.rows, ["method", "lambda", "params"], ACCURACIES)), {}


def lambda_sweep(study: StudyRows) -> Report:
    """Accuracy against λ, validation and test, beside the teacher's."""
    rows = study.rows
    figure = accuracy_against(
        rows,
        "lambda",
        y=("test_accuracy", "validation_accuracy"),
        teacher=rows[rows.method == "teacher"].test_accuracy.mean(),
        title="MNIST, one-convolution student: mean and 95% interval",
    )
    return in_percent(summarise(rows, ["method", "lambda", "params"], ACCURACIES)), {"mnist-lambda-sweep": figure}


def batch_sweep(study: StudyRows) -> Report:
    """Accuracy against batch size, validation and test."""
    rows = study.rows
    figure = accuracy_against(
        rows,
        "batch_size",
        y=("test_accuracy", "validation_accuracy"),
        log=True,
        title="MNIST, distilled one-convolution student: mean and 95% interval",
    )
    return in_percent(summarise(rows, ["method", "lambda", "batch_size"], ACCURACIES)), {"mnist-batch-sweep": figure}


def claims(dense: StudyRows, lambda_sweep: StudyRows, batch_sweep: StudyRows) -> list[Claim]:
    """The paper's statements on MNIST, each with our interval over seeds (test accuracy)."""
    return [*_dense_claims(dense.rows), *_lambda_claims(lambda_sweep.rows), _batch_claim(batch_sweep.rows)]


def _dense_claims(rows: pd.DataFrame) -> list[Claim]:
    teacher, plain, distilled = (rows.method == method for method in ("teacher", "plain", "kd"))
    over_teacher = paired_difference(rows, "test_accuracy", distilled, teacher)
    over_plain = paired_difference(rows, "test_accuracy", distilled, plain)
    accuracies = [percent(mean_interval(rows[mask].test_accuracy)) for mask in (teacher, plain, distilled)]
    before = published("1", "dense teacher 10-10 on MNIST")
    after = published("1", "dense student 10 distilled at lambda 0.4")
    return [
        Claim(
            STUDY,
            "the distilled 10-unit student beats its 10–10 teacher",
            f"{before:g} → {after:g}%",
            f"{accuracies[0]} → {accuracies[2]}: {points(over_teacher)}",
            verdict(over_teacher),
        ),
        Claim(
            STUDY,
            "… and owes it to the teacher (not compared in the paper)",
            "",
            f"plain student {accuracies[1]}; distilled − plain {points(over_plain)}",
            answer(over_plain),
        ),
    ]


def _lambda_claims(rows: pd.DataFrame) -> list[Claim]:
    bound = published("1", "Keras MNIST CNN teacher (2 conv + 1 dense)")
    teacher = rows[rows.method == "teacher"].test_accuracy.mean()
    low, high = (published("1", "MNIST CNN student best lambda", f"range {end}") for end in ("low", "high"))
    students = rows[rows.method != "teacher"]
    inside = students["lambda"].between(low, high)
    best = students.groupby("lambda")[ACCURACIES].mean().idxmax()
    rival, over_rival = _over_best_rival(students, "lambda", inside)
    over_plain = paired_difference(students, "test_accuracy", inside, students["lambda"] == 0)
    full_trust = paired_difference(students, "test_accuracy", inside, students["lambda"] == 1)
    return [
        Claim(
            STUDY,
            "the convolutional teacher's test accuracy",
            f"> {bound:g}%",
            f"{100 * teacher:.2f}% (one teacher)",
            "reproduced" if 100 * teacher > bound else "contradicted",
        ),
        Claim(
            STUDY,
            f"the best λ lies in {low:g}–{high:g}",
            f"{low:g}–{high:g}",
            f"best mean: λ = {best.test_accuracy:g} on test, {best.validation_accuracy:g} on validation; "
            f"the range − λ = {rival:g}, validation's best outside it: {points(over_rival)}",
            verdict(over_rival),
        ),
        Claim(
            STUDY,
            f"λ in {low:g}–{high:g} beats labels alone (λ = 0)",
            "higher",
            f"difference {points(over_plain)}",
            verdict(over_plain),
        ),
        Claim(
            STUDY,
            "fully trusting the teacher (λ = 1) lowers accuracy",
            "lower",
            f"λ in {low:g}–{high:g} − λ = 1: {points(full_trust)}",
            verdict(full_trust),
        ),
    ]


def _batch_claim(rows: pd.DataFrame) -> Claim:
    low, high = (published("1", "MNIST CNN student best batch size", f"range {end}") for end in ("low", "high"))
    distilled = rows[rows.method == "kd"]
    inside = distilled.batch_size.between(low, high)
    rival, over_rival = _over_best_rival(distilled, "batch_size", inside)
    best = distilled.groupby("batch_size").test_accuracy.mean().idxmax()
    return Claim(
        STUDY,
        f"the best batch size lies in {low:g}–{high:g}",
        f"{low:g}–{high:g}",
        f"best mean: {best:g} (λ = {distilled['lambda'].iloc[0]:g}); "
        f"the range − {rival:g}, validation's best outside it: {points(over_rival)}",
        verdict(over_rival),
    )


def _over_best_rival(rows: pd.DataFrame, column: str, inside: pd.Series) -> tuple[float, Interval]:
    """The value outside the claimed range of best mean validation accuracy, and the range's lead over it on test."""
    rival = rows[~inside].groupby(column).validation_accuracy.mean().idxmax()
    return rival, paired_difference(rows, "test_accuracy", inside, rows[column] == rival)
