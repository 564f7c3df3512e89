"""What a teacher is asked within its share of the budget: about how many training images, under how many views each."""

from dataclasses import dataclass

from kdsuite import prune
from kdsuite.compress.inputs import Problem
from kdsuite.compress.work import Work
from kdsuite.data.views import Views

TEACHER_SHARE = 0.15
"""Share of the budget that the teacher's outputs on the training images may take."""
FEWEST_VIEWS = 2
TIMED_IMAGES = 256


@dataclass(frozen=True)
class Questions:
    """How much a teacher is asked.

    Attributes:
        images: number of training images.
        views: number of views of each, drawn once; 1 without augmentation.
    """

    images: int
    views: int


def questions(problem: Problem, views: Views | None, work: Work) -> Questions:
    """Times the teacher, the first time that a run asks, and shares out what it can answer."""

    def answers() -> dict:
        sample = min(len(problem.dataset.validation), TIMED_IMAGES)
        seconds = prune.latency([problem.teacher], batch_size=sample, turns=1)[0] / sample
        return {"answers": int(TEACHER_SHARE * 60 * work.minutes / seconds), "images": len(problem.dataset.train)}

    known = work.once("teacher", answers)
    return share_out(known["answers"], known["images"], views.count if views else 1)


def share_out(answers: int, images: int, views: int) -> Questions:
    """All images first, then as many views of each as there are answers for; at least two where views are asked for.

    Args:
        answers: that the teacher has time for.
        images: in the training split.
        views: number of different views of an image.
    """
    drawn = min(views, max(FEWEST_VIEWS, answers // images))
    return Questions(max(1, min(images, answers // drawn)), drawn)
