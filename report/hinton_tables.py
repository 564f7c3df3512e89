"""Study 2's tables and verdicts: Hinton 2015, its reproduction, and ours under the protocol of either."""

from dataclasses import dataclass

import pandas as pd

from kdsuite.report.claims import UNDECIDED, Claim, alike, answer, difference, estimate, published, verdict
from kdsuite.report.hinton import unchanged
from kdsuite.report.intervals import Interval, mean_interval, paired_difference
from kdsuite.report.rows import StudyRows

STUDY = "2 Hinton, MNIST"


@dataclass(frozen=True)
class Line:
    """A figure of a table of the papers, and where ours comes from.

    Attributes:
        table: 1, 2 or 3 of the reproduction.
        name: in words.
        study: which of our studies measures it: "table 1", "transfer" or "temperature".
        where: values that its rows have, by column.
        column: of the measured errors.
        hinton, reproduction: setting and metric in published.csv, or None.
        unit: "errors", "errors of 1,010", or "%" of the test images.
    """

    table: int
    name: str
    study: str
    where: dict[str, object]
    column: str = "test_errors"
    hinton: tuple[str, str] | None = None
    reproduction: tuple[str, str] | None = None
    unit: str = "errors"

    def published(self, protocol: str) -> float | None:
        """What the paper of that protocol found."""
        source = self.hinton if protocol == "original" else self.reproduction
        return published("2", *source) if source else None

    def ours(self, studies: dict[str, pd.DataFrame], protocol: str) -> Interval | None:
        """What we found under a protocol, or None if it has no rows."""
        rows = unchanged(studies[self.study])
        rows = rows[rows.protocol == protocol]
        for column, value in self.where.items():
            rows = rows[rows[column] == value]
        if rows.empty:
            return None
        return mean_interval(100 * rows[self.column] / rows.test_size if self.unit == "%" else rows[self.column])

    def shown_published(self, protocol: str) -> str:
        paper = self.published(protocol)
        return "" if paper is None else f"{paper:g}{'%' if self.unit == '%' else ''}"

    def shown(self, interval: Interval) -> str:
        return estimate(interval, self.unit, 2 if self.unit == "%" else 1)


WITHOUT_3, ONLY_7_8 = {"transfer_set": "0 1 2 4 5 6 7 8 9"}, {"transfer_set": "7 8"}
RAISED = "transfer set without 3 bias of 3 raised by 3.5"
LOWERED = "transfer set with only 7 and 8 biases of 7 and 8 reduced by 7.6"
RESET = "student 800-800 transfer set without 3 all output biases set to 3.5"
ERRORS, THREES, RATE = "test errors", "wrong threes", "test error"


def _without_3(name: str, suffix: str, hinton: str | None, reproduction: str | None = None) -> list[Line]:
    """Errors and wrong threes of students that never saw a 3, with the biases that a suffix of the columns names."""
    return [
        Line(
            3,
            f"{what}transfer set without 3{name}",
            "transfer",
            WITHOUT_3,
            f"{kind}_errors{suffix}",
            hinton and (hinton, metric),
            reproduction and (reproduction, metric),
            unit,
        )
        for what, kind, metric, unit in (
            ("", "test", ERRORS, "errors"),
            ("wrong threes, ", "omitted", THREES, "errors of 1,010"),
        )
    ]


LINES = (
    Line(
        1,
        "teacher 1200–1200",
        "table 1",
        {"method": "teacher"},
        hinton=("teacher 1200-1200 dropout and jitter", ERRORS),
        reproduction=("teacher 1200-1200", ERRORS),
    ),
    Line(
        1,
        "student 800–800 alone",
        "table 1",
        {"method": "plain"},
        hinton=("student 800-800 no regularisation", ERRORS),
        reproduction=("student 800-800 without distillation", ERRORS),
    ),
    Line(
        1,
        "student 800–800 distilled",
        "table 1",
        {"method": "kd"},
        hinton=("student 800-800 distilled T=20", ERRORS),
        reproduction=("student 800-800 distilled T=20 hard weight 0.3", ERRORS),
    ),
    *(
        Line(
            2,
            f"student {units}–{units} distilled at T = {temperature:g}",
            "temperature",
            {"student": f"mlp_{units}_{units}", "temperature": temperature},
            reproduction=(f"student {units}-{units} distilled T={temperature:g}", ERRORS),
        )
        for units, temperature in ((300, 8.0), (30, 20.0), (30, 2.5))
    ),
    *_without_3("", "", "transfer set without 3"),
    *_without_3(", bias of 3 chosen on validation", "_bias_by_validation", RAISED),
    *_without_3(", bias of 3 chosen on test as in the paper", "_bias_by_test", RAISED),
    *_without_3(", all biases set to 3.5", "_biases_3.5", None, RESET),
    Line(
        3, "transfer set of 7s and 8s", "transfer", ONLY_7_8, hinton=("transfer set with only 7 and 8", RATE), unit="%"
    ),
    *(
        Line(
            3,
            f"transfer set of 7s and 8s, their biases chosen on {where}",
            "transfer",
            ONLY_7_8,
            f"test_errors_bias_by_{split}",
            hinton=(LOWERED, RATE),
            unit="%",
        )
        for split, where in (("validation", "validation"), ("test", "test as in the paper"))
    ),
)


