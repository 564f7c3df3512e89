"""A paper's claims, as data: what it says, what is compared, and from which difference on it matters."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from kdsuite.report.comparisons import AsPublished, Level
from kdsuite.report.conditions import OnData, Requirement
from kdsuite.report.errors import ReportError
from kdsuite.report.measures import measure_of, minus, signed
from kdsuite.report.samples import ALIKE, DIFFERENT, HIGHER, PUBLISHED, Comparison

PAPER, OURS = "claimed by the paper", "our question"
MNIST_MATTERS, MATTERS = 0.002, 0.01


@dataclass(frozen=True)
class Matters:
    """The smallest difference that would matter, in the unit of the rows, and why this one."""

    value: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of a paper, written down before the run that judges it.

    Attributes:
        tests: what is tested, in our words and one line; names the claim within its study.
        says: the paper's words; empty for a question of ours.
        where: their place in the paper.
        experiment: whose rows judge it; groups may name others.
        compares: a comparison of `report.comparisons`.
        published: what the paper found, in the unit of the rows: a difference, or None.
        paper: the published finding in words, where it is not a number: "0.4–0.7".
        matters: δ; None takes the default, a third of the published difference, or else 0.2 points on MNIST and 1 point
            elsewhere.
        judged_when: conditions without which the claim is not tested, whatever its interval says.
        kind: PAPER, or OURS for what no paper claims: its verdict answers yes or no.
        given: what the interval takes as fixed, such as "this teacher" where one serves all seeds.
        note: what a reader should know besides.

    Raises:
        ReportError: no δ follows from the default rule, or a claim of the paper lacks its words or their place.
    """

    tests: str
    says: str = ""
    where: str = ""
    experiment: str
    compares: Comparison
    published: float | None = None
    paper: str = ""
    matters: Matters | None = None
    judged_when: tuple[Requirement, ...] = ()
    kind: str = PAPER
    given: str = ""
    note: str = ""

    def __post_init__(self):
        if self.kind not in (PAPER, OURS):
            raise ReportError(f"{self.tests!r}: kind is {self.kind!r}, expected {PAPER!r} or {OURS!r}")
        if self.kind == PAPER and not (self.says and self.where):
            raise ReportError(f"{self.tests!r}: give the paper's words (says) and their place (where), or kind=OURS")
        if self.matters is None and self.needs_matters and self.published is None:
            measure = measure_of(getattr(self.compares, "measure", "test_accuracy"))
            if measure.points_scale is None or hasattr(self.compares, "x"):
                raise ReportError(f"{self.tests!r}: no default δ for {measure.name}: give matters=Matters(…, why=…)")

    @property
    def needs_matters(self) -> bool:
        return self.compares.rule in (HIGHER, ALIKE, DIFFERENT, PUBLISHED)

    def smallest_that_matters(self, rows: pd.DataFrame) -> float:
        """δ in the unit of the rows, for the data set they are of."""
        if self.matters is not None:
            return self.matters.value
        if self.published is not None and self.compares.rule in (HIGHER, ALIKE, DIFFERENT):
            return abs(self.published) / 3
        points = 100 * (MNIST_MATTERS if rows.dataset.iloc[0] == "mnist" else MATTERS)
        points_scale = measure_of(getattr(self.compares, "measure", "test_accuracy")).points_scale
        assert points_scale is not None
        return points / points_scale(rows)

    @property
    def shown_published(self) -> str:
        """The published finding, for a table."""
        if self.paper:
            return self.paper
        compares = self.compares
        if isinstance(compares, AsPublished):
            measure = measure_of(compares.measure)
            return f"{measure.scale * compares.value:.6g}{'%' if measure.unit == '%' else ''}"
        if isinstance(compares, Level):
            bound, sign = (compares.above, ">") if compares.above is not None else (compares.below, "<")
            assert bound is not None
            measure = measure_of(compares.measure)
            unit = measure.unit if measure.unit in ("%", "") else f" {measure.unit}"
            return minus(f"{sign} {measure.scale * bound:g}{unit}")
        if self.published is None:
            return ""
        measure = measure_of(getattr(compares, "measure", "test_accuracy"))
        return f"{signed(measure.scale * self.published, measure.digits)} {measure.difference_unit}"


def on_data(dataset: str, claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims, which are not tested on rows of another data set."""
    return tuple(replace(claim, judged_when=(OnData(dataset), *claim.judged_when)) for claim in claims)
