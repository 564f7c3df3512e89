"""Copies of networks that train faster on CPUs, at the same weights."""

from typing import Literal

import keras
import tensorflow as tf
from keras import layers

Precision = Literal["float32", "bfloat16"]
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def fast_copy(model: keras.Model, precision: Precision = "bfloat16") -> keras.Model:
    """A copy to train in the model's place; `model.set_weights(copy.get_weights())` brings the result back.

    Its batch norm is one operation where Keras' are several, and its GELU is compiled by XLA (its convolutions are not:
    that slows them). In bfloat16, weights, batch norm's statistics and logits stay float32.

    Args:
        model: functional, of layers of Keras and other such models; it is not changed.
        precision: of all layers of Keras and this library that have the default policy; others keep theirs.

    Returns:
        A model with the same weights in the same order: the model itself where a copy in float32 would do the same.
    """
    if precision == "float32" and not _has_faster_twins(model):
        return model
    return _copy(model, POLICIES[precision])


def _copy(model: keras.Model, policy: str) -> keras.Model:
    def convert(layer):
        if isinstance(layer, keras.Model):
            return _copy(layer, policy)
        config = layer.get_config()
        if not isinstance(layer, layers.Layer):
            return type(layer).from_config(config)
        if _is_known(layer) and layer.dtype_policy.name == keras.config.dtype_policy().name and layer not in outputs:
            config["dtype"] = policy
        if _can_be_fused(layer):
            return _FusedBatchNormalization.from_config(config)
        if _can_be_compiled(layer):
            return _CompiledGelu.from_config(config)
        return type(layer).from_config(config)

    outputs = [tensor._keras_history.operation for tensor in model.outputs]
    copy = keras.models.clone_model(model, clone_function=convert)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers(include_self=False):
        if isinstance(layer, layers.Normalization):
            # What it computes with is derived from its weights.
            layer.finalize_state()
    return copy


def _has_faster_twins(model: keras.Model) -> bool:
    return any(
        _has_faster_twins(layer) if isinstance(layer, keras.Model) else _can_be_fused(layer) or _can_be_compiled(layer)
        for layer in model.layers
    )


def _can_be_fused(layer: layers.Layer) -> bool:
    return type(layer) is layers.BatchNormalization and layer.input_spec.ndim == 4 and layer.axis in (-1, 3)


def _can_be_compiled(layer: layers.Layer) -> bool:
    return type(layer) is layers.Activation and layer.activation is keras.activations.gelu


def _is_known(layer: layers.Layer) -> bool:
    return type(layer).__module__.split(".")[0] in ("keras", "kdsuite")


class _FusedBatchNormalization(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        # The operation knows neither other devices nor masked positions.
        if self.synchronized or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        gamma = self.gamma if self.scale else tf.ones_like(self.moving_mean)
        beta = self.beta if self.center else tf.zeros_like(self.moving_mean)
        if not (training and self.trainable):
            return tf.compat.v1.nn.fused_batch_norm(
                inputs, gamma, beta, self.moving_mean, self.moving_variance, self.epsilon, is_training=False
            )[0]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon)
        # The op gives the unbiased variance, Keras keeps the biased one.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        variance *= (count - 1) / count
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs


class _CompiledGelu(layers.Activation):
    def call(self, inputs):
        return _compiled_gelu(inputs)


@tf.custom_gradient
def _compiled_gelu(inputs):
    return _gelu(inputs), lambda upstream: _gelu_gradient(inputs, upstream)


@tf.function(jit_compile=True)
def _gelu(inputs):
    return tf.cast(tf.nn.gelu(tf.cast(inputs, tf.float32)), inputs.dtype)


@tf.function(jit_compile=True)
def _gelu_gradient(inputs, upstream):
    x = tf.cast(inputs, tf.float32)
    cumulative = 0.5 * (1 + tf.math.erf(x * 0.5**0.5))
    density = tf.exp(-0.5 * x * x) * 0.3989422804014327
    return tf.cast(tf.cast(upstream, tf.float32) * (cumulative + x * density), inputs.dtype)
