"""Study 1 (CS230) §6, future work: hints, "and the controlling of both their position and number", on Dogs vs. Cats.

    make catdog-hints ARGS="--profile full"        (python -m experiments catdog-hints --profile full)

Where does a hint (Romero et al. 2015) help most? Students lost two units by zero density; they start from the teacher's
weights ("in some ways, pre-loading the weights is some form of hint") or, as the paper proposes, from random ones.
Beside labels and soft targets they match one layer of the teacher: an early one, two in the middle, or the pooled
features. The weight β of a hint is that of best mean validation accuracy, over two seeds and all layers, of students
that start from random weights.

About 1.5 hours on 2 cores with 5 seeds; profile quick takes 6 minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from experiments.cs230.catdog import TUNING_SEEDS, TUNING_THRESHOLD, CatdogStudy
from experiments.cs230.catdog_config import HintsConfig
from experiments.cs230.cuts import LayersTrial
from experiments.engine.choice import mean_validation
from experiments.engine.results import Results
from experiments.engine.trial import Trial
from kdsuite import distill, models

HINT_SEEDS = TUNING_SEEDS[:2]


@dataclass(frozen=True, kw_only=True)
class HintTrial(LayersTrial):
    """A distilled student that matches a layer of its teacher too.

    Attributes:
        hint: name of the layer, in teacher and student; None for a student without a hint.
        hint_weight: β; None without a hint.
    """

    hint: str | None = None
    hint_weight: float | None = None
    test_stale_batch_norm: bool = False

    def columns(self) -> dict[str, Any]:
        return super().columns() | {"hint": self.hint, "hint_weight": self.hint_weight}

    def __str__(self) -> str:
        return f"{super().__str__()} hint {self.hint}"


class Hints(CatdogStudy):
    """Accuracy of distilled students with a hint at several depths, and without one."""

    COLUMNS = (*CatdogStudy.COLUMNS, "hint_weight")
    config: HintsConfig

    def stages(self, results: Results) -> Iterator[list[Trial]]:
        """First chooses the optimiser, then the weight of hints, then trains the grid."""
        while candidates := self.candidates():
            yield candidates
            self.config = self.choose(results.rows_of(candidates))
        yield self.trials()

    def candidates(self) -> list[Trial]:
        if self.config.optimizer is None or self.config.hint_weight is not None:
            return super().candidates()
        return [
            self.student(seed, weights, hint, hint_weight=weight)
            for weight in self.config.hint_weights
            for seed in HINT_SEEDS
            for weights in self.config.weights[-1:]
            for hint in self.config.hints
        ]

    def choose(self, rows: pd.DataFrame) -> Any:
        if self.config.optimizer is None:
            return super().choose(rows)
        best = float(mean_validation(rows, ["hint_weight"]).idxmax())
        print(f"chosen on validation: hint weight {best:g}")
        return replace(self.config, hint_weight=best)

    def trials(self) -> list[Trial]:
        students = [
            self.student(seed, weights, hint, hint_weight=self.config.hint_weight)
            for seed in self.config.seeds
            for weights in self.config.weights
            for hint in (None, *self.config.hints)
        ]
        return [self.teacher(), *students]

    def student(
        self, seed: int, weights: Literal["piped", "random"], hint: str | None, *, hint_weight: float | None
    ) -> HintTrial:
        """A distilled student, with or without a hint."""
        return HintTrial(
            **self.student_settings(seed, self.config.lambda_),
            sweep="hints",
            prune_method="zero_density",
            units_removed=self.config.units_removed,
            threshold=TUNING_THRESHOLD,
            weights=weights,
            hint=hint,
            hint_weight=hint_weight if hint else None,
        )

    @cached_property
    def channels(self) -> dict[str, int]:
        """Name of a layer of the teacher → the last axis of its output."""
        network = models.mobilenet(
            classes=2, alpha=self.config.alpha, image_size=self.config.image_size, imagenet=False
        )
        return {name: network.get_layer(name).output.shape[-1] for name in self.config.hints}

    def hints(self, trial: Trial) -> list[distill.Hint]:
        if not isinstance(trial, HintTrial) or trial.hint is None:
            return []
        assert trial.hint_weight is not None
        return [distill.Hint(trial.hint, trial.hint, self.channels[trial.hint], weight=trial.hint_weight)]
