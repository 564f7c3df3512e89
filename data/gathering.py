"""Values of an array at places that TensorFlow names, from memory or from disk."""

import mmap
from collections.abc import Callable

import numpy as np
import tensorflow as tf

TENSOR_BYTES = 256 << 20


def gatherer(array) -> Callable[..., tf.Tensor]:
    """A function for `tf.data` from integer tensors (b,), one for each of the first axes, to the values there.

    NumPy arrays of up to `TENSOR_BYTES` become a tensor. All else stays where it is and is indexed a batch at a time:
    it needs `shape`, `dtype` and indexing by an integer array (b,), or by a tuple of such, one an axis.
    """
    if type(array) is np.ndarray and array.nbytes <= TENSOR_BYTES:
        tensor = tf.constant(array)
        return lambda *places: tf.gather_nd(tensor, tf.stack([tf.cast(place, tf.int64) for place in places], axis=-1))
    look_up = _opened_anew(array) if isinstance(array, np.memmap) else lambda: array

    def values(*places) -> np.ndarray:
        return np.ascontiguousarray(look_up()[places[0] if len(places) == 1 else places])

    def gather(*places) -> tf.Tensor:
        found = tf.numpy_function(values, places, tf.as_dtype(array.dtype), stateful=False)
        return tf.ensure_shape(found, (places[0].shape[0], *array.shape[len(places) :]))

    return gather


def _opened_anew(array: np.memmap) -> Callable[[], np.ndarray]:
    """Maps the file again at each call, so that the pages read before do not count as this process's memory."""
    is_whole_map = isinstance(array.base, mmap.mmap) and array.mode in ("r", "r+")
    filename = array.filename
    if not (is_whole_map and array.flags.c_contiguous) or filename is None:
        return lambda: array
    return lambda: np.memmap(filename, array.dtype, "r", array.offset, array.shape)
