"""Pictures of images that networks get wrong."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np

COLUMNS = 6


def mistakes_figure(
    images, labels: np.ndarray, teacher: np.ndarray, student: np.ndarray, class_names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Upper row: what the teacher gets wrong; lower row: what only the student does; the surest mistakes first.

    Args:
        images: uint8 (n, height, width, channels), or what is indexed like it.
        labels: int (n,).
        teacher, student: probabilities (n, classes).
        class_names: by label.
    """
    teacher_wrong, student_wrong = (p.argmax(-1) != labels for p in (teacher, student))
    rows = (
        ("the teacher's mistakes", teacher_wrong, teacher),
        ("the student's alone", student_wrong & ~teacher_wrong, student),
    )
    figure = matplotlib.figure.Figure(figsize=(2 * COLUMNS, 5.2), layout="constrained")
    grid = figure.subplots(2, COLUMNS, squeeze=False)
    for line, (title, wrong, probabilities) in zip(grid, rows, strict=True):
        candidates = np.flatnonzero(wrong)
        surest = candidates[np.argsort(-probabilities[candidates].max(-1), kind="stable")][:COLUMNS]
        for axes in line:
            axes.axis("off")
        for axes, index in zip(line, surest, strict=False):
            axes.imshow(np.asarray(images[np.array([index])])[0].squeeze())
            taken, sure = probabilities[index].argmax(), probabilities[index].max()
            axes.set_title(
                f"{class_names[labels[index]]} taken for\n{class_names[taken]}, {100 * sure:.0f}% sure", size=8
            )
        line[0].text(0, 1.22, f"{title}: {len(candidates)} of {len(labels)}", transform=line[0].transAxes)
    return figure
