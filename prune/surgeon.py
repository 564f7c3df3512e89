"""kerassurgeon's Surgeon, taught the layers it lacks: the second way to delete channels."""

import contextlib
import functools
import io
from collections.abc import Iterable

import keras
import numpy as np

from kdsuite.prune.channels import Channels
from kdsuite.prune.errors import PruneError
from kdsuite.prune.tf_keras_models import deep_recursion, from_tf_keras, kerassurgeon, to_tf_keras


def operate(channels: Channels, deleted: Iterable[int]) -> keras.Model:
    """A new Keras 3 model without the channels with these numbers.

    Args:
        channels: of the model; it is left as it was.
        deleted: numbers of channels that may go.

    Raises:
        PruneError: kerassurgeon or tf_keras is not installed, or a channel meets a layer that kerassurgeon does not
            know.
    """
    deleted = list(deleted)
    carried = to_tf_keras(channels, deleted)
    with deep_recursion(channels.model):
        surgeon = surgeon_class()(carried)
        for name, indices in channels.given_by(deleted).items():
            surgeon.add_job("delete_channels", carried.get_layer(name), channels=indices)
        try:
            operated = surgeon.operate() if deleted else carried
        except ValueError as error:
            raise PruneError(
                f"kerassurgeon cannot operate on model {channels.model.name!r} ({str(error).splitlines()[0]}): "
                "use surgeon='keras'"
            ) from error
    return from_tf_keras(operated, channels.model)


@functools.cache
def surgeon_class() -> type:
    """A subclass of kerassurgeon 0.2.0's Surgeon.

    Adds DepthwiseConv2D, SeparableConv2D, Conv2DTranspose, PReLU, Subtract, Minimum, pooling with `keepdims`, Dense on
    more than one axis, merges by broadcasting and a working check of merges, and Reshape to the size that is left.
    """

    class Surgeon(kerassurgeon().Surgeon):
        def _apply_delete_mask(self, node, inbound_masks):
            operate_on = getattr(self, f"_on_{type(node.outbound_layer).__name__}", None)
            if operate_on is None or all(mask is None for mask in inbound_masks):
                return super()._apply_delete_mask(node, inbound_masks)
            layer = node.outbound_layer
            shapes = node.input_shapes if isinstance(node.input_shapes, list) else [node.input_shapes]
            masks = [
                np.ones(shape[1:], bool) if mask is None else mask
                for mask, shape in zip(inbound_masks, shapes, strict=True)
            ]
            new_layer, outbound_mask = operate_on(layer, masks)
            # Every call of a shared layer must meet the same new one.
            return self._replace_layers_map.setdefault(layer, (new_layer, outbound_mask))[0], outbound_mask

        def _delete_channel_weights(self, layer, channel_indices):
            delete = getattr(self, f"_cut_{type(layer).__name__}", None)
            if delete is None:
                # It prints each job.
                with contextlib.redirect_stdout(io.StringIO()):
                    return super()._delete_channel_weights(layer, channel_indices)
            filters = layer.filters - len(channel_indices)
            return _renewed(layer, delete(layer, channel_indices), filters=filters)

        def _on_Dense(self, layer, masks):
            kernel, *bias = layer.get_weights()
            return _renewed(layer, [kernel[_last_axis(masks[0])], *bias]), None

        def _on_DepthwiseConv2D(self, layer, masks):
            kernel, *bias = layer.get_weights()
            kept = _last_axis(masks[0])
            repeated = np.repeat(kept, layer.depth_multiplier)
            outbound = np.broadcast_to(repeated, layer.output_shape[1:])
            return _renewed(layer, [kernel[:, :, kept], *(b[repeated] for b in bias)]), outbound

        def _on_SeparableConv2D(self, layer, masks):
            depthwise, pointwise, *bias = layer.get_weights()
            kept = _last_axis(masks[0])
            repeated = np.repeat(kept, layer.depth_multiplier)
            return _renewed(layer, [depthwise[:, :, kept], pointwise[:, :, repeated], *bias]), None

        def _on_Conv2DTranspose(self, layer, masks):
            kernel, *bias = layer.get_weights()
            return _renewed(layer, [kernel[..., _last_axis(masks[0])], *bias]), None

        def _on_PReLU(self, layer, masks):
            return _renewed(layer, [layer.get_weights()[0][..., _last_axis(masks[0])]]), masks[0]

        def _on_GlobalAveragePooling2D(self, layer, masks):
            return layer, masks[0][:1, :1] if layer.keepdims else masks[0][0, 0]

        _on_GlobalMaxPooling2D = _on_GlobalAveragePooling2D

        def _on_Reshape(self, layer, masks):
            outbound = np.reshape(masks[0], layer.output_shape[1:])
            size = int(_last_axis(outbound).sum())
            return type(layer)((*layer.output_shape[1:-1], size), name=layer.name), outbound

        def _on_Add(self, layer, masks):
            # One channel that is broadcast to all others says nothing of which are left.
            widest = max(mask.shape[-1] for mask in masks)
            wide = [np.broadcast_to(m, layer.output_shape[1:]) for m in masks if m.shape[-1] == widest]
            if any(not np.array_equal(mask, wide[0]) for mask in wide):
                raise ValueError(f"the inputs of {layer.name!r} lose different channels: delete the same from each")
            return layer, wide[0]

        _on_Subtract = _on_Multiply = _on_Average = _on_Maximum = _on_Minimum = _on_Add

        def _cut_SeparableConv2D(self, layer, channels):
            depthwise, pointwise, *bias = layer.get_weights()
            return [depthwise, np.delete(pointwise, channels, axis=-1), *(np.delete(b, channels) for b in bias)]

        def _cut_Conv2DTranspose(self, layer, channels):
            kernel, *bias = layer.get_weights()
            return [np.delete(kernel, channels, axis=-2), *(np.delete(b, channels) for b in bias)]

    return Surgeon


def _renewed(layer, weights, **settings):
    return type(layer).from_config(layer.get_config() | settings | {"weights": weights})


def _last_axis(mask: np.ndarray) -> np.ndarray:
    return mask.reshape(-1, mask.shape[-1])[0]
