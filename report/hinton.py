"""Tables, figures and verdicts of study 2: Hinton's MNIST experiments and their reproduction."""

import matplotlib.figure
import pandas as pd

from report.claims import Claim, published
from report.figures import COLOURS, panel
from report.intervals import Interval, mean_interval, paired_difference, summarise
from report.rows import StudyRows

STUDY = "2 Hinton, MNIST"
DIGITS = [f"test_accuracy_digit_{digit}" for digit in range(10)]
PAPER = "Hinton 2015 §3"


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
    axes.legend(fontsize="small")
    return figure


def paper_table_1() -> dict[str, float]:
    return {
        "teacher": _hinton("teacher 1200-1200 dropout and jitter"),
        "student alone": _hinton("student 800-800 no regularisation"),
        "student distilled": _hinton("student 800-800 distilled T=20"),
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
    figure = matplotlib.figure.Figure(figsize=(6 * len(sets), 4), layout="constrained")
    for axes, ((protocol, name), members) in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
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
    figure = matplotlib.figure.Figure(figsize=(6 * len(sets), 4), layout="constrained")
    for axes, ((protocol, name), members) in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        for _, curve in members.groupby("seed"):
            axes.plot(curve.bias, 100 * (1 - curve.test_errors / curve.test_size), color=COLOURS[0], alpha=0.5)
        axes.set(xlabel="bias added", ylabel="test accuracy (%)", title=f"{protocol}: saw {name}, a line a seed")
        axes.grid(alpha=0.3)
    return figure


def temperatures(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Table 2: test errors by width and temperature."""
    students = study.rows[study.rows.method != "teacher"]
    table = summarise(students, ["protocol", "student", "temperature"], ["test_errors"])
    figure, axes = panel(xlabel="temperature T", ylabel="test errors of 10,000, mean and 95% interval")
    for colour, (name, line) in zip(COLOURS, table.groupby("student", sort=False), strict=False):
        line = line.sort_values("temperature")
        axes.errorbar(
            line.temperature, line.test_errors, line["test_errors ±"], marker="o", capsize=3, color=colour, label=name
        )
    axes.set_xscale("log")
    ticks = sorted(students.temperature.unique())
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.legend()
    return table, {"hinton-temperature": figure}


def claims(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> list[Claim]:
    """The figures of Hinton's paper and of its reproduction with ours, mean and 95% interval over seeds."""
    return _original_claims(table_1, transfer, temperature) + _reproduction_claims(table_1, transfer, temperature)


def _original_claims(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> list[Claim]:
    rows = table_1.rows[(table_1.rows.protocol == "original") & table_1.rows.variant.isna()]
    sets = unchanged(transfer.rows[transfer.rows.protocol == "original"])
    without_3 = sets[sets.transfer_set.str.count(" ") == 8]
    only_7_8 = sets[sets.transfer_set == "7 8"]
    size = transfer.rows.test_size.iloc[0]
    found = [
        _errors("teacher 1200–1200", _hinton("teacher 1200-1200 dropout and jitter"), rows[rows.method == "teacher"]),
        _errors("student 800–800 alone", _hinton("student 800-800 no regularisation"), rows[rows.method == "plain"]),
        _errors("student 800–800 distilled", _hinton("student 800-800 distilled T=20"), rows[rows.method == "kd"]),
        _errors("transfer set without 3", _hinton("transfer set without 3", "test errors"), without_3),
        _errors(
            "… wrong threes",
            _hinton("transfer set without 3", "wrong threes"),
            without_3,
            "omitted_errors",
            " of 1,010",
        ),
    ]
    raised = "transfer set without 3 bias of 3 raised by 3.5"
    for column, where in (("validation", "validation"), ("test", "test, as in the paper")):
        found += [
            _errors(
                f"… bias of 3 chosen on {where}",
                _hinton(raised, "test errors"),
                without_3,
                f"test_errors_bias_by_{column}",
            ),
            _errors(
                f"… wrong threes, bias chosen on {where}",
                _hinton(raised, "wrong threes"),
                without_3,
                f"omitted_errors_bias_by_{column}",
                " of 1,010",
            ),
        ]
    lowered = "transfer set with only 7 and 8 biases of 7 and 8 reduced by 7.6"
    found += [
        _rate("transfer set of 7s and 8s", _hinton("transfer set with only 7 and 8"), only_7_8.test_errors / size),
        _rate(
            "… biases of 7 and 8 chosen on validation", _hinton(lowered), only_7_8.test_errors_bias_by_validation / size
        ),
        _rate("… chosen on test, as in the paper", _hinton(lowered), only_7_8.test_errors_bias_by_test / size),
    ]
    return found + _temperature_claims(temperature.rows[temperature.rows.protocol == "original"])


def _reproduction_claims(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> list[Claim]:
    rows, sets, students = (
        unchanged(study.rows[study.rows.protocol == "reproduction"]) for study in (table_1, transfer, temperature)
    )
    without_3 = sets[sets.transfer_set.str.count(" ") == 8]
    reset = "student 800-800 transfer set without 3 all output biases set to 3.5"
    found = [
        _errors(f"reproduction: {claim}", _hinton(setting), rows[rows.method == method])
        for claim, method, setting in (
            ("teacher 1200–1200", "teacher", "teacher 1200-1200"),
            ("student 800–800 alone", "plain", "student 800-800 without distillation"),
            ("student 800–800 distilled", "kd", "student 800-800 distilled T=20 hard weight 0.3"),
        )
    ]
    found += [
        _errors(
            "reproduction: transfer set without 3, all biases set to 3.5",
            _hinton(reset, "test errors"),
            without_3,
            "test_errors_biases_3.5",
        ),
        _errors("… wrong threes", _hinton(reset, "wrong threes"), without_3, "omitted_errors_biases_3.5", " of 1,010"),
    ]
    return found + [
        _errors(
            f"reproduction: {units} units, T = {T:g}",
            _hinton(f"student {units}-{units} distilled T={T:g}"),
            students[(students.student == f"mlp_{units}_{units}") & (students.temperature == T)],
        )
        for units, T in ((300, 8), (30, 20), (30, 2.5))
    ]


def _errors(claim: str, paper: float, rows: pd.DataFrame, column: str = "test_errors", of: str = "") -> Claim:
    ours = mean_interval(rows[column])
    shown = f"{ours.mean:.1f} ± {ours.half_width:.1f} errors{of}"
    return Claim(STUDY, claim, f"{paper:g}", shown, _fewer(paper, ours))


def _rate(claim: str, paper: float, errors: pd.Series) -> Claim:
    ours = mean_interval(100 * errors)
    return Claim(STUDY, claim, f"{paper:g}%", f"{ours.mean:.2f} ± {ours.half_width:.2f}%", _fewer(paper, ours))


def _fewer(paper: float, ours: Interval) -> str:
    if ours.high < paper:
        return "better than published"
    return "worse than published" if ours.low > paper else "as published: the interval holds it"


def _temperature_claims(rows: pd.DataFrame) -> list[Claim]:
    students = rows[rows.method != "teacher"]
    small = students[students.student == "mlp_30_30"]
    low, high = small.temperature.between(2.5, 4), small.temperature == small.temperature.max()
    gain = paired_difference(small, "test_errors", high, low)
    large = students[students.student.isin(["mlp_300_300", "mlp_800_800"]) & (students.temperature >= 8)]
    spread = paired_difference(
        large, "test_errors", large.temperature == large.temperature.max(), large.temperature == large.temperature.min()
    )
    return [
        Claim(
            STUDY,
            "30 units: T from 2.5 to 4 is better than 20",
            "observed",
            f"T = 20 makes {gain.mean:+.1f} errors [{gain.low:+.1f}, {gain.high:+.1f}]",
            "reproduced" if gain.low > 0 else "contradicted" if gain.high < 0 else "undecided: the interval holds 0",
        ),
        Claim(
            STUDY,
            "300 units and more: temperatures of 8 and above do alike",
            "observed",
            f"T = 20 against 8: {spread.mean:+.1f} errors [{spread.low:+.1f}, {spread.high:+.1f}]",
            "consistent: the interval holds 0" if spread.low <= 0 <= spread.high else "contradicted",
        ),
    ]


def _hinton(setting: str, metric: str | None = None) -> float:
    return published("2", setting, metric)
