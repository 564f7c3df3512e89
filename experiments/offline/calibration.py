"""Whether a network is as often right as it is sure (Guo et al. 2017)."""

import numpy as np


def reliability(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> list[dict[str, float]]:
    """Accuracy by confidence: one line for each bin of equal width in [0, 1] that holds predictions.

    Args:
        logits: float (n, classes).
        labels: int (n,).
        bins: how many.

    Returns:
        Lines of bin (its lower end), share (of the predictions), confidence and accuracy (means).
    """
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    confidence, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "bin": number / bins,
            "share": float(np.mean(place == number)),
            "confidence": float(np.mean(confidence[place == number])),
            "accuracy": float(np.mean(right[place == number])),
        }
        for number in np.unique(place)
    ]


def calibration_error(diagram: list[dict[str, float]]) -> float:
    """Expected calibration error: mean |accuracy − confidence| over the bins, by their share."""
    return sum(line["share"] * abs(line["accuracy"] - line["confidence"]) for line in diagram)
