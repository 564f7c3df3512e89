import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from tests.prune.networks import sequence


@pytest.mark.parametrize(
    ("model", "millions"),
    [
        # MobileNet (arXiv 1704.04861, table 8): 569 million multiply-adds; 0.5 MobileNet-224: 149.
        (lambda: keras.applications.MobileNet(weights=None), 569),
        (lambda: keras.applications.MobileNet(weights=None, alpha=0.5), 149),
        # MobileNetV2 (arXiv 1801.04381, table 4): 300.
        (lambda: keras.applications.MobileNetV2(weights=None), 300),
    ],
)
def test_published_multiply_adds(model, millions):
    assert prune.macs(model()) / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Dense(5), (7,), 35),
        (layers.Dense(5), (3, 7), 3 * 35),
        (layers.Conv2D(4, 3, padding="same", strides=2), (8, 8, 3), 16 * 9 * 3 * 4),
        (layers.Conv2D(4, 3, padding="same", groups=2), (8, 8, 6), 64 * 9 * 3 * 4),
        (layers.Conv1D(4, 3), (8, 3), 6 * 3 * 3 * 4),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), (8, 8, 3), 64 * 9 * 3 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), (8, 8, 3), 64 * (9 * 3 + 3 * 5)),
        (layers.Conv2DTranspose(4, 3, strides=2), (8, 8, 3), 64 * 9 * 4 * 3),
        (layers.MaxPooling2D(), (8, 8, 3), 0),
        (layers.EinsumDense("abc,cde->abde", (4, 2, 5), bias_axes="de"), (4, 7), 4 * 7 * 2 * 5),
        (layers.EinsumDense("...x,xy->...y", 5), (4, 3, 7), 4 * 3 * 7 * 5),
        (layers.EinsumDense("abcd,bde->abce", (4, 3, 5)), (4, 3, 7), 4 * 3 * 7 * 5),
    ],
)
def test_layers_by_hand(layer, shape, macs):
    assert prune.macs(keras.Sequential([keras.Input(shape), layer])) == macs


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: layers.Conv2D(6, 3, strides=2, groups=3), (8, 8, 3)),
        (lambda: layers.Conv2DTranspose(4, 3, strides=2), (8, 8, 3)),
        (lambda: layers.Dense(5), (8, 7)),
    ],
)
def test_wrapped_layers_count_as_they_do_alone(layer, shape):
    alone = prune.macs(keras.Sequential([keras.Input(shape), layer()]))
    normalised = keras.Sequential([keras.Input(shape), layers.SpectralNormalization(layer())])
    in_time = keras.Sequential([keras.Input((6, *shape)), layers.TimeDistributed(layer())])
    both = keras.Sequential([keras.Input((6, *shape)), layers.TimeDistributed(layers.SpectralNormalization(layer()))])
    assert [prune.macs(model) for model in (normalised, in_time, both)] == [alone, 6 * alone, 6 * alone]
    assert prune.uncounted(both) == ()


@pytest.mark.parametrize(
    ("query", "value", "settings"),
    [
        ((5, 6), (7, 4), {"value_dim": 2}),
        ((5, 6), (5, 6), {"output_shape": 9, "use_bias": False}),
        ((3, 5, 6), (3, 5, 6), {"attention_axes": 2}),
    ],
)
def test_attention_counts_what_dense_layers_and_two_products_would(query, value, settings):
    """Kernels as dense layers at each position; products as the entries of an attention matrix, each by a vector."""
    heads, size = 4, 3
    inputs = [keras.Input(query), keras.Input(value)]
    attention = layers.MultiHeadAttention(heads, size, **settings)
    model = keras.Model(inputs, attention(*inputs))
    output, weights = attention(np.ones((1, *query)), np.ones((1, *value)), return_attention_scores=True)
    width = settings.get("value_dim", size)
    dense = [
        *((query, heads * size), (value, heads * size), (value, heads * width)),
        ((*query[:-1], heads * width), output.shape[-1]),
    ]
    expected = sum(prune.macs(keras.Sequential([keras.Input(s), layers.Dense(units)])) for s, units in dense)
    expected += int(np.prod(weights.shape)) * (size + width)
    assert prune.macs(model) == expected
    assert prune.uncounted(model) == ()


class Own(layers.Layer):
    """A layer with a kernel that nothing else knows."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4))

    def call(self, inputs):
        return inputs @ self.kernel


def test_layers_with_kernels_that_are_not_counted_are_named():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            *(layers.Embedding(9, 5), layers.TimeDistributed(layers.PReLU()), layers.LayerNormalization((1, 2))),
            *(layers.PReLU(), Own(name="own")),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both"),
            *(layers.TimeDistributed(layers.Dense(5)), layers.GRU(3, name="gru"), layers.Dense(2, name="logits")),
        ]
    )
    assert prune.uncounted(model) == ("own", "both")
    assert prune.macs(model) == 6 * 8 * 5 + 6 * 3 * 3 * (5 + 3) + 3 * 2
    assert str(prune.removal_report(model, prune.remove(model, []))).endswith("678, without those of own, both")


def test_unknown_input_size_is_refused_by_name():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="first")])
    with pytest.raises(ValueError, match="'first' has no fixed output size"):
        prune.macs(model)


@pytest.mark.parametrize(("layer", "gates"), [(layers.SimpleRNN, 1), (layers.GRU, 3), (layers.LSTM, 4)])
def test_recurrent_layers_multiply_at_each_step(layer, gates):
    """Each of 6 steps has products of the input and of the state with each gate's kernel; biases add none."""
    model = sequence((6, 8), layer(5, return_sequences=True, name="first"), layer(4, name="second"))
    first, second, head = 6 * gates * 5 * (8 + 5), 6 * gates * 4 * (5 + 4), 4 * 3
    assert prune.macs(model) == first + second + head
    smaller = prune.delete_channels(model, {"first": [0, 2]})
    assert prune.macs(smaller) == 6 * gates * 3 * (8 + 3) + 6 * gates * 4 * (3 + 4) + head
    half = prune.shrink(model, target="macs", keep=0.5, tolerance=0.2)
    assert prune.macs(half) == pytest.approx(0.5 * prune.macs(model), rel=0.2)


def test_a_report_on_layers_of_open_size_leaves_multiply_adds_out():
    inputs = keras.Input((None, 4))
    x = layers.Conv1D(4, 3, padding="same", name="middle")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    report = prune.removal_report(model, prune.remove(model, prune.units(model)))
    assert report.macs is None and report.params == (62, 10)
    assert str(report).endswith("parameters 62 → 10; MACs unknown")
