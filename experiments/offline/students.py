"""Study 5's students, and what they learn from."""

from dataclasses import dataclass
from typing import Any

from experiments.offline.networks import OfflineTrial

LABELS, RESPONSES, ENSEMBLE, SMOOTHING, LIVE = "labels alone", "responses", "ensemble", "label smoothing", "live"
FRESH_LABELS, FRESH_LIVE = "labels alone, fresh views", "live, fresh views"


@dataclass(frozen=True, kw_only=True)
class StudentTrial(OfflineTrial):
    """A small network.

    Attributes:
        signal: what it learns from, one of the words above.
        responses: (teacher's name, fingerprint of its file) of each of its teachers.
        other_views: whether its number of views is not the experiment's, so that it stands apart.
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
        return super().columns() | {"teacher": names or None, "views": self.view_count}

    def __str__(self) -> str:
        return f"{super().__str__()} {self.series}"
