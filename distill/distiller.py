"""The Distiller: a Keras model around a student whose `train_step` also listens to a frozen teacher."""

import keras
import tensorflow as tf

from distill.errors import DistillationError
from distill.losses import WeightedLoss, soften
from distill.teacher import softened_names


@keras.saving.register_keras_serializable(package="distill")
class Distiller(keras.Model):
    """Trains `student` on labels and on a teacher's soft targets.

        loss = (1 − λ) · CE(y, softmax(z_s))  +  λ · T² · KL(softmax(z_t / T) ‖ softmax(z_s / T))  +  regularisers

    (Hinton 2015 §2; with T = 1 the weighting of CS230 §4.) λ = 0 is plain training, bit for bit; λ = 1 never sees a
    label. The teacher's logits come from a live `teacher`, run once a step in inference mode, or from the batch:
    targets of the form {"labels": (b,), "teacher": {"logits": (b, classes)}}, as `Split.batches(teacher=...)` draws
    them; `TeacherOutputs.softened` saves softening them in each step. The batch's win over the live teacher's.

    The teacher is never trained, tracked or saved with the Distiller, and stays as the caller left it. After loading a
    saved Distiller, call `set_teacher` to go on with a live teacher.

    Args:
        student: model that ends in logits (b, classes).
        teacher: model that ends in logits (b, classes), or None when batches carry its outputs.
        lambda_: λ in [0, 1], weight of the teacher's term.
        temperature: T > 0.

    Raises:
        DistillationError: λ or T out of range, a model that ends in softmax, or different numbers of outputs.
    """

    def __init__(self, student, teacher=None, *, lambda_: float = 0.5, temperature: float = 4.0, name="distiller"):
        super().__init__(name=name)
        check_lambda(lambda_)
        check_temperature(temperature)
        _check_logits("student", student)
        self.student = student
        self.lambda_ = float(lambda_)
        self.temperature = float(temperature)
        self.set_teacher(teacher)
        if student.built:
            self.build(student.input_shape)

    @property
    def teacher(self):
        """The live teacher, or None."""
        return self._hidden_teacher[0]

    def set_teacher(self, teacher) -> None:
        """Gives the Distiller another live teacher; None leaves it to the batches.

        Raises:
            DistillationError: the teacher ends in softmax, is the student, or has another number of outputs.
        """
        if teacher is not None:
            _check_logits("teacher", teacher)
            if teacher is self.student:
                raise DistillationError(f"teacher and student are the same model {teacher.name!r}: clone one of them")
            check_same_outputs(teacher.output_shape, self.student.output_shape)
        # Keras tracks every layer assigned to an attribute; the teacher's weights and losses are not the Distiller's.
        object.__setattr__(self, "_hidden_teacher", (teacher,))
        # A compiled training step has the former teacher built in.
        self.train_function = None

    def build(self, input_shape):
        if not self.student.built:
            self.student.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)

    def compile(self, optimizer="rmsprop", *, loss=None, jit_compile=False, **kwargs):
        """As `keras.Model.compile`, with two other defaults.

        Args:
            optimizer: of the student.
            loss: of the student's logits against the labels, from logits; sparse categorical cross-entropy by default.
            jit_compile: off by default, XLA slows convolutions on CPUs.
            **kwargs: passed on: `metrics`, `steps_per_execution`, …

        Raises:
            DistillationError: the loss expects probabilities.
        """
        loss = keras.losses.get(loss) or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if not isinstance(loss, keras.losses.Loss) or loss.get_config().get("from_logits") is False:
            raise DistillationError(f"loss {loss!r}: expected a keras.losses.Loss instance with from_logits=True")
        self._training_loss = WeightedLoss(loss, self.lambda_, self.temperature) if self.lambda_ else loss
        super().compile(optimizer, loss=loss, jit_compile=jit_compile, **kwargs)
        self._compile_arguments = {"optimizer": self.optimizer, "loss": loss, "jit_compile": jit_compile, **kwargs}

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        labels, softened = self._split_targets(x, y)
        with tf.GradientTape() as tape:
            student_logits = self.student(x, training=True)
            loss = self._distillation_loss(labels, softened, student_logits, sample_weight)
            scaled_loss = self.optimizer.scale_loss(loss)
        weights = self.student.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(scaled_loss, weights), weights, strict=True))
        replicas = self.distribute_strategy.num_replicas_in_sync
        whole_loss = loss * replicas if replicas > 1 else loss
        self._loss_tracker.update_state(whole_loss, sample_weight=tf.shape(student_logits)[0])
        return self.compute_metrics(x, labels, student_logits, sample_weight=sample_weight)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        labels = y["labels"] if isinstance(y, dict) else y
        return super().test_step((x, labels, sample_weight))

    def _distillation_loss(self, labels, softened, student_logits, sample_weight):
        targets = {"labels": labels, "teacher": softened} if self.lambda_ else labels
        loss = self._training_loss(targets, student_logits, sample_weight)
        for regulariser in self.losses:
            loss += self._aggregate_additional_loss(regulariser)
        return loss

    def _split_targets(self, x, y):
        """Labels, and the teacher's softened outputs (None where λ = 0 has no use for them)."""
        labels, cached = (y["labels"], y.get("teacher")) if isinstance(y, dict) else (y, None)
        if self.lambda_ == 0:
            return labels, None
        if cached is not None:
            softened = _cached_softened(cached, self.temperature)
            check_same_outputs(softened[0].shape, self.student.output_shape)
            return labels, softened
        if self.teacher is None:
            raise DistillationError(
                f"lambda is {self.lambda_} but there is no teacher: give the Distiller one, or batches with its outputs"
            )
        return labels, soften(tf.stop_gradient(self.teacher(x, training=False)), self.temperature)

    def get_config(self):
        return {
            "student": keras.saving.serialize_keras_object(self.student),
            "lambda_": self.lambda_,
            "temperature": self.temperature,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "student": keras.saving.deserialize_keras_object(config["student"])})

    def get_compile_config(self):
        return keras.saving.serialize_keras_object(self._compile_arguments)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


def check_lambda(lambda_: float) -> None:
    """Raises DistillationError unless 0 ≤ λ ≤ 1."""
    if not 0 <= lambda_ <= 1:
        raise DistillationError(f"lambda {lambda_}: expected a number from 0 (labels only) to 1 (teacher only)")


def check_temperature(temperature: float) -> None:
    """Raises DistillationError unless T > 0."""
    if not 0 < temperature < float("inf"):
        raise DistillationError(f"temperature {temperature}: expected a finite number above 0")


def check_same_outputs(teacher_shape, student_shape) -> None:
    """Raises DistillationError unless both shapes have the same number of classes."""
    if teacher_shape[-1] != student_shape[-1]:
        raise DistillationError(
            f"the teacher has {teacher_shape[-1]} outputs and the student {student_shape[-1]}: "
            "expected as many, one logit a class"
        )


def _cached_softened(cached: dict, temperature: float):
    names = softened_names(temperature)
    if names[0] in cached:
        return tuple(cached[name] for name in names)
    if "logits" not in cached:
        raise DistillationError(
            f"the batch has {', '.join(cached)}: expected logits or soft targets at T = {temperature:g}"
        )
    return soften(cached["logits"], temperature)


def _check_logits(role: str, model: keras.Model) -> None:
    last = model.layers[-1] if getattr(model, "layers", None) else None
    if isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax:
        raise DistillationError(
            f"the {role} {model.name!r} ends in softmax ({last.name!r}): expected logits, build it with activation=None"
        )
