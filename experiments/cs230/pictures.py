"""A picture of test images that a teacher and its student get wrong."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure

A_WAY = 4
INCHES = 1.35


def mistakes_figure(
    images, labels: np.ndarray, teacher: np.ndarray, student: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """Upper row: what the teacher gets wrong; lower row: what the student gets wrong where the teacher is right.

    Each row shows the surest mistakes of either direction, the same number of both, and counts both: a student that
    leans to one class would otherwise show mistakes of one direction alone.

    Args:
        images: uint8 (n, height, width, channels), or what is indexed like it.
        labels: int (n,), 0 or 1.
        teacher, student: probabilities (n, 2).
        class_names: by label.
    """
    teacher_wrong, student_wrong = (p.argmax(-1) != labels for p in (teacher, student))
    rows = (
        ("the teacher", teacher_wrong, teacher),
        ("the student, where its teacher is right", student_wrong & ~teacher_wrong, student),
    )
    figure = Figure(figsize=(2 * A_WAY * INCHES, 2 * (INCHES + 0.75)), layout="constrained")
    for part, (who, wrong, probabilities) in zip(figure.subfigures(2, squeeze=False)[:, 0], rows, strict=True):
        counts = [int((wrong & (labels == label)).sum()) for label in (0, 1)]
        part.suptitle(
            f"{who}: {counts[0]} × {class_names[0]} taken for {class_names[1]}, {counts[1]} × {class_names[1]} for "
            f"{class_names[0]}; of {len(labels):,} images it calls {(probabilities.argmax(-1) == 1).mean():.0%} "
            f"{class_names[1]}",
            fontsize=9,
        )
        _draw_row(part, images, labels, wrong, probabilities, class_names)
    return figure


def _draw_row(part: SubFigure, images, labels, wrong, probabilities, class_names) -> None:
    line = part.subplots(1, 2 * A_WAY)
    for axes in line:
        axes.axis("off")
    for label in (0, 1):
        candidates = np.flatnonzero(wrong & (labels == label))
        surest = candidates[np.argsort(-probabilities[candidates].max(-1), kind="stable")][:A_WAY]
        for axes, index in zip(line[label * A_WAY :], surest, strict=False):
            axes.imshow(np.asarray(images[np.array([index])])[0].squeeze())
            right = probabilities[index, label]
            axes.set_title(f"{class_names[label]}, {'< 0.1%' if right < 0.0005 else f'{right:.1%}'}", size=7)
