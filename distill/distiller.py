"""The Distiller: a Keras model around a student whose `train_step` also listens to a frozen teacher."""

import contextlib
from collections.abc import Sequence
from dataclasses import asdict

import keras
import tensorflow as tf

from kdsuite.distill.arguments import (
    check_labels,
    check_metrics,
    check_order,
    check_tensorboard,
    student_and_teacher,
    weigh_classes,
)
from kdsuite.distill.batch_norm import batch_norms
from kdsuite.distill.building import build_before_tracing
from kdsuite.distill.checks import check_lambda, check_same_outputs, check_temperature, check_weights
from kdsuite.distill.errors import DistillationError
from kdsuite.distill.hints import Hint, regressors, with_features
from kdsuite.distill.loss_parts import LossParts
from kdsuite.distill.objective import Objective
from kdsuite.distill.probabilities import check_logits, check_values, sample_inputs
from kdsuite.distill.signals import Cached, Live, split_targets
from kdsuite.distill.structure import known_outputs


@keras.saving.register_keras_serializable(package="distill")
class Distiller(keras.Model):
    """Trains `student` on labels and on a teacher's soft targets.

        loss = (1 − λ) · CE(y, softmax(z_s))  +  λ · T² · KL(softmax(z_t / T) ‖ softmax(z_s / T))
               +  Σ β_k · hint_k  +  regularisers

    (Hinton 2015 §2; with T = 1 the weighting of CS230 §4.) λ = 0 is plain training, bit for bit; λ = 1 never sees a
    label. The teacher's logits come from a live `teacher`, run once a step in inference mode, or from the batch:
    targets of the form {"labels": (b,), "teacher": {"logits": (b, classes)}}, as `Split.batches(teacher=...)` draws
    them; `TeacherOutputs.softened` saves softening them in each step. The batch's win over the live teacher's.

    The soft loss follows from the loss that the Distiller is compiled with: a categorical cross-entropy has the KL of
    softmax outputs, a binary one a KL per logit (`bernoulli_loss`: one logit, or one a label); or `soft_loss` says it.
    Outputs (b, height, width, c) and (b, steps, c) are averaged over positions; each of several outputs has its losses.
    Positions whose label is a loss' `ignore_class` learn from the teacher alone: its mean is over all positions.
    Logs hold `hard_loss` and `soft_loss`, and `hint_loss` where there are hints, beside their weighted sum `loss`.

    Several teachers are a weighted list; their losses are added up with their weights. Hints compare layers of student
    and teacher, whose features come from the live teacher or from `teacher_outputs(..., layers=...)`.

    Under `tf.distribute` losses are means over the global batch; soft losses that compare examples with each other
    (`DIST`, `RKD`) compare those on one device.

    The teacher is never trained, tracked or saved with the Distiller, and stays as the caller left it. After loading a
    saved Distiller, call `set_teacher` to go on with a live teacher.

    Args:
        student: model that ends in logits (b, ..., c), of one output or several.
        teacher: model of the same outputs, a list of (weight, model) with weights that add up to 1, or None when
            batches carry its outputs.
        hints: of one teacher.
        soft_loss: "softmax" or "sigmoid"; a function or object of the contract in `distill.losses`, such as `DKD()`,
            `DIST()`, `StandardisedKD()` or `RKD()`; for several outputs also a list or dict of them. By default it
            follows from the compiled loss.
        lambda_: λ in [0, 1], weight of the teacher's term.
        temperature: T > 0.

    Raises:
        DistillationError: λ, T or a weight out of range, a model that ends in softmax, different numbers of outputs,
            a hint's layer that is not there, or two models that look like `keras.distillation.Distiller(teacher,
            student)` (see `check_order`): keywords tell them apart.
    """

    def __init__(
        self,
        *models,
        student=None,
        teacher=None,
        hints: Sequence[Hint] = (),
        soft_loss=None,
        lambda_: float = 0.5,
        temperature: float = 4.0,
        name="distiller",
    ):
        super().__init__(name=name)
        check_lambda(lambda_)
        check_temperature(temperature)
        student, teacher = student_and_teacher(models, student, teacher)
        check_logits("student", student)
        self.student = student
        self.lambda_ = float(lambda_)
        self.temperature = float(temperature)
        self.hints = tuple(hints)
        for hint in self.hints:
            if not isinstance(hint, Hint):
                raise DistillationError(f"hint {hint!r}: expected a distill.Hint(student=…, teacher=…)")
        # Past Keras' tracking, which would wrap it.
        object.__setattr__(self, "soft_loss", soft_loss)
        self.regressors = regressors(student, self.hints)
        # Its layers are tracked as the student's already.
        observed = with_features(student, [hint.student for hint in hints]) if hints else student
        object.__setattr__(self, "_observed_student", observed)
        self.set_teacher(teacher)
        check_order(models)
        if student.built and getattr(student, "inputs", None):
            self.build(student.input_shape)

    @property
    def teacher(self):
        """The live teacher as it was given, or None."""
        return self._hidden_teacher[0]

    @property
    def output_names(self):
        """Names of the student's outputs, by which `compile` takes losses and metrics."""
        return getattr(self.student, "output_names", None)

    def set_teacher(self, teacher) -> None:
        """Gives the Distiller another live teacher; None leaves it to the batches.

        Raises:
            DistillationError: a teacher ends in softmax, is the student, shares layers with it that training changes,
                has other outputs or lacks a hint's layer; weights do not add up to 1; hints of several teachers.
        """
        weighted = _weighted(teacher)
        for _, model in weighted:
            check_logits("teacher", model)
            if model is self.student:
                raise DistillationError(f"teacher and student are the same model {model.name!r}: clone one of them")
            _check_nothing_shared(model, self.student)
            _check_outputs(model, self.student)
        if self.hints and len(weighted) > 1:
            raise DistillationError(
                "hints of several teachers: expected one teacher, or none and batches that carry them"
            )
        if self.hints:
            names = [hint.teacher for hint in self.hints]
            weighted = [(weight, with_features(model, names)) for weight, model in weighted]
        # Keras tracks every layer assigned to an attribute; the teacher's weights and losses are not the Distiller's.
        object.__setattr__(self, "_hidden_teacher", (teacher, weighted))
        self._values_checked = False
        # A compiled training step has the former teacher built in.
        self.train_function = None

    def build(self, input_shape):
        if not self.student.built:
            self.student.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)

    def compile(self, optimizer="rmsprop", *, loss=None, loss_weights=None, jit_compile=False, **kwargs):
        """As `keras.Model.compile`, with two other defaults.

        Args:
            optimizer: of the student.
            loss: of the student's logits against the labels, from logits; sparse categorical cross-entropy by default.
                Of several outputs, one for each, in a list or dict.
            loss_weights: of several outputs; they weigh labels and teacher alike.
            jit_compile: off by default, XLA slows convolutions on CPUs.
            **kwargs: passed on: `metrics`, `steps_per_execution`, …

        Raises:
            DistillationError: the loss expects probabilities, has no soft loss, does not fit the outputs, or the
                accuracy would take logits for probabilities.
        """
        objective = Objective(self, loss, loss_weights)
        for metrics in (kwargs.get("metrics"), kwargs.get("weighted_metrics")):
            check_metrics(metrics, objective)
        loss = objective.hard
        super().compile(optimizer, loss=loss, loss_weights=loss_weights, jit_compile=jit_compile, **kwargs)
        if self.lambda_ or self.hints:
            # Past Keras' tracking: `metrics` lists the loss tracker of its own.
            object.__setattr__(self, "_loss_tracker", LossParts(objective.parts))
        object.__setattr__(self, "_objective", objective)
        self._compile_arguments = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "jit_compile": jit_compile,
            **kwargs,
        }

    def fit(self, x=None, y=None, *args, class_weight=None, callbacks=None, **kwargs):
        """As `keras.Model.fit`; `class_weight` also goes with a `tf.data.Dataset` that carries the teacher's outputs.

        Raises:
            DistillationError: student or teacher give probabilities, whatever their layers look like; class weights at
                λ = 1, which never sees a label, or of labels that have no classes; or a TensorBoard callback without
                the package tensorboard.
        """
        self._check_values(x)
        check_tensorboard(callbacks)
        if class_weight is not None and self.compiled:
            x, class_weight = weigh_classes(x, y, class_weight, self.lambda_, self._objective)
        try:
            if self.compiled and self.train_function is None and not self.run_eagerly and not self._distribute_strategy:
                build_before_tracing(self, x, y)
            return super().fit(x, y, *args, class_weight=class_weight, callbacks=callbacks, **kwargs)
        except DistillationError:
            # A training step whose tracing was broken off does not train afterwards.
            self.train_function = None
            raise

    def evaluate(self, *args, **kwargs):
        """As `keras.Model.evaluate`, of the student against the labels."""
        with self._parts_left_out():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs):
        """As `keras.Model.test_on_batch`, of the student against the labels."""
        with self._parts_left_out():
            return super().test_on_batch(*args, **kwargs)

    def _parts_left_out(self):
        """A context in which the loss has no parts, as the teacher is not asked."""
        tracker = getattr(self, "_loss_tracker", None)
        return tracker.loss_only() if isinstance(tracker, LossParts) else contextlib.nullcontext()

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        labels, cached = split_targets(y)
        check_labels(self._objective, labels)
        if not self.lambda_ and not self.hints:
            return super().train_step((x, labels, self._objective.by_example(sample_weight)))
        signal = Cached(cached) if cached is not None else self._ask_teachers(x)
        with tf.GradientTape() as tape:
            outputs = self._observed_student(x, training=True)
            outputs, *features = outputs if self.hints else [outputs]
            sample_weight = self._objective.by_example(sample_weight, outputs)
            loss, parts = self._objective.loss(signal, labels, outputs, self._regressed(features), sample_weight)
            for regulariser in self.losses:
                loss += self._aggregate_additional_loss(regulariser)
            scaled_loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(scaled_loss, weights), weights, strict=True))
        replicas = self.distribute_strategy.num_replicas_in_sync
        means = [loss, *parts]
        means = [mean * replicas for mean in means] if replicas > 1 else means
        self._loss_tracker.update_parts(means, tf.shape(tf.nest.flatten(outputs)[0])[0])
        return self.compute_metrics(x, labels, outputs, sample_weight=sample_weight)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((x, split_targets(y)[0], self._objective.by_example(sample_weight)))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under tf.distribute Keras builds metrics from targets as they come, and from the mean of the devices' shares,
        # which have no mean where they differ in size.
        if iterator is not None and self._distribute_strategy is not None:
            local = self._distribute_strategy.experimental_local_results
            _, _, batches = next(iter(iterator))
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(
                tf.nest.map_structure(lambda value: local(value)[0], next(batches))
            )
            iterator, data_batch = None, (x, split_targets(y)[0], sample_weight)
        super()._maybe_symbolic_build(iterator, data_batch)

    def _regressed(self, features):
        return [regressor(feature) for regressor, feature in zip(self.regressors, features, strict=True)]

    def _ask_teachers(self, x) -> Live:
        """Outputs and hint features of the live teachers on a batch."""
        teachers = self._hidden_teacher[1]
        if not teachers:
            raise DistillationError(
                f"lambda is {self.lambda_} but there is no teacher: give the Distiller one, or batches with its outputs"
            )
        return Live.ask(teachers, x, with_features=bool(self.hints))

    def _check_values(self, x) -> None:
        """Looks once at what student and teachers give, before the first training."""
        if self._values_checked:
            return
        inputs = sample_inputs(x, self.student)
        for role, models in (("student", [self.student]), ("teacher", [model for _, model in _weighted(self.teacher)])):
            for model in models:
                if model.built:
                    check_values(role, model, inputs, are_drawn=isinstance(x, tf.data.Dataset))
        self._values_checked = True

    def get_config(self):
        return {
            "student": keras.saving.serialize_keras_object(self.student),
            "hints": [asdict(hint) for hint in self.hints],
            "soft_loss": keras.saving.serialize_keras_object(self.soft_loss),
            "lambda_": self.lambda_,
            "temperature": self.temperature,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        student, soft_loss = (keras.saving.deserialize_keras_object(config[part]) for part in ("student", "soft_loss"))
        hints = [Hint(**hint) for hint in config["hints"]]
        return cls(**config | {"student": student, "soft_loss": soft_loss, "hints": hints})

    def get_compile_config(self):
        return keras.saving.serialize_keras_object(self._compile_arguments)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


def _weighted(teacher) -> list[tuple[float, keras.Model]]:
    if teacher is None:
        return []
    weighted = list(teacher) if isinstance(teacher, list | tuple) else [(1.0, teacher)]
    for pair in weighted:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], keras.Model)):
            raise DistillationError(f"teacher {teacher!r}: expected a keras.Model, or a list of (weight, keras.Model)")
    check_weights([weight for weight, _ in weighted])
    return weighted


def _check_nothing_shared(teacher: keras.Model, student: keras.Model) -> None:
    """Refuses layers of both models that training changes: the teacher would not stay as it is."""
    normalisers = [layer for layer in batch_norms(student) if layer.trainable]
    changed = student.trainable_variables + [variable for layer in normalisers for variable in layer.variables]
    kept = {id(variable) for variable in teacher.variables}
    shared = [variable.path for variable in changed if id(variable) in kept]
    if shared:
        raise DistillationError(
            f"teacher {teacher.name!r} and student {student.name!r} share {shared[0]!r}, which training would change "
            "in both: build the student on keras.models.clone_model(teacher), or make its layer not trainable"
        )


def _check_outputs(teacher: keras.Model, student: keras.Model) -> None:
    """Refuses models whose outputs are known to differ; those of subclassed ones are compared in training."""
    given, wanted = known_outputs(teacher), known_outputs(student)
    if given is None or wanted is None:
        return
    if list(given) != list(wanted):
        raise DistillationError(f"the teacher has outputs {list(given)}, the student {list(wanted)}: expected the same")
    for key in wanted:
        check_same_outputs(given[key].shape, wanted[key].shape)
