"""Which candidates go on, and which one is the result; on validation figures alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from kdsuite.compress.candidates import Recipe
from kdsuite.compress.costs import ModelCosts, share
from kdsuite.compress.goals import Goal
from kdsuite.models.fast import Precision

STILL_TO_COME = (0.05, 0.015)
"""By rung, how much of its accuracy a candidate may still lack of the goal and go on: more training wins it back."""
AIM = 0.75
"""Share of the largest drop that validation may show: what was chosen there loses a little more elsewhere."""


@dataclass(frozen=True)
class Candidate:
    """A candidate after some training.

    Attributes:
        recipe: how it was cut.
        costs: of the network.
        widths: channels by layer with a kernel.
        removed: names of removed units.
        rung: of successive halving, from 0.
        precision: numbers that its layers computed with in training: "float32" or "bfloat16", whichever was faster.
        steps, seconds: of training in this rung.
        accuracy: on validation, as a fraction.
        divergence: mean KL of the teacher's answers on validation, in nats.
    """

    recipe: Recipe
    costs: ModelCosts
    widths: dict[str, int]
    removed: tuple[str, ...]
    rung: int
    precision: Precision
    steps: int
    seconds: float
    accuracy: float
    divergence: float

    @property
    def merit(self) -> tuple[float, float]:
        """The larger, the better: accuracy, and of equal ones the nearer to the teacher."""
        return self.accuracy, -self.divergence


def survivors(
    candidates: Sequence[Candidate], goal: Goal, teacher: float, whole: ModelCosts, count: int
) -> list[Candidate]:
    """The candidates of one rung that go on to the next, best first.

    With a target all cost the same, and the most accurate go on. With a largest drop alone, it is the smallest of those
    that training may still bring within it, and then those of the smallest drop.

    Args:
        candidates: of one rung.
        goal: of the compression.
        teacher: accuracy of the teacher on validation.
        whole: costs of the teacher.
        count: how many.
    """
    by_merit = sorted(candidates, key=lambda one: one.merit, reverse=True)
    if goal.target is not None or goal.max_drop is None or not candidates:
        return by_merit[:count]
    rung = candidates[0].rung
    allowed = goal.max_drop + (STILL_TO_COME[rung] if rung < len(STILL_TO_COME) else 0)
    hopeful = [one for one in by_merit if teacher - one.accuracy <= allowed]
    hopeful.sort(key=lambda one: share(one.costs, whole, goal))
    return [*hopeful, *(one for one in by_merit if one not in hopeful)][:count]


def best(candidates: Sequence[Candidate], goal: Goal, teacher: float, whole: ModelCosts) -> Candidate:
    """The result: with a target the most accurate, else the smallest within the drop, or the one of smallest drop."""
    if goal.target is None and goal.max_drop is not None:
        for aim in (AIM, 1.0):
            within = [one for one in candidates if teacher - one.accuracy <= aim * goal.max_drop]
            if within:
                return min(within, key=lambda one: (share(one.costs, whole, goal), -one.accuracy, one.divergence))
    return max(candidates, key=lambda one: one.merit)


def pareto(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one beats in both MACs and accuracy, by rising MACs."""
    front: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: (one.costs.macs, -one.accuracy)):
        if not front or one.accuracy > front[-1].accuracy:
            front.append(one)
    return front
