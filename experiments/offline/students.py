"""Study 5's students, and what they learn from."""

from dataclasses import dataclass, replace
from typing import Any

from experiments.offline.choice import Point
from experiments.offline.config import ResponsesConfig
from experiments.offline.networks import OfflineTrial

LABELS, RESPONSES, ENSEMBLE, SMOOTHING, LIVE = "labels alone", "responses", "ensemble", "label smoothing", "live"
FRESH_LABELS, FRESH_LIVE = "labels alone, fresh views", "live, fresh views"


@dataclass(frozen=True, kw_only=True)
class StudentTrial(OfflineTrial):
    """A small network.

    Attributes:
        signal: what it learns from, one of the words above.
        responses: (teacher's name, fingerprint of its file) of each teacher; none where the teacher itself is at hand.
        other_views: whether students of this signal differ in their number of views, so that it stands apart.
    """

    signal: str
    responses: tuple[tuple[str, str], ...] = ()
    other_views: bool = False

    @property
    def series(self) -> str:
        views = f"{self.view_count} view{'s' * (self.view_count > 1)}"
        return f"{self.signal}, {views}" if self.other_views else self.signal

    @property
    def view_count(self) -> int:
        """In how many views each image is seen: those drawn, or every shift of the image and of its mirror image."""
        if self.shift is None:
            return 1
        return self.views or 2 * (2 * self.shift + 1) ** 2

    def columns(self) -> dict[str, Any]:
        names = " ".join(name for name, _ in self.responses)
        return super().columns() | ({"teacher": names} if names else {}) | {"views": self.view_count}

    def __str__(self) -> str:
        return f"{super().__str__()} {self.series}"


def student_trial(
    config: ResponsesConfig,
    name: str,
    signal: str,
    seed: int,
    point: Point | None,
    *,
    epochs: int,
    views: int | None,
    **fields: Any,
) -> StudentTrial:
    """A student by the recipe of its configuration.

    Args:
        config: gives the recipe.
        name: of its architecture.
        signal: what it learns from.
        seed: of its weights and batches.
        point: T and λ; None of a student on labels alone, which smooths its labels as the recipe says.
        epochs: passes over the transfer set.
        views: of each image, drawn once; None for fresh ones in each epoch.
        fields: of the trial, besides.
    """
    recipe = config.recipe_of(name)
    temperature, lambda_ = point or (None, 0.0)
    return StudentTrial(
        method="kd" if point else "plain",
        network=name,
        seed=seed,
        epochs=epochs,
        lambda_=lambda_,
        temperature=temperature,
        signal=signal,
        views=None if recipe.shift is None else views,
        **vars(replace(recipe, label_smoothing=0.0) if point else recipe),
        **fields,
    )
