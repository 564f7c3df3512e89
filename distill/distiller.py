"""The Distiller: a Keras model around a student whose `train_step` also listens to a frozen teacher."""

from collections.abc import Sequence
from dataclasses import asdict

import keras
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.hints import Hint, regressors, with_features
from kdsuite.distill.losses import WeightedLoss, check_weights, mix, soften
from kdsuite.distill.teacher import softened_names


@keras.saving.register_keras_serializable(package="distill")
class Distiller(keras.Model):
    """Trains `student` on labels and on a teacher's soft targets.

        loss = (1 − λ) · CE(y, softmax(z_s))  +  λ · T² · KL(softmax(z_t / T) ‖ softmax(z_s / T))
               +  Σ β_k · hint_k  +  regularisers

    (Hinton 2015 §2; with T = 1 the weighting of CS230 §4.) λ = 0 is plain training, bit for bit; λ = 1 never sees a
    label. The teacher's logits come from a live `teacher`, run once a step in inference mode, or from the batch:
    targets of the form {"labels": (b,), "teacher": {"logits": (b, classes)}}, as `Split.batches(teacher=...)` draws
    them; `TeacherOutputs.softened` saves softening them in each step. The batch's win over the live teacher's.

    Several teachers are a weighted list; their divergences are added up with their weights. Hints compare layers of
    student and teacher, whose features come from the live teacher or from `teacher_outputs(..., layers=...)`.

    The teacher is never trained, tracked or saved with the Distiller, and stays as the caller left it. After loading a
    saved Distiller, call `set_teacher` to go on with a live teacher.

    Args:
        student: model that ends in logits (b, classes).
        teacher: model that ends in logits (b, classes), a list of (weight, model) with weights that add up to 1, or
            None when batches carry its outputs.
        hints: of one teacher.
        lambda_: λ in [0, 1], weight of the teacher's term.
        temperature: T > 0.

    Raises:
        DistillationError: λ, T or a weight out of range, a model that ends in softmax, different numbers of outputs,
            or a hint's layer that is not there.
    """

    def __init__(
        self,
        student,
        teacher=None,
        *,
        hints: Sequence[Hint] = (),
        lambda_: float = 0.5,
        temperature: float = 4.0,
        name="distiller",
    ):
        super().__init__(name=name)
        check_lambda(lambda_)
        check_temperature(temperature)
        _check_logits("student", student)
        self.student = student
        self.lambda_ = float(lambda_)
        self.temperature = float(temperature)
        self.hints = tuple(hints)
        self.regressors = regressors(student, self.hints)
        # Its layers are tracked as the student's already.
        observed = with_features(student, [hint.student for hint in hints]) if hints else student
        object.__setattr__(self, "_observed_student", observed)
        self.set_teacher(teacher)
        if student.built:
            self.build(student.input_shape)

    @property
    def teacher(self):
        """The live teacher as it was given, or None."""
        return self._hidden_teacher[0]

    def set_teacher(self, teacher) -> None:
        """Gives the Distiller another live teacher; None leaves it to the batches.

        Raises:
            DistillationError: a teacher ends in softmax, is the student, has another number of outputs or lacks a
                hint's layer; weights do not add up to 1; hints of several teachers.
        """
        weighted = _weighted(teacher)
        for _, model in weighted:
            _check_logits("teacher", model)
            if model is self.student:
                raise DistillationError(f"teacher and student are the same model {model.name!r}: clone one of them")
            check_same_outputs(model.output_shape, self.student.output_shape)
        if self.hints and len(weighted) > 1:
            raise DistillationError(
                "hints of several teachers: expected one teacher, or none and batches that carry them"
            )
        if self.hints:
            names = [hint.teacher for hint in self.hints]
            weighted = [(weight, with_features(model, names)) for weight, model in weighted]
        # Keras tracks every layer assigned to an attribute; the teacher's weights and losses are not the Distiller's.
        object.__setattr__(self, "_hidden_teacher", (teacher, weighted))
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
        self._training_loss = loss
        if self.lambda_ or self.hints:
            self._training_loss = WeightedLoss(
                loss, self.lambda_, self.temperature, [hint.weight for hint in self.hints]
            )
        super().compile(optimizer, loss=loss, jit_compile=jit_compile, **kwargs)
        self._compile_arguments = {"optimizer": self.optimizer, "loss": loss, "jit_compile": jit_compile, **kwargs}

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        labels, targets = self._split_targets(x, y)
        with tf.GradientTape() as tape:
            outputs = self._observed_student(x, training=True)
            student_logits = outputs[0] if self.hints else outputs
            loss = self._distillation_loss(targets, outputs, sample_weight)
            scaled_loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(scaled_loss, weights), weights, strict=True))
        replicas = self.distribute_strategy.num_replicas_in_sync
        whole_loss = loss * replicas if replicas > 1 else loss
        self._loss_tracker.update_state(whole_loss, sample_weight=tf.shape(student_logits)[0])
        return self.compute_metrics(x, labels, student_logits, sample_weight=sample_weight)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        labels = y["labels"] if isinstance(y, dict) else y
        return super().test_step((x, labels, sample_weight))

    def _distillation_loss(self, targets, outputs, sample_weight):
        if self.hints:
            logits, *features = outputs
            outputs = (logits, [regressor(own) for regressor, own in zip(self.regressors, features, strict=True)])
        loss = self._training_loss(targets, outputs, sample_weight)
        for regulariser in self.losses:
            loss += self._aggregate_additional_loss(regulariser)
        return loss

    def _split_targets(self, x, y):
        """Labels, and what the training loss compares with: the labels alone, or a dict with the teacher's outputs."""
        labels, cached = (y["labels"], y.get("teacher")) if isinstance(y, dict) else (y, None)
        if self.lambda_ == 0 and not self.hints:
            return labels, labels
        if cached is not None:
            softened = _cached_softened(cached, self.temperature) if self.lambda_ else None
            features = [_cached_feature(cached, hint.teacher) for hint in self.hints]
        else:
            softened, features = self._ask_teachers(x)
        targets = {"labels": labels}
        if self.lambda_:
            check_same_outputs(softened[0].shape, self.student.output_shape)
            targets["teacher"] = softened
        if self.hints:
            targets["hints"] = features
        return labels, targets

    def _ask_teachers(self, x):
        """Softened outputs and hint features of the live teachers on a batch."""
        teachers = self._hidden_teacher[1]
        if not teachers:
            raise DistillationError(
                f"lambda is {self.lambda_} but there is no teacher: give the Distiller one, or batches with its outputs"
            )
        parts, features = [], []
        for weight, model in teachers:
            outputs = tf.nest.map_structure(tf.stop_gradient, model(x, training=False))
            logits, *features = outputs if self.hints else [outputs]
            parts.append((weight, soften(logits, self.temperature)))
        return mix(parts), features

    def get_config(self):
        return {
            "student": keras.saving.serialize_keras_object(self.student),
            "hints": [asdict(hint) for hint in self.hints],
            "lambda_": self.lambda_,
            "temperature": self.temperature,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        student = keras.saving.deserialize_keras_object(config["student"])
        return cls(**config | {"student": student, "hints": [Hint(**hint) for hint in config["hints"]]})

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


def _cached_feature(cached: dict, name: str):
    if name not in cached:
        raise DistillationError(f"the batch has {', '.join(cached)}: a hint expects {name!r} of the teacher")
    return cached[name]


def _weighted(teacher) -> list[tuple[float, keras.Model]]:
    if teacher is None:
        return []
    if not isinstance(teacher, list | tuple):
        return [(1.0, teacher)]
    check_weights([weight for weight, _ in teacher])
    return list(teacher)


def _check_logits(role: str, model: keras.Model) -> None:
    last = model.layers[-1] if getattr(model, "layers", None) else None
    if isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax:
        raise DistillationError(
            f"the {role} {model.name!r} ends in softmax ({last.name!r}): expected logits, build it with activation=None"
        )
