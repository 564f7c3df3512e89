"""Tables, figures and verdicts of study 4: dense features, ensembles and teaching assistants."""

import matplotlib.figure
import pandas as pd

from kdsuite.report.claims import Claim, answer, difference, percent, points, published, verdict
from kdsuite.report.figures import COLOURS, intervals, log_axis, panel, two_columns
from kdsuite.report.intervals import Interval, in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows

STUDY = "4 assistants, CIFAR-10"
FEATURES = 512
PAPER = {
    "hierarchical": "1 hierarchical",
    "direct": "2 direct from teacher",
    "through S1": "3 through S1 as the one assistant",
}


def assistants(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Accuracy by regime and number of students; feature error down the ladder."""
    rows = study.rows[study.rows.method != "features"]
    table = summarise(rows, ["method", "regime", "members", "student"], ["test_accuracy", "trainable_params"])
    table = table.drop(columns="trainable_params ±").astype({"trainable_params": int})
    return in_percent(table), {
        "assistants-accuracy": accuracy_figure(study.rows),
        "assistants-errors": error_figure(study.rows),
    }


def belongs(rows: pd.DataFrame, regime: str, count: pd.Series) -> pd.Series:
    """Mask of a regime's rows.

    Args:
        rows: of students or ensembles.
        regime: of the paper. S1 belongs to each; two hierarchical students learn through S1 too.
        count: number of students of each row.
    """
    s1 = (count == 1) & (rows.regime == "direct")
    through_s1 = (count == 2) & (rows.regime == "hierarchical") & (regime == "through S1")
    return ((count > 1) & (rows.regime == regime)) | s1 | through_s1


def ensembles(rows: pd.DataFrame, regime: str) -> pd.DataFrame:
    """Fine-tuned ensembles of a regime."""
    found = rows[rows.method == "ensemble"]
    return found[belongs(found, regime, found.members)]


def regimes(rows: pd.DataFrame) -> list[str]:
    """The regimes of the paper that have rows of their own."""
    return [regime for regime in PAPER if ((rows.regime == regime) & (rows.method == "ensemble")).any()]


def tables(rows: pd.DataFrame) -> pd.DataFrame:
    """The paper's three tables of accuracies beside ours."""
    teacher = mean_interval(rows[rows.method == "teacher"].test_accuracy)
    paper = f"{_published('teacher', PAPER['hierarchical']):.2f}%"
    lines = [{"regime": "", "network": "teacher", "paper": paper, "ours": percent(teacher)}]
    for regime in regimes(rows):
        for members, own in ensembles(rows, regime).groupby("members"):
            name = "student S1" if members == 1 else f"ensemble of {members:g} students"
            ours = mean_interval(own.test_accuracy)
            lines.append(
                {
                    "regime": regime,
                    "network": name,
                    "paper": f"{_accuracy(int(members), regime):.2f}%",
                    "ours": percent(ours),
                }
            )
    return pd.DataFrame(lines)


def training_losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Training loss and error on test features of every student, mean over seeds."""
    students = rows[rows.method == "features"]
    return summarise(
        students, ["regime", "features", "first_feature"], ["training_loss", "feature_error", "teacher_feature_error"]
    )


def accuracy_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Accuracy against number of students by regime, ours and published, each on its own scale."""
    figure, (ours, paper) = two_columns(2)
    for colour, regime in zip(COLOURS, regimes(rows), strict=False):
        own = ensembles(rows, regime)
        intervals(ours, own, ["members"], "members", color=colour, label=regime)
        counts = sorted(own.members.unique())
        accuracies = [_accuracy(int(count), regime) for count in counts]
        paper.plot(counts, accuracies, marker="x", linestyle=":", color=colour, label=regime)
    teacher = 100 * rows[rows.method == "teacher"].test_accuracy.mean()
    for axes, accuracy, title in (
        (ours, teacher, "ours, mean and 95% interval"),
        (paper, _published("teacher", PAPER["hierarchical"]), "published"),
    ):
        axes.axhline(accuracy, linestyle="--", color="grey", label="teacher")
        axes.set(xlabel="students in the ensemble", ylabel="test accuracy (%)", title=title, xticks=[1, 2, 4, 8])
        axes.grid(alpha=0.3)
    paper.legend(fontsize="small")
    return figure


def error_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Error against the teacher's own features, by number of students: how errors run down the hierarchy."""
    figure, axes = panel(
        xlabel="students that share the vector",
        ylabel="mean squared error to the teacher's features (test)",
        title="Mean and 95% interval",
    )
    students = feature_students(rows)
    students = students[students.teacher_feature_error.notna()].assign(count=FEATURES / students.features)
    for colour, regime in zip(COLOURS, PAPER, strict=False):
        own = students[belongs(students, regime, students["count"])]
        by_seed = own.groupby(["count", "seed"]).teacher_feature_error.mean()
        found = by_seed.groupby("count").apply(mean_interval)
        means, half_widths = ([getattr(one, name) for one in found] for name in ("mean", "half_width"))
        axes.errorbar(found.index, means, yerr=half_widths, marker="o", capsize=3, color=colour, label=regime)
    log_axis(axes, [1, 2, 4, 8], base=2)
    axes.legend()
    return figure


def claims(study: StudyRows) -> list[Claim]:
    """The study's conclusions, and its future work, each with our interval over seeds."""
    rows = study.rows
    found = [*ensemble_claims(rows), avalanche_claim(rows)]
    return [*found, residual_claim(rows), *future_claims(rows)] if (rows.regime == "residual").any() else found


def ensemble_claims(rows: pd.DataFrame) -> list[Claim]:
    """Directly taught ensembles against their teacher and against assistants; what assistants cost."""
    found = []
    teacher = rows[rows.method == "teacher"].test_accuracy.item()
    for count in (2, 4, 8):
        own = rows[(rows.method == "ensemble") & (rows.regime == "direct") & (rows.members == count)]
        ahead = mean_interval(own.test_accuracy - teacher)
        paper = _accuracy(count, "direct") - _published("teacher", PAPER["hierarchical"])
        found.append(_claim(f"{count} students taught directly beat the teacher", paper, ahead))
    for count in (2, 4, 8):
        for regime in ("hierarchical", "through S1"):
            ahead = _between(rows, ("direct", count), (regime, count))
            paper = _accuracy(count, "direct") - _accuracy(count, regime)
            found.append(_claim(f"{count} students taught directly beat {count} taught {regime}", paper, ahead))
    for name, better, worse in (
        ("accuracy falls down the hierarchy: 2 students − 8", ("hierarchical", 2), ("hierarchical", 8)),
        ("8 students taught through S1 beat 8 taught hierarchically", ("through S1", 8), ("hierarchical", 8)),
    ):
        paper = _accuracy(better[1], better[0]) - _accuracy(worse[1], worse[0])
        found.append(_claim(name, paper, _between(rows, better, worse)))
    return found


def avalanche_claim(rows: pd.DataFrame) -> Claim:
    """Whether errors add up down the hierarchy: the error avalanche of Son et al. 2021."""
    students = feature_students(rows)
    eight = students[students.features == FEATURES / 8]
    more = paired_difference(eight, "teacher_feature_error", eight.regime == "hierarchical", eight.regime == "direct")
    claim = "features of 8 hierarchical students are further from the teacher's than 8 direct ones'"
    return Claim(STUDY, claim, "implied", _thousandths(more), answer(more))


def residual_claim(rows: pd.DataFrame) -> Claim:
    """Whether an assistant learns what its student leaves (Gao et al. 2020)."""
    students = feature_students(rows)
    pair = students[students.regime == "residual"]
    assistant = pair.student.str.endswith("assistant")
    less = paired_difference(pair, "feature_error", ~assistant, assistant)
    claim = "residual assistant lowers its student's feature error"
    return Claim(STUDY, claim, "future work", _thousandths(less), answer(less))


def feature_students(rows: pd.DataFrame) -> pd.DataFrame:
    """Students of features, each with the seed of its ensemble; the members' own are a hundred apart."""
    students = rows[rows.method == "features"]
    return students.assign(seed=students.seed % 100)


def future_claims(rows: pd.DataFrame) -> list[Claim]:
    """The smallest network, taught through assistants, densely guided, or by nobody."""
    small = rows[rows.student == "of_8_logits"]
    return [
        Claim(STUDY, f"smallest network: {better} beats {worse}", "future work", points(ahead), answer(ahead))
        for better, worse in (
            ("from the teacher", "alone"),
            ("through assistants", "from the teacher"),
            ("densely guided", "through assistants"),
        )
        for ahead in [paired_difference(small, "test_accuracy", small.regime == better, small.regime == worse)]
    ]


def _thousandths(error: Interval) -> str:
    return difference(error.scaled(1000), "thousandths", 2)


def _claim(claim: str, paper: float, ours: Interval) -> Claim:
    return Claim(STUDY, claim, f"{paper:+.2f} points", points(ours), verdict(ours))


def _between(rows: pd.DataFrame, better: tuple[str, int], worse: tuple[str, int]) -> Interval:
    """Test accuracy of one kind of ensemble less another's; a kind is (regime, number of students)."""
    own = rows[rows.method == "ensemble"]
    masks = [belongs(own, regime, own.members) & (own.members == count) for regime, count in (better, worse)]
    return paired_difference(own, "test_accuracy", *masks)


def _accuracy(count: int, regime: str) -> float:
    if count == 1:
        return _published("student S1", PAPER["hierarchical"])
    return _published(f"ensemble of {count} students", PAPER[regime])


def _published(setting: str, table: str) -> float:
    return published("4", setting, "test accuracy", table=table)
