"""Raising or lowering output biases of a student that never saw some classes (Hinton 2015 §3)."""

from dataclasses import dataclass

import numpy as np

BIASES = np.round(np.arange(-12, 12.01, 0.1), 1)


@dataclass(frozen=True)
class Mistakes:
    """Errors on a split by bias.

    Attributes:
        biases: float (k,), what is added to the outputs of some classes.
        errors: int (k,), images taken for another class.
        omitted_errors: int (k,), those among them of classes that the transfer set lacks.
    """

    biases: np.ndarray
    errors: np.ndarray
    omitted_errors: np.ndarray

    def at(self, bias: float) -> tuple[int, int]:
        """(errors, omitted errors) with this bias."""
        place = int(np.argmin(np.abs(self.biases - bias)))
        return int(self.errors[place]), int(self.omitted_errors[place])

    def best(self) -> float:
        """The bias of fewest errors; of several the one in the middle."""
        places = np.flatnonzero(self.errors == self.errors.min())
        return float(self.biases[places[len(places) // 2]])


def mistakes(logits: np.ndarray, labels: np.ndarray, transfer_set: tuple[int, ...]) -> Mistakes:
    """Errors for each of `BIASES`, added to the classes that the paper changes.

    With few classes in the transfer set (7 and 8) those are its own, otherwise (all but 3) the omitted ones: the
    smaller group.

    Args:
        logits: float (n, classes).
        labels: int (n,).
        transfer_set: the classes the student saw.
    """
    classes = logits.shape[1]
    omitted = [label for label in range(classes) if label not in transfer_set]
    changed = omitted if len(omitted) <= len(transfer_set) else list(transfer_set)
    is_omitted = np.isin(labels, omitted)
    wrong = []
    for bias in BIASES:
        raised = logits.copy()
        raised[:, changed] += bias
        wrong.append(raised.argmax(-1) != labels)
    wrong = np.array(wrong)
    return Mistakes(BIASES, wrong.sum(-1), (wrong & is_omitted).sum(-1))


def set_to(logits: np.ndarray, own_biases: np.ndarray, value: float) -> np.ndarray:
    """The logits with all output biases set to one value, as the reproduction does."""
    return logits - own_biases + value
