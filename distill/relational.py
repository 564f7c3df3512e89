"""Relational knowledge distillation, RKD (Park et al. 2019)."""

from dataclasses import dataclass

import keras
from keras import ops

from kdsuite.distill.losses import SoftLoss


@keras.saving.register_keras_serializable(package="distill")
@dataclass(frozen=True)
class RKD(SoftLoss):
    """δ · distances + α · angles: relations between the examples of a batch (Park et al. 2019).

    `distances` is the Huber loss between the distances of all pairs of examples, each over the mean distance (§3.2.1);
    `angles` is that between the cosines of the angles that all triples form (§3.2.2). Both are means over ordered pairs
    and triples of different examples. Works on logits as on features, of any two widths; the temperature has no part in
    it. Memory grows with b³.

    Attributes:
        distance: weight δ ≥ 0.
        angle: weight α ≥ 0; the paper takes twice that of the distances.
    """

    distance: float = 1.0
    angle: float = 2.0

    def __call__(self, teacher_features, student_features, temperature: float = 1.0):
        """Gives the loss of each example: its distances to the others, and the angles of which it is the vertex.

        Args:
            teacher_features: float (b, ...).
            student_features: float (b, ...).
            temperature: is not used.

        Returns:
            float32 (b,); 0 for a batch too small to have pairs, or triples.
        """
        teacher, student = _Relations(teacher_features), _Relations(student_features)
        pairs = teacher.different
        triples = pairs[:, :, None] * pairs[:, None, :] * pairs[None, :, :]
        distances = _mean(_huber(teacher.distances(), student.distances()), pairs, axis=1)
        angles = _mean(_huber(teacher.cosines(), student.cosines()), triples, axis=(1, 2))
        return self.distance * distances + self.angle * angles


class _Relations:
    """Differences between the examples of a batch; `different` is 1 for pairs of two examples, else 0."""

    def __init__(self, features):
        features = ops.cast(features, "float32")
        features = ops.reshape(features, (ops.shape(features)[0], -1))
        self.different = 1 - ops.eye(ops.shape(features)[0])
        self.differences = features[None, :, :] - features[:, None, :]
        # Kept from 0, where the square root's gradient is infinite.
        self.lengths = ops.sqrt(ops.maximum(ops.sum(ops.square(self.differences), -1), 1e-12))

    def distances(self):
        """(b, b), over the mean distance of different examples."""
        mean = ops.divide_no_nan(ops.sum(self.lengths * self.different), ops.sum(self.different))
        return ops.divide_no_nan(self.lengths * self.different, mean)

    def cosines(self):
        """(b, b, b): [j, i, k] is the cosine of the angle at example j between i and k."""
        directions = self.differences / self.lengths[:, :, None]
        return ops.einsum("jid,jkd->jik", directions, directions)


def _huber(teacher, student):
    difference = ops.abs(teacher - student)
    return ops.where(difference <= 1, 0.5 * ops.square(difference), difference - 0.5)


def _mean(values, mask, axis):
    return ops.divide_no_nan(ops.sum(values * mask, axis), ops.sum(mask, axis))
