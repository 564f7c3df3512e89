"""Pictures of images that networks get wrong."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np

from kdsuite.report.figures import COLOURS

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
    figure = matplotlib.figure.Figure(figsize=(2 * COLUMNS, 5.4), layout="constrained")
    for part, (title, wrong, probabilities) in zip(figure.subfigures(2), rows, strict=True):
        candidates = np.flatnonzero(wrong)
        surest = candidates[np.argsort(-probabilities[candidates].max(-1), kind="stable")][:COLUMNS]
        part.suptitle(f"{title}: {len(candidates)} of {len(labels)}")
        line = part.subplots(1, COLUMNS)
        for axes in line:
            axes.axis("off")
        for axes, index in zip(line, surest, strict=False):
            axes.imshow(np.asarray(images[np.array([index])])[0].squeeze())
            taken, sure = probabilities[index].argmax(), probabilities[index].max()
            axes.set_title(
                f"{class_names[labels[index]]} taken for\n{class_names[taken]}, {100 * sure:.0f}% sure", size=8
            )
    return figure


def soft_targets_figure(images, soft_targets: dict[str, np.ndarray], temperature: float) -> matplotlib.figure.Figure:
    """What networks see in a few digits: each image above the soft targets that each network gives it.

    Args:
        images: uint8 (n, height, width, 1).
        soft_targets: name of the network → probabilities (n, classes) at T.
        temperature: T, for the title.
    """
    figure = matplotlib.figure.Figure(figsize=(2.1 * len(images), 1.6 * (1 + len(soft_targets))), layout="constrained")
    grid = figure.subplots(1 + len(soft_targets), len(images), squeeze=False)
    for axes, image in zip(grid[0], images, strict=True):
        axes.imshow(np.asarray(image).squeeze(), cmap="gray_r")
        axes.axis("off")
    for colour, line, (name, probabilities) in zip(COLOURS, grid[1:], soft_targets.items(), strict=False):
        for axes, own in zip(line, probabilities, strict=True):
            axes.bar(range(len(own)), own, color=colour)
            axes.set(ylim=(0, 1), xticks=range(len(own)), yticks=[])
            axes.tick_params(labelsize=6)
        line[0].set_ylabel(name, fontsize=8)
    figure.suptitle(f"Soft targets at T = {temperature:g}")
    return figure
