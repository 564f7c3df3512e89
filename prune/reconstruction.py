"""Fits what a cut network's layers compute to what the whole network's computed, by least squares."""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import context_arguments, kind, nodes, rebuild

LINEAR = ("Conv1D", "Conv2D", "Conv3D", "Dense")
TENSOR_BYTES = 512 << 20
"""Largest output of a layer for all images."""


def reconstruct(
    original: keras.Model,
    pruned: keras.Model,
    deleted: Mapping[str, Sequence[int]],
    images: np.ndarray,
    *,
    samples: int = 8192,
    ridge: float = 0.03,
    seed: int = 0,
) -> list[str]:
    """Refits the kernels of a cut network so that its layers give again what they gave in the whole one.

    From the first layer to the last, the kernel W of each dense layer and convolution takes what the cut network now
    feeds it, X, to what the original's layer gave before its activation, Y, on its channels that are left:
    min ‖X W − Y‖² + r ‖W − W₀‖², where W₀ is the kernel as it was cut (He, Zhang and Sun 2017, "Channel Pruning for
    Accelerating Very Deep Neural Networks", §3.1 and eq. 5; there without the second term). The mean of what is left
    over goes into the bias, or into the moving mean of a batch norm that alone follows. No labels are needed.

    What is fitted varies less than what it was fitted to, and a batch norm would blow it up again as soon as it saw
    batches of it. So each batch norm with a scale and a centre then takes the statistics of these images as its own,
    and the scale and centre with which it computes what it computed before.

    Args:
        original: functional or Sequential model; it is left as it was.
        pruned: what became of it by removing units, deleting channels, or both; layers have their names from it. Its
            weights are changed.
        deleted: by name of layer, all channels that went, as in `DeletionReport.deleted`.
        images: (n, height, width, channels), of the training set; the first of them, where a layer's outputs for all
            would take more than 512 MiB.
        samples: rows of X: positions of images that are drawn for each layer.
        ridge: r as a share of the mean of XᵀX's diagonal.
        seed: of the positions.

    Returns:
        Names of the layers that were fitted. Left as they are: grouped, depthwise, causal and transposed convolutions,
        layers that are called more than once, and those that see another picture size than in the original.

    Raises:
        PruneError: a model with several inputs.
    """
    whole = flatten(original)
    for model in (whole, pruned):
        if len(model.inputs) != 1:
            raise PruneError(f"model {model.name!r} has {len(model.inputs)} inputs: expected one")
    largest = max(int(np.prod([size or 1 for size in node.outputs[0].shape[1:]])) for node in nodes(whole))
    images = images[: max(1, TENSOR_BYTES // (4 * largest))]
    targets = _targets(whole, deleted, images, samples, seed)
    normalised = _normalised(pruned)
    fitted = []

    def refit(layer, x: tf.Tensor) -> None:
        if kind(layer) == "BatchNormalization":
            _take_statistics(layer, x)
        if layer.name not in targets or not _is_linear(layer):
            return
        sizes, target = targets[layer.name]
        kernel, bias = _weights(layer)
        if sizes != _sizes(layer, x) or target.shape[-1] != kernel.shape[-1]:
            return
        norm = normalised.get(layer.name)
        centred = layer.use_bias or norm is not None
        after, shift = _fit(_rows(layer, x, samples, seed), target - bias, _matrix(kernel), ridge, centred)
        layer.kernel.assign(after.reshape(kernel.shape))
        if layer.use_bias:
            layer.bias.assign(bias + shift)
        elif norm is not None:
            norm.moving_mean.assign(norm.moving_mean - shift)
        fitted.append(layer.name)

    _walk(pruned, images, refit)
    return fitted


def _targets(
    model: keras.Model, deleted: Mapping[str, Sequence[int]], images: np.ndarray, samples: int, seed: int
) -> dict[str, tuple[tuple[int, ...], np.ndarray]]:
    """By name of layer, the sizes of its picture, and what it gives before its activation on channels that are left."""
    targets = {}

    def remember(layer, x: tf.Tensor) -> None:
        if _is_linear(layer):
            kernel, bias = _weights(layer)
            given = _rows(layer, x, samples, seed) @ _matrix(kernel) + bias
            targets[layer.name] = _sizes(layer, x), np.delete(given, list(deleted.get(layer.name, ())), axis=1)

    _walk(model, images, remember)
    return targets


def _fit(
    rows: np.ndarray, target: np.ndarray, before: np.ndarray, ridge: float, centred: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The matrix that takes rows to a target, and what has to be added to its products."""
    mean = rows.mean(0) if centred else np.zeros(rows.shape[1], rows.dtype)
    goal = target.mean(0) if centred else np.zeros(target.shape[1], target.dtype)
    x = (rows - mean).astype(np.float64)
    residual = (target - goal) - x @ before
    penalty = max(ridge * float(np.square(x).sum()) / x.shape[1], np.finfo(np.float64).tiny)
    # Both are (XᵀX + rI)⁻¹ Xᵀ; the smaller system is solved.
    if len(x) >= x.shape[1]:
        change = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ residual)
    else:
        change = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), residual)
    after = before + change
    return after, goal - mean @ after


def _take_statistics(norm: keras.layers.BatchNormalization, x: tf.Tensor) -> None:
    """Gives a batch norm the statistics of x, and the scale and centre with which it computes what it did before."""
    rank = len(x.shape)
    if not (norm.scale and norm.center) or norm.axis not in (-1, rank - 1):
        return
    moments = tf.nn.moments(tf.cast(x, tf.float32), list(range(rank - 1)))
    mean, variance = (np.asarray(moment, np.float64) for moment in moments)
    gamma, beta, old_mean, old_variance = (np.asarray(weight, np.float64) for weight in norm.weights)
    slope = gamma / np.sqrt(old_variance + norm.epsilon)
    scale, centre = slope * np.sqrt(variance + norm.epsilon), beta + slope * (mean - old_mean)
    norm.set_weights([scale, centre, mean, variance])


def _walk(model: keras.Model, images: np.ndarray, visit: Callable) -> None:
    """Runs a model on images; a function sees each layer that is called once, and its input, before it is called.

    Layers are in inference mode. All images go through one layer before the next.
    """
    times = Counter(id(node.operation) for node in nodes(model))

    def call(operation, *args, **kwargs):
        if times[id(operation)] == 1:
            visit(operation, keras.tree.flatten((args, kwargs))[0])
        if "training" in context_arguments(operation):
            kwargs["training"] = False
        return operation(*args, **kwargs)

    images = keras.ops.convert_to_tensor(images, model.inputs[0].dtype)
    rebuild(model, keras.tree.pack_sequence_as(model.input, [images]), call)


def _is_linear(layer) -> bool:
    """Whether a layer is a kernel that all its channels share, and a bias."""
    plain = kind(layer) in LINEAR and getattr(layer, "groups", 1) == 1
    followed = getattr(layer, "data_format", None) != "channels_first" and getattr(layer, "padding", None) != "causal"
    return plain and followed


def _normalised(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """By name of layer without activation, the batch norm that is all that reads its output, and reads nothing else."""
    times = Counter(id(node.operation) for node in nodes(model))
    readers: dict[int, list] = {id(tensor): [None] for tensor in model.outputs}
    for node in nodes(model):
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor), []).append(node.operation)
    found = {}
    for node in nodes(model):
        behind = readers.get(id(node.outputs[0]), [])
        is_activated = getattr(node.operation, "activation", None) not in (None, keras.activations.linear)
        followed = [kind(reader) for reader in behind] == ["BatchNormalization"] and times[id(behind[0])] == 1
        if followed and not is_activated:
            found[node.operation.name] = behind[0]
    return found


def _weights(layer) -> tuple[np.ndarray, np.ndarray]:
    kernel = np.asarray(layer.kernel, np.float32)
    return kernel, np.asarray(layer.bias, np.float32) if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)


def _matrix(kernel: np.ndarray) -> np.ndarray:
    return kernel.reshape(-1, kernel.shape[-1])


def _sizes(layer, x) -> tuple[int, ...]:
    """Sizes of the picture that a layer gives for its input x; () where there is none."""
    if kind(layer) == "Dense":
        return tuple(x.shape[1:-1])
    read = zip(x.shape[1:-1], _spans(layer), layer.strides, strict=True)
    if layer.padding == "same":
        return tuple(-(-size // stride) for size, _, stride in read)
    return tuple((size - span) // stride + 1 for size, span, stride in read)


def _spans(layer) -> list[int]:
    """How many positions a convolution's kernel reaches over, by axis."""
    return [(size - 1) * step + 1 for size, step in zip(layer.kernel_size, layer.dilation_rate, strict=True)]


def _rows(layer, given: tf.Tensor, samples: int, seed: int) -> np.ndarray:
    """What a layer reads at positions that are drawn by its name: (rows, length of a filter), float32."""
    x = np.asarray(given, np.float32)
    sizes = (len(x), *_sizes(layer, x))
    count = int(np.prod(sizes))
    draw = np.random.default_rng([seed, zlib.crc32(layer.name.encode())])
    chosen = np.arange(count) if count <= samples else draw.choice(count, samples, replace=False)
    image, *positions = np.unravel_index(chosen, sizes)
    if kind(layer) == "Dense":
        return x[(image, *positions)]
    if layer.padding == "same":
        x = np.pad(x, [(0, 0), *map(_zeros, x.shape[1:-1], _spans(layer), layer.strides), (0, 0)])
    begins = [position * stride for position, stride in zip(positions, layer.strides, strict=True)]
    windows = [
        x[(image, *(begin + at * step for begin, at, step in zip(begins, offset, layer.dilation_rate, strict=True)))]
        for offset in np.ndindex(*layer.kernel_size)
    ]
    return np.stack(windows, 1).reshape(len(chosen), -1)


def _zeros(size: int, span: int, stride: int) -> tuple[int, int]:
    """Zeros before and behind an axis under "same" padding."""
    total = max(0, (-(-size // stride) - 1) * stride + span - size)
    return total // 2, total - total // 2
