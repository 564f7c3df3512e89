"""What Keras makes while it traces a first training step, made before: a step that makes variables is traced twice."""

import keras
import tensorflow as tf

from kdsuite.distill.arguments import check_labels
from kdsuite.distill.signals import split_targets
from kdsuite.distill.structure import known_outputs, outputs_of


def build_before_tracing(distiller: keras.Model, x, y) -> None:
    """Builds optimizer, losses and metrics of a compiled Distiller, as far as shapes are known; sees no values.

    Args:
        distiller: not traced yet.
        x: what `fit` was given: a data set, or arrays.
        y: labels beside arrays.

    Raises:
        DistillationError: labels whose shape does not go with their loss.
    """
    if distiller.built and not distiller.optimizer.built:
        distiller.optimizer.build(distiller.trainable_variables)
    batch = x.element_spec if isinstance(x, tf.data.Dataset) else _batch_of(x, y)
    if not isinstance(batch, tuple) or len(batch) < 2 or known_outputs(distiller.student) is None:
        return
    inputs, labels = batch[0], split_targets(batch[1])[0]
    if not all(isinstance(spec, tf.TensorSpec) and spec.shape.rank for spec in tf.nest.flatten((inputs, labels))):
        return
    check_labels(distiller._objective, labels)
    student = distiller.student
    outputs = tf.nest.map_structure(lambda output: tf.TensorSpec(output.shape, output.dtype), outputs_of(student))
    # Keras keeps the mean loss of each of several outputs.
    several = [distiller.compute_loss] if len(student.outputs) > 1 else []
    for function in (*several, distiller.compute_metrics):
        tf.function(function).get_concrete_function(inputs, labels, outputs, None)


def _batch_of(x, y) -> tuple | None:
    """Shapes of a batch of arrays, the batch's size left open; None where one has no shape."""
    arrays = tf.nest.flatten((x, y))
    if not all(hasattr(array, "shape") and hasattr(array, "dtype") for array in arrays):
        return None
    return tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), (x, y))
