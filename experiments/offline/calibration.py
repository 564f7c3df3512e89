"""Whether a network is as often right as it is sure (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LOWEST, HIGHEST = 0.05, 20.0


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


def scaling_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T of softmax(z / T) under which labels are most likely (Guo et al. 2017, §4.2).

    Args:
        logits: float (n, classes), of images that are neither trained nor tested on.
        labels: int (n,).

    Returns:
        T from `LOWEST` to `HIGHEST`.
    """
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(np.mean(log_softmax(logits / np.exp(log_temperature), axis=-1)[rows, labels]))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def calibration_columns(
    validation: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Columns of the expected calibration error on test images, as trained and after temperature scaling.

    Args:
        validation: logits and labels by which the temperature is chosen.
        test: logits and labels on which the errors are measured.
    """
    temperature = scaling_temperature(*validation)
    logits, labels = test
    return {
        "calibration_error": calibration_error(reliability(logits, labels)),
        "scaling_temperature": temperature,
        "calibration_error_scaled": calibration_error(reliability(logits / temperature, labels)),
    }
