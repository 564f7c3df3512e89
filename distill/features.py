"""Students that regress a slice of a teacher's feature vector (Malik et al. 2021, §3)."""

import keras

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.signals import split_targets


@keras.saving.register_keras_serializable(package="distill")
class FeatureDistiller(keras.Model):
    """Trains `student` on a teacher's features by mean squared error; labels are not looked at.

    Batches carry {"teacher": {"features": float32 (b, d)}, …}, as `Split.batches(teacher=...)` draws them; d is the
    size of the student's output. `evaluate` gives the same error.

    Args:
        student: model that ends in features (b, d).

    Raises:
        DistillationError: in training, batches without features, or features of another shape than the student's.
    """

    regressors = ()

    def __init__(self, student: keras.Model, name: str = "feature_distiller"):
        super().__init__(name=name)
        self.student = student
        self.built = True

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)

    def compile(self, optimizer="rmsprop", *, loss="mse", jit_compile=False, **kwargs):
        """As `keras.Model.compile`, for the mean squared error and without XLA, which slows convolutions on CPUs."""
        super().compile(optimizer, loss=loss, jit_compile=jit_compile, **kwargs)

    def train_step(self, data):
        return super().train_step(self._with_features(data))

    def test_step(self, data):
        return super().test_step(self._with_features(data))

    def _with_features(self, data) -> tuple:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        _, outputs = split_targets(y)
        if outputs is None or "features" not in outputs:
            held = "no outputs of a teacher" if outputs is None else f"{', '.join(outputs)} of the teacher"
            raise DistillationError(
                f"the batch has {held}: expected 'features', as of Split.batches(teacher=TeacherOutputs(…))"
            )
        features, expected = outputs["features"], tuple(self.student.output_shape[1:])
        given = tuple(features.shape[1:])
        if given != expected:
            raise DistillationError(
                f"the teacher's features are {given} an example and the student's outputs {expected}: expected the same"
            )
        return x, features, sample_weight

    def get_config(self):
        return {"student": keras.saving.serialize_keras_object(self.student), "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {"student": keras.saving.deserialize_keras_object(config["student"])})
