"""Outputs that are probabilities already: how they are found, and `to_logits`."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.structure import as_functional

# What changes neither values nor, but for their places, rows.
PASS_ON = (
    layers.Reshape,
    layers.Flatten,
    layers.Permute,
    layers.Identity,
    layers.Dropout,
    layers.ActivityRegularization,
)
PASS_ON_OPS = ("Reshape", "Squeeze", "ExpandDims", "Transpose", "Identity", "Cast")
ACTIVATIONS = {
    "softmax": (keras.activations.softmax, keras.ops.softmax),
    "sigmoid": (keras.activations.sigmoid, keras.ops.sigmoid),
}
SAMPLES = 8


def are_probabilities(outputs) -> bool:
    """Whether every row of (n, ..., c) is a distribution: two or more numbers in [0, 1] that add up to 1."""
    outputs = np.asarray(outputs, np.float32)
    if outputs.shape[-1] < 2 or not outputs.size or outputs.min() < 0 or outputs.max() > 1.01:
        return False
    # bfloat16 keeps 8 bits, so that its rows miss 1 by up to 0.4%.
    return bool(np.allclose(outputs.sum(-1), 1, atol=5e-3))


def final_activation(model: keras.Model) -> str | None:
    """The softmax or sigmoid that an output ends in, as "softmax ('layer')"; None if none is seen."""
    if isinstance(model, keras.Sequential) and not model.built:
        return _of_operation(model.layers[-1]) if model.layers else None
    for output in getattr(model, "outputs", None) or ():
        found = _of_tensor(output)
        if found:
            return found
    return None


def check_logits(role: str, model: keras.Model) -> None:
    """Raises DistillationError if a model is seen to end in softmax or sigmoid, nested models and reshapes included."""
    found = final_activation(model)
    if found:
        raise DistillationError(
            f"the {role} {model.name!r} ends in {found}: expected logits, take distill.to_logits({role}) or build it "
            "with activation=None"
        )


def check_values(role: str, model: keras.Model, inputs, *, are_drawn: bool = False) -> None:
    """Raises DistillationError if a model's outputs on some inputs are probabilities.

    Args:
        role: "student" or "teacher".
        model: any model.
        inputs: a batch of them, as from `sample_inputs`; None checks nothing.
        are_drawn: whether nobody gave them; a model that cannot take them is not looked at.
    """
    if inputs is None:
        return
    try:
        outputs = model(inputs, training=False)
    except (ValueError, TypeError, tf.errors.OpError):
        if are_drawn:
            # Sizes that the data leave open are a guess, which may be too small for it.
            return
        raise
    for output in tf.nest.flatten(outputs):
        if are_probabilities(tf.cast(output, tf.float32)):
            raise DistillationError(
                f"the {role} {model.name!r} gives probabilities, its rows add up to 1: expected logits, take "
                f"distill.to_logits({role}) or build it without softmax"
            )


def sample_inputs(x, model: keras.Model):
    """A few inputs like those that `fit` is given: the first rows of arrays, or drawn ones of a data set's shapes.

    Sizes that the data set leaves open are those of the model's inputs, where these have them.

    A data set is not asked for its first batch: that would move a generator on, and change the order of one that is
    shuffled anew on each pass. Softmax gives probabilities on any inputs.

    Returns:
        A batch, or None where shapes are unknown or of text.
    """
    if isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        return _drawn(spec[0] if isinstance(spec, tuple) else spec, getattr(model, "inputs", None))
    leaves = tf.nest.flatten(x)
    if leaves and all(isinstance(leaf, np.ndarray) or tf.is_tensor(leaf) for leaf in leaves):
        return tf.nest.map_structure(lambda leaf: leaf[:SAMPLES], x)
    return None


def to_logits(model: keras.Model) -> keras.Model:
    """A copy of a classifier without its final softmax, or sigmoid: same weights, its outputs are logits.

    Args:
        model: built Sequential or functional model of one output, nested models included; stays as it was.

    Raises:
        DistillationError: a model that does not end so, has several outputs, or is subclassed.
    """
    if not model.built or getattr(model, "outputs", None) is None or not hasattr(model, "get_config"):
        raise DistillationError(f"model {model.name!r} is not functional: its softmax cannot be seen, build it without")
    if len(model.outputs) != 1:
        raise DistillationError(f"model {model.name!r} has {len(model.outputs)} outputs: expected one")
    if final_activation(model) is None:
        raise DistillationError(f"model {model.name!r} does not end in softmax or sigmoid: its outputs may be logits")
    last = _last(model.outputs[0])
    copy = keras.models.clone_model(
        _uncompiled(model),
        clone_function=lambda operation: _clone(operation, last),
        call_function=_call,
        recursive=True,
    )
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers(include_self=False):
        if isinstance(layer, layers.Normalization):
            # What it computes with is derived from its weights.
            layer.finalize_state()
    return copy


def _uncompiled(model: keras.Model) -> keras.Model:
    graph = as_functional(model)
    return graph if not graph.compiled else keras.Model(graph.input, graph.output, name=graph.name)


def _clone(operation, last):
    if operation is not last:
        return _copy(operation)
    config = operation.get_config()
    if "activation" in config:
        return operation.__class__.from_config(config | {"activation": "linear"})
    if isinstance(operation, layers.TimeDistributed) and isinstance(operation.layer, keras.Model):
        return layers.TimeDistributed(to_logits(operation.layer), name=operation.name)
    if isinstance(operation, layers.TimeDistributed) and hasattr(operation.layer, "activation"):
        return layers.TimeDistributed(_clone(operation.layer, operation.layer), name=operation.name)
    # `ops.softmax` or a Softmax layer: left out of functional models, and in a Sequential one this instead.
    clone = layers.Activation("linear", name=operation.name)
    clone.is_left_out = True
    return clone


def _copy(operation):
    """A new layer or operation of the same configuration.

    Raises:
        DistillationError: it cannot be built from that, or would lose its vocabulary.
    """
    if type(operation) is layers.Lambda:
        # Keras refuses to read a Python function from a configuration; here it is at hand.
        return layers.Lambda(
            operation.function,
            operation._output_shape,
            operation.mask,
            operation.arguments,
            name=operation.name,
            dtype=operation.dtype_policy,
        )
    config = operation.get_config()
    if hasattr(operation, "get_vocabulary") and config.get("vocabulary") is None:
        raise DistillationError(
            f"{operation.name!r} has its vocabulary from adapt(), which a copy would lose: look words up in front of "
            "the model, or give the layer its vocabulary when it is built"
        )
    try:
        return operation.__class__.from_config(config)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DistillationError(
            f"{operation.name!r} cannot be copied from its configuration ({reason}): register its functions with "
            "@keras.saving.register_keras_serializable(), or build the model without softmax"
        ) from error


def _call(operation, *args, **kwargs):
    """Calls an operation of the copy, unless it is left out."""
    return args[0] if getattr(operation, "is_left_out", False) else operation(*args, **kwargs)


def _of_tensor(tensor) -> str | None:
    return _of_operation(_last(tensor))


def _last(tensor):
    """The operation that made a tensor, behind nested models and what passes values on."""
    operation, node_index, tensor_index = tensor._keras_history
    if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
        return _last(operation.outputs[tensor_index])
    if isinstance(operation, PASS_ON) or type(operation).__name__ in PASS_ON_OPS or _is_linear(operation):
        inputs = operation._inbound_nodes[node_index].input_tensors
        return _last(inputs[0]) if inputs else operation
    return operation


def _is_linear(operation) -> bool:
    return isinstance(operation, layers.Activation) and operation.activation is keras.activations.linear


def _of_operation(operation) -> str | None:
    if isinstance(operation, layers.TimeDistributed):
        return _of_operation(operation.layer)
    if isinstance(operation, keras.Model):
        return final_activation(operation)
    activation = getattr(operation, "activation", None)
    for name, functions in ACTIVATIONS.items():
        if activation in functions or type(operation).__name__.lower() == name:
            return f"{name} ({operation.name!r})"
    return None


def _drawn(spec, inputs):
    """Random inputs: 64 pixels or 8 steps where a size is open; 0 and 1 for integers, which may be look-ups."""
    random = np.random.default_rng(0)
    leaves = tf.nest.flatten(spec)
    if any(leaf.shape.rank is None or leaf.dtype == tf.string for leaf in leaves):
        return None
    known = [tensor.shape for tensor in inputs or ()]
    if [len(shape) for shape in known] != [leaf.shape.rank for leaf in leaves]:
        known = [leaf.shape for leaf in leaves]

    def draw(leaf, shape):
        open_size = 64 if leaf.shape.rank == 4 else 8
        sizes = (size or other or open_size for size, other in zip(leaf.shape[1:], shape[1:], strict=True))
        drawn = (SAMPLES, *sizes)
        values = random.integers(0, 2, drawn) if leaf.dtype.is_integer else random.uniform(-1, 1, drawn)
        return tf.cast(values, leaf.dtype)

    return tf.nest.pack_sequence_as(spec, [draw(leaf, shape) for leaf, shape in zip(leaves, known, strict=True)])
