"""What a teacher is asked within its share of the budget."""

import pytest

from kdsuite import data
from kdsuite.compress import budget, pipeline
from kdsuite.compress.budget import Questions, share_out
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import problem_of
from kdsuite.compress.recovery import Training
from kdsuite.compress.work import Work
from tests.compress.conftest import untrained


@pytest.mark.parametrize(
    ("answers", "images", "views", "expected"),
    [
        (1000, 400, 1, Questions(400, 1)),
        (300, 400, 1, Questions(300, 1)),
        (1000, 400, 2, Questions(400, 2)),
        (600, 400, 2, Questions(300, 2)),
        (1999, 400, 50, Questions(400, 4)),
        (600, 400, 50, Questions(300, 2)),
        (99_999, 400, 50, Questions(400, 50)),
        (0, 400, 50, Questions(1, 2)),
    ],
)
def test_images_come_first_then_views_of_each(answers, images, views, expected):
    assert share_out(answers, images, views) == expected


def test_a_teacher_with_little_time_answers_for_few_views_of_all_images(photos, monkeypatch):
    problem = problem_of(untrained(), "photos")
    images = len(problem.dataset.train)
    monkeypatch.setattr(budget.prune, "latency", lambda *given, **options: [1.0])
    # 3.5 answers an image, if the validation images took a second together.
    minutes = 3.5 * images / min(256, len(problem.dataset.validation)) / (60 * budget.TEACHER_SHARE)
    work = Work(photos / "compressed", {}, minutes)
    setting = pipeline.setting_of(problem, Goal("macs", 0.5), 1.0, data.ShiftFlip(1), Training(), ".cache", work)
    assert setting.train.views.count == 3
    assert setting.train_outputs.arrays["logits"].shape == (images, 3, 2)


def test_a_teacher_without_weight_is_asked_about_no_training_image_and_all_views_are_shown(photos, monkeypatch):
    problem = problem_of(untrained(), "photos")
    asked = []
    monkeypatch.setattr(pipeline.distill, "teacher_outputs", _noting(asked, pipeline.distill.teacher_outputs))
    work = Work(photos / "compressed", {}, minutes=0.001)
    training = Training(lambda_=0.0)
    setting = pipeline.setting_of(problem, Goal("macs", 0.5), 1.0, data.ShiftFlip(1), training, ".cache", work)
    assert asked == [problem.dataset.validation.fingerprint]
    assert (setting.train_outputs, setting.train.views.count) == (None, 18)


def _noting(asked: list, outputs):
    def note(teacher, split, **options):
        asked.append(split.fingerprint)
        return outputs(teacher, split, **options)

    return note
