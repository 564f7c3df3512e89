"""What a caller gives to a Distiller, checked before it can go wrong in silence."""

from importlib.util import find_spec

import keras
import numpy as np
import tensorflow as tf

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.signals import split_targets
from kdsuite.distill.soft_losses import SIGMOID, SOFTMAX

SPARSE = keras.losses.SparseCategoricalCrossentropy
ACCURACIES = frozenset({"accuracy", "acc", "binary_accuracy"})


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


def check_metrics(metrics, objective) -> None:
    """Refuses the metric "accuracy" beside a binary loss, where Keras compares logits with 0.5 as if probabilities.

    Args:
        metrics: `metrics` or `weighted_metrics` of `compile`.
        objective: knows the loss of each output.

    Raises:
        DistillationError: such a metric.
    """
    names, losses = objective.distiller.output_names, objective.hard_losses()
    for position, (key, hard) in enumerate(losses.items()):
        own = metrics
        if isinstance(metrics, dict):
            own = metrics.get(key, metrics.get(names[position] if names else None))
        elif isinstance(metrics, list | tuple) and len(metrics) == len(losses) > 1:
            own = metrics[position]
        given = {metric for metric in tf.nest.flatten(own) if isinstance(metric, str)}
        if isinstance(hard, SIGMOID) and given & ACCURACIES:
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


def weigh_classes(x, y, class_weight: dict, lambda_: float, objective) -> tuple:
    """Class weights as sample weights, for batches whose targets are {"labels", "teacher"}.

    Args:
        x, y: what `fit` was given.
        class_weight: class → weight; classes that it lacks have 1.
        lambda_: λ of the Distiller.
        objective: knows the loss of each output.

    Returns:
        (x, class_weight) for Keras' `fit`: as given, or with the weights in the batches, one for each label, and None.

    Raises:
        DistillationError: λ = 1, weights of what is no class, a loss whose labels have no classes, or a teacher's
            outputs in arrays.
    """
    if lambda_ == 1:
        raise DistillationError("class_weight needs labels, which lambda = 1 never sees: expected sample weights")
    if not class_weight or not all(isinstance(number, int | np.integer) and number >= 0 for number in class_weight):
        raise DistillationError(f"class_weight {class_weight}: expected a weight for each class number, {{0: 1.0, …}}")
    if isinstance(y, dict) and split_targets(y)[1] is not None:
        raise DistillationError(
            "class_weight beside a teacher's outputs in arrays: expected batches in a tf.data.Dataset, or sample_weight"
        )
    if not isinstance(x, tf.data.Dataset) or not isinstance(x.element_spec, tuple) or len(x.element_spec) < 2:
        return x, class_weight
    labels, teacher = split_targets(x.element_spec[1])
    if teacher is None:
        return x, class_weight
    is_one_hot = _are_one_hot(labels, list(objective.hard_losses().values()))
    table = tf.constant([float(class_weight.get(number, 1)) for number in range(max(class_weight) + 1)])

    def weigh(inputs, y, *sample_weight):
        labels = y["labels"]
        if is_one_hot:
            labels = tf.argmax(labels, -1)
        elif len(labels.shape) > 1 and labels.shape[-1] == 1:
            labels = tf.squeeze(labels, -1)
        labels = tf.cast(labels, tf.int64)
        known = (labels >= 0) & (labels < len(table))
        weights = tf.where(known, tf.gather(table, tf.where(known, labels, 0)), 1.0)
        for given in sample_weight:
            given = tf.cast(given, weights.dtype)
            if len(given.shape) > len(weights.shape) and given.shape[-1] == 1:
                # Weights (b, 1) are those of (b,) examples.
                given = tf.squeeze(given, -1)
            # Weights (b,) of examples count at each of their positions.
            positions = [1] * (len(weights.shape) - len(given.shape))
            weights *= tf.reshape(given, tf.concat([tf.shape(given), positions], 0)) if positions else given
        return inputs, y, weights

    return x.map(weigh), None


def _are_one_hot(labels, losses: list[keras.losses.Loss]) -> bool:
    """Whether a label is a vector over classes, not a class number.

    Raises:
        DistillationError: several outputs, labels of several numbers for a binary loss, or a loss without classes.
    """
    if len(losses) == 1 and isinstance(labels, tf.TensorSpec) and labels.shape.rank is not None:
        several = len(labels.shape) > 1 and labels.shape[-1] != 1
        if isinstance(losses[0], SPARSE) or (isinstance(losses[0], SIGMOID) and not several):
            return False
        if isinstance(losses[0], SOFTMAX):
            return True
    raise DistillationError(
        "class_weight beside a teacher's outputs in the batches: expected one output and labels of one class each, "
        "otherwise sample weights"
    )