def _studies(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> dict[str, pd.DataFrame]:
    return {"table 1": table_1.rows, "transfer": transfer.rows, "temperature": temperature.rows}


def tables(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> pd.DataFrame:
    """Tables 1 to 3: Hinton 2015, its reproduction, and ours under both protocols, mean ± 95% interval over seeds."""
    studies = _studies(table_1, transfer, temperature)
    lines = []
    for line in LINES:
        described = {"table": line.table, "network": line.name}
        for protocol, paper in (("original", "Hinton 2015"), ("reproduction", "its reproduction")):
            ours = line.ours(studies, protocol)
            described[paper] = line.shown_published(protocol)
            described[f"ours, {protocol}"] = "" if ours is None else line.shown(ours)
        lines.append(described)
    return pd.DataFrame(lines)


def claims(table_1: StudyRows, transfer: StudyRows, temperature: StudyRows) -> list[Claim]:
    """The figures of Hinton's paper and of its reproduction with ours, mean and 95% interval over seeds."""
    studies = _studies(table_1, transfer, temperature)
    original, reproduction = ([_claim(line, studies, name) for line in LINES] for name in ("original", "reproduction"))
    return [
        *filter(None, original),
        *_temperature_claims(temperature.rows[temperature.rows.protocol == "original"]),
        *_ablation_claims("distilled student", table_1.rows),
        *_ablation_claims("transfer set without 3", transfer.rows),
        *filter(None, reproduction),
    ]


def _claim(line: Line, studies: dict[str, pd.DataFrame], protocol: str) -> Claim | None:
    paper, ours = line.published(protocol), line.ours(studies, protocol)
    if paper is None or ours is None:
        return None
    name = line.name if protocol == "original" else f"reproduction: {line.name}"
    return Claim(STUDY, name, line.shown_published(protocol), line.shown(ours), _fewer(paper, ours))


def _ablation_claims(network: str, rows: pd.DataFrame) -> list[Claim]:
    """What each change of the protocol costs, one at a time, paired by seed."""
    found = []
    for variant in rows.variant.dropna().unique():
        changed = rows[rows.variant == variant].iloc[0]
        peers = rows[(rows.protocol == changed.protocol) & (rows.method == "kd")]
        if isinstance(changed.transfer_set, str):
            peers = peers[peers.transfer_set == changed.transfer_set]
        pairs = peers[peers.seed.isin(peers.seed[peers.variant == variant])]
        more = paired_difference(pairs, "test_errors", pairs.variant == variant, pairs.variant.isna())
        found.append(
            Claim(STUDY, f"{network}: {variant} costs errors", "", difference(more, "errors", 1), answer(more))
        )
    return found


def _fewer(paper: float, ours: Interval) -> str:
    found = answer(Interval(*(value - paper for value in ours)))
    words = {
        "yes": "worse than published",
        "no": "better than published",
        UNDECIDED: "as published: the interval holds it",
    }
    return words.get(found, found)


def _temperature_claims(rows: pd.DataFrame) -> list[Claim]:
    students = rows[rows.method != "teacher"]
    small = students[students.student == "mlp_30_30"]
    narrow = []
    for other in (small.temperature.max(), small.temperature.min()):
        more = paired_difference(small, "test_errors", small.temperature == other, small.temperature.between(2.5, 4))
        narrow.append(
            Claim(
                STUDY,
                f"30 units: T from 2.5 to 4 is better than {other:g}",
                "observed",
                f"T = {other:g} makes {difference(more, 'errors', 1)}",
                verdict(more),
            )
        )
    large = students[students.student.isin(["mlp_300_300", "mlp_800_800"]) & (students.temperature >= 8)]
    spread = paired_difference(
        large, "test_errors", large.temperature == large.temperature.max(), large.temperature == large.temperature.min()
    )
    return [
        *narrow,
        Claim(
            STUDY,
            "300 units and more: temperatures of 8 and above do alike",
            "observed",
            f"T = 20 against 8: {difference(spread, 'errors', 1)}",
            alike(spread),
        ),
    ]
