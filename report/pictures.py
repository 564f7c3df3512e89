"""Pictures of images and what networks see in them."""

import matplotlib.figure
import numpy as np

from kdsuite.report.figures import COLOURS


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
