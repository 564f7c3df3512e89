"""Losses on labels."""

from keras import ops


def smoothed_cross_entropy(labels, logits, smoothing: float):
    """Cross entropy with targets of 1 − ε on the label plus ε spread over all classes (Szegedy et al. 2016, §7).

    Args:
        labels: integers (n,) or (n, 1).
        logits: float (n, classes).
        smoothing: ε in [0, 1).

    Returns:
        float32 (n,), nats.
    """
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"))
    of_label = ops.take_along_axis(log_probabilities, ops.reshape(ops.cast(labels, "int32"), (-1, 1)), axis=1)[:, 0]
    return -(1 - smoothing) * of_label - smoothing * ops.mean(log_probabilities, axis=-1)
