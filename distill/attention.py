"""Attention transfer (Zagoruyko & Komodakis 2017)."""

from keras import ops


def attention_map(features):
    """Where a layer looks: the sum of squares over channels, by position, of length 1 for each example (§3.1, F²_sum).

    Args:
        features: float (b, ..., channels), of one position at least.

    Returns:
        float32 (b, positions).
    """
    features = ops.cast(features, "float32")
    energy = ops.sum(ops.square(features), -1)
    energy = ops.reshape(energy, (ops.shape(features)[0], -1))
    return energy * ops.rsqrt(ops.maximum(ops.sum(ops.square(energy), -1, keepdims=True), 1e-12))


def attention_loss(teacher_features, student_features):
    """‖Q_s / ‖Q_s‖₂ − Q_t / ‖Q_t‖₂‖₂, the distance of two attention maps (Zagoruyko & Komodakis 2017, Eq. 2, p = 2).

    The number of channels may differ, the positions may not.

    Args:
        teacher_features: float (b, ..., channels).
        student_features: float (b, ..., channels).

    Returns:
        float32 (b,).
    """
    difference = attention_map(student_features) - attention_map(teacher_features)
    # Kept from 0, where the square root's gradient is infinite.
    return ops.sqrt(ops.maximum(ops.sum(ops.square(difference), -1), 1e-12))
