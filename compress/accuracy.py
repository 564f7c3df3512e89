"""Accuracy with its interval, and confusions."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from kdsuite import distill

CONFIDENCE = 0.95
NAME_LENGTH = 12


def wilson(right: int, count: int) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927, eq. of the score interval); 0 to 1 for no trials at all."""
    if not count:
        return 0.0, 1.0
    z = float(special.ndtri((1 + CONFIDENCE) / 2))
    share = right / count
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) was taken for each (column); int64 (classes, classes)."""
    return np.bincount(classes * labels + answers, minlength=classes**2).reshape(classes, classes)


def confusion_text(counts: np.ndarray, class_names: Sequence[str], most: int = 12) -> str:
    """A confusion as a table of plain text: rows are true classes, columns answers."""
    names, counts = list(class_names[:most]), counts[:most, :most]
    longest = max(*map(len, names), *(len(str(number)) for number in counts.ravel()))
    width = min(longest, NAME_LENGTH) + 2
    left = max(len(name) for name in names)
    lines = [" " * left + "".join(f"{name[:NAME_LENGTH]:>{width}}" for name in names)]
    lines += [
        f"{name:<{left}}" + "".join(f"{n:>{width}}" for n in row) for name, row in zip(names, counts, strict=True)
    ]
    if len(class_names) > most:
        lines.append(f"… and {len(class_names) - most} classes more")
    return "\n".join(lines)


def divergence(teacher_logits: np.ndarray, student_logits: np.ndarray) -> float:
    """Mean KL(softmax of the teacher ‖ softmax of the student), in nats."""
    return float(np.mean(distill.soft_target_loss(teacher_logits, student_logits, 1.0)))
