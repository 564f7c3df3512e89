"""What a caller gives to a Distiller, checked before it can go wrong in silence."""

from importlib.util import find_spec

import keras
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.signals import split_targets
from kdsuite.distill.soft_losses import SIGMOID

SPARSE = keras.losses.SparseCategoricalCrossentropy


def student_and_teacher(models: tuple, student, teacher) -> tuple:
    """Tells student and teacher apart, given in this order or by keywords.

    Raises:
        DistillationError: a model given twice, or a student that is no model.
    """
    given = [*models, *[None] * (2 - len(models))]
    if len(models) > 2 or (models and student is not None) or (len(models) == 2 and teacher is not None):
        raise DistillationError("student or teacher given twice: expected Distiller(student, teacher) or keywords")
    student = given[0] if student is None else student
    teacher = given[1] if teacher is None else teacher
    if not isinstance(student, keras.Model):
        raise DistillationError(f"student {student!r}: expected a keras.Model, teachers come second")
    return student, teacher


def check_order(models: tuple) -> None:
    """Refuses two models given by position in what looks like Keras' order, (teacher, student).

    That is, if the first has more than twice as many parameters as the second, or more and only it was trained;
    keywords say that a larger student is meant.

    Raises:
        DistillationError: so it looks.
    """
    if len(models) < 2 or not all(isinstance(model, keras.Model) and model.built for model in models):
        return
    student, teacher = models
    larger, smaller = student.count_params(), teacher.count_params()
    if larger > 2 * smaller or (larger > smaller and _is_trained(student) and not _is_trained(teacher)):
        raise DistillationError(
            f"the student comes first, and {student.name!r} has {larger:,} parameters, {teacher.name!r} after it "
            f"{smaller:,}: expected Distiller(student, teacher), or keywords student=, teacher= if this is meant"
        )


def _is_trained(model: keras.Model) -> bool:
    optimizer = getattr(model, "optimizer", None)
    return optimizer is not None and int(optimizer.iterations) > 0


def check_labels(objective, labels) -> None:
    """Refuses labels whose shape does not go with their loss; known shapes only, and no values.

    Raises:
        DistillationError: labels of several numbers an example beside a sparse cross-entropy.
    """
    outputs = objective.outputs
    if labels is None or outputs is None or len(outputs) > 1 or isinstance(labels, dict | list | tuple):
        return
    (hard,), (output,) = objective.hard_by_output, outputs.values()
    shape = getattr(labels, "shape", None)
    if not isinstance(hard, SPARSE) or shape is None or shape.rank is None:
        return
    positions = len(output.shape) - 1
    if len(shape) != positions and not (len(shape) == positions + 1 and shape[-1] == 1):
        raise DistillationError(
            f"labels have shape {tuple(shape)} beside the loss {hard.name!r}: expected one integer for each row of "
            "logits; for several labels an example compile with BinaryCrossentropy(from_logits=True), for one-hot ones "
            "with CategoricalCrossentropy(from_logits=True), for regression see FeatureDistiller"
        )


def check_metrics(metrics, hard) -> None:
    """Refuses the metric "accuracy" beside a binary loss, where Keras compares logits with 0.5 as if probabilities.

    Raises:
        DistillationError: such a metric.
    """
    if isinstance(hard, dict) and isinstance(metrics, dict):
        for name in metrics:
            check_metrics(metrics[name], hard.get(name))
        return
    if isinstance(hard, SIGMOID) and {"accuracy", "acc", "binary_accuracy"} & {
        metric for metric in tf.nest.flatten(metrics) if isinstance(metric, str)
    }:
        raise DistillationError(
            "the metric 'accuracy' compares logits with 0.5 beside a binary loss: expected "
            "keras.metrics.BinaryAccuracy(threshold=0.0)"
        )


def check_tensorboard(callbacks) -> None:
    """Raises DistillationError for a TensorBoard callback where TensorFlow cannot write its files."""
    for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        if isinstance(callback, keras.callbacks.TensorBoard) and find_spec("tensorboard") is None:
            raise DistillationError(
                "the TensorBoard callback needs the package tensorboard, which is not installed: pip install "
                "'kdsuite[tensorboard]'"
            )


def weigh_classes(x, class_weight: dict, lambda_: float) -> tuple:
    """Class weights as sample weights, for batches whose targets are {"labels", "teacher"}.

    Args:
        x: what `fit` was given.
        class_weight: class → weight; classes that it lacks have 1.
        lambda_: λ of the Distiller.

    Returns:
        (x, class_weight) for Keras' `fit`: as given, or with the weights in the batches and None.

    Raises:
        DistillationError: λ = 1.
    """
    if lambda_ == 1:
        raise DistillationError("class_weight needs labels, which lambda = 1 never sees: expected sample weights")
    if not isinstance(x, tf.data.Dataset) or not isinstance(x.element_spec, tuple) or len(x.element_spec) < 2:
        return x, class_weight
    if split_targets(x.element_spec[1])[1] is None:
        return x, class_weight
    table = tf.constant([float(class_weight.get(number, 1)) for number in range(max(class_weight) + 1)])

    def weigh(inputs, y, *sample_weight):
        labels = y["labels"]
        one_hot = len(labels.shape) > 1 and labels.shape[-1] != 1
        labels = tf.argmax(labels, -1) if one_hot else tf.cast(tf.reshape(labels, [-1]), tf.int64)
        known = labels < len(table)
        weights = tf.where(known, tf.gather(table, tf.where(known, labels, 0)), 1.0)
        return inputs, y, weights * sample_weight[0] if sample_weight else weights

    return x.map(weigh), None
