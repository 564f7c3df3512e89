"""What study 5's students learn from teachers, and how alike to them they become."""

import numpy as np

from experiments.offline.networks import smoothed_to
from experiments.offline.students import SMOOTHING, StudentTrial
from kdsuite import distill
from kdsuite.data import Split


def soft_targets(trial: StudentTrial, responses: list[distill.TeacherOutputs], split: Split) -> distill.TeacherOutputs:
    """The mean of the teachers' soft targets at T, or smoothed labels of the same mean entropy.

    Args:
        trial: a student whose signal is RESPONSES, ENSEMBLE or SMOOTHING.
        responses: of its teachers on the split, under its views.
        split: what the student trains on.
    """
    assert trial.temperature is not None, "a student of soft targets has a temperature"
    mean = distill.mixture([(1 / len(responses), own) for own in responses], trial.temperature)
    if trial.signal != SMOOTHING:
        return mean
    nats = float(np.mean(mean.arrays[distill.softened_names(trial.temperature)[1]]))
    return smoothed_to(split, responses[0].arrays["logits"].shape[-1], nats, trial.temperature)


def likeness(student: np.ndarray, teacher: np.ndarray) -> dict[str, float]:
    """Columns of how alike a student and its teacher answer.

    Args:
        student, teacher: logits on the same images, float32 (n, classes).

    Returns:
        agreement: share of images on which both name one class; divergence: KL(teacher ‖ student) at T = 1, nats.
    """
    return {
        "agreement": float(np.mean(student.argmax(-1) == teacher.argmax(-1))),
        "divergence": float(np.mean(distill.soft_target_loss(teacher, student, 1.0))),
    }
