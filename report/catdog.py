"""Tables, figures and verdicts of study 1's Dogs vs. Cats experiments."""

import matplotlib.figure
import pandas as pd

from kdsuite.report.claims import Claim, answer, percent, points, published, verdict
from kdsuite.report.figures import COLOURS, accuracy_against, panel
from kdsuite.report.intervals import in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows

STUDY = "1 CS230, Dogs vs. Cats"
SETTINGS = ["method", "lambda", "prune_method", "units_removed", "weights", "epochs"]
MEASURED = ["test_accuracy", "test_accuracy_uncalibrated"]


def mobilenet(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Accuracy of each kind of student, and Figures 5 to 8 with the λ-sweep and the worth of recalibration."""
    table = in_percent(summarise(study.rows, SETTINGS, ["params", *MEASURED]).drop(columns="params ±"))
    return table, {
        "catdog-figure-5": parameters_figure(study.rows),
        "catdog-figure-6": removed_figure(study.rows, "random", "Figure 6: layers removed at random"),
        "catdog-figure-7": epochs_figure(study.epochs),
        "catdog-figure-8": removed_figure(study.rows, "zero_density", "Figure 8: layers removed by zero density"),
        "catdog-lambda": lambda_figure(study.rows),
        "catdog-recalibration": recalibration_figure(study.rows),
    }


def usual(rows: pd.DataFrame) -> pd.DataFrame:
    """Piped students at the usual epochs and λ, plain or distilled; the networks of Figures 5, 6 and 8."""
    lambdas = rows[rows.prune_method == "random"]["lambda"].unique()
    students = rows[(rows.weights == "piped") & rows["lambda"].isin(lambdas)]
    return students[students.epochs == students.epochs.min()]


def parameters_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Figure 5: accuracy against parameters, a point a student with layers removed at random."""
    figure, axes = panel(
        xlabel="parameters (millions)", ylabel="test accuracy (%)", title="Figure 5: layers removed at random"
    )
    students = usual(rows).query("prune_method == 'random'")
    for colour, (method, members) in zip(COLOURS, students.groupby("method", sort=False), strict=False):
        axes.scatter(members.params / 1e6, 100 * members.test_accuracy, color=colour, label=method, alpha=0.8)
    axes.axhline(100 * _teacher(rows), linestyle="--", color="grey", label="teacher")
    axes.legend()
    return figure


def removed_figure(rows: pd.DataFrame, prune_method: str, title: str) -> matplotlib.figure.Figure:
    """Figures 6 and 8: accuracy against layers removed."""
    students = usual(rows)
    return accuracy_against(
        students[students.prune_method == prune_method],
        "units_removed",
        by_method=True,
        teacher=_teacher(rows),
        title=f"{title}, mean and 95% interval",
    )


def epochs_figure(epochs: pd.DataFrame) -> matplotlib.figure.Figure:
    """Figure 7: recalibrated validation accuracy after each epoch, layers removed by zero density."""
    tracked = epochs[epochs.validation_accuracy_uncalibrated.notna()]
    return accuracy_against(
        tracked,
        "epoch",
        y=("validation_accuracy",),
        by_method=True,
        title="Figure 7: accuracy against epochs (zero density), mean and 95% interval",
    )


def lambda_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The students of the λ-sweep: one number of layers removed by zero density."""
    students = rows[(rows.weights == "piped") & (rows.prune_method == "zero_density")]
    students = students[students.epochs == students.epochs.min()]
    counts = students.groupby("units_removed")["lambda"].nunique()
    return students[students.units_removed == counts.idxmax()]


def lambda_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Accuracy against λ."""
    return accuracy_against(
        lambda_rows(rows), "lambda", teacher=_teacher(rows), title="Dogs vs. Cats: mean and 95% interval"
    )


def recalibration_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """What recalibrating batch norm is worth after 3 epochs, by layers removed."""
    return accuracy_against(
        usual(rows),
        "units_removed",
        y=("test_accuracy", "test_accuracy_uncalibrated"),
        title="Batch-norm statistics recalibrated or as training left them",
    )


def density_figure(densities: pd.DataFrame) -> matplotlib.figure.Figure:
    """Zero density of the teacher's units in the order of the network, a line a threshold."""
    figure, axes = panel((8, 4.2), ylabel="zero density", title="Zero density of the teacher's layers, input to output")
    for colour, (threshold, members) in zip(COLOURS, densities.groupby("threshold"), strict=False):
        axes.plot(members.unit, members.zero_density, marker=".", color=colour, label=f"|w| < {threshold:g}")
    axes.tick_params(axis="x", rotation=90)
    figure.legend(loc="outside right upper")
    return figure


def density_order(densities: pd.DataFrame, count: int = 8) -> pd.DataFrame:
    """The first units that zero density removes, a column a threshold."""
    ordered = densities.sort_values(["zero_density", "place"], ascending=[False, True])
    return pd.DataFrame(
        {
            f"|w| < {threshold:g}": list(members.unit[:count])
            for threshold, members in ordered.groupby("threshold", sort=True)
        },
        index=pd.RangeIndex(1, count + 1, name="removed as number"),
    )


def claims(study: StudyRows) -> list[Claim]:
    """The paper's statements on Dogs vs. Cats, each with our interval over seeds (test accuracy)."""
    rows = study.rows
    students = usual(rows)
    zero = students[students.prune_method == "zero_density"]
    random = students[students.prune_method == "random"]
    few, many = zero.units_removed.min(), zero.units_removed.max()
    bound = published("1", "MobileNet teacher on Dogs vs. Cats (5000 test)")
    gain_few, gain_many = (_gain(zero[zero.units_removed == count]) for count in (few, many))
    gain_random = _gain(random)
    worth = mean_interval((students.test_accuracy - students.test_accuracy_uncalibrated).groupby(students.seed).mean())
    tracked = study.epochs[study.epochs.validation_accuracy_uncalibrated.notna()]
    gain_first = _gain(tracked[tracked.epoch == 1], "validation_accuracy")
    return [
        Claim(
            STUDY,
            "the teacher's test accuracy",
            f"≥ {bound:g}%",
            f"{100 * _teacher(rows):.2f}% (one teacher)",
            "reproduced" if 100 * _teacher(rows) >= bound else "contradicted",
        ),
        _claim(f"distillation helps when few layers go (zero density, {few:g} layer)", "higher", gain_few),
        _claim(f"distillation hurts when many layers go (zero density, {many:g} layers)", "lower", gain_many, -1),
        _claim("a distilled student converges faster (after 1 epoch, validation)", "faster", gain_first),
        _claim("with layers removed at random, distilled students are more accurate", "higher", gain_random),
        _gravity_claim(students),
        Claim(
            STUDY,
            "batch-norm recalibration after training (not in the paper)",
            "",
            f"raises test accuracy by {points(worth)}, mean of all students",
            answer(worth),
        ),
        _best_lambda(lambda_rows(rows)),
    ]


def _claim(claim: str, paper: str, difference, sign: int = 1) -> Claim:
    claimed = difference if sign > 0 else -difference
    return Claim(STUDY, claim, paper, f"distilled − plain {points(difference)}", verdict(claimed))


def _gain(rows: pd.DataFrame, column: str = "test_accuracy"):
    return paired_difference(rows, column, rows.method == "kd", rows.method == "plain")


def _gravity_claim(students: pd.DataFrame) -> Claim:
    """Of students that lost one layer: the one that zero density takes first against layers drawn at random."""
    single = students[(students.units_removed == 1) & (students.method == "plain")]
    dense, random = single.prune_method == "zero_density", single.prune_method == "random"
    gap = paired_difference(single, "test_accuracy", random, dense)
    names = " and ".join(sorted(single[dense].removed.unique()))
    return Claim(
        STUDY,
        "some layers weigh more than others when removed",
        "observed",
        f"without {', '.join(single[random].removed)} (drawn at random) − without {names} (of highest zero density): "
        f"{points(gap)}",
        verdict(gap),
    )


def _best_lambda(rows: pd.DataFrame) -> Claim:
    by_lambda = {value: members.test_accuracy for value, members in rows.groupby("lambda")}
    best = max(by_lambda, key=lambda value: by_lambda[value].mean())
    against_plain = paired_difference(rows, "test_accuracy", rows["lambda"] > 0, rows["lambda"] == 0)
    return Claim(
        STUDY,
        "the λ-sweep that the paper leaves as future work",
        "",
        f"best mean: λ = {best:g} with {percent(mean_interval(by_lambda[best]))}; all λ > 0 − λ = 0 "
        f"{points(against_plain)}",
        answer(against_plain),
    )


def _teacher(rows: pd.DataFrame) -> float:
    return rows[rows.method == "teacher"].test_accuracy.mean()
