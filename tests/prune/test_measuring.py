"""What criteria on data refuse: models that are no classifiers, batches without labels, labels that are no classes."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from kdsuite import prune
from kdsuite.prune import importance, measuring


def with_outputs(*units):
    inputs = keras.Input((4,))
    x = layers.Dense(8, activation="relu", name="first")(inputs)
    return keras.Model(inputs, [layers.Dense(size)(x) for size in units], name="many")


def shrunk_by(criterion):
    return partial(prune.shrink, keep=0.6, criterion=criterion, tolerance=0.2)


@pytest.mark.parametrize(
    "act", [shrunk_by("apoz"), shrunk_by("taylor"), shrunk_by("taylor_weights"), prune.sensitivity]
)
@pytest.mark.parametrize(
    ("units", "batch", "message"),
    [
        ((3, 2), (np.zeros((4, 4)), np.zeros(4, int)), "model 'many' has 2 outputs: expected one"),
        ((3,), (np.zeros((4, 4)), np.zeros(4, int), np.ones(4)), r"a batch of 3 parts: expected \(inputs, labels\)"),
        ((3,), np.zeros((2, 4)), r"a batch of type ndarray: expected \(inputs, labels\)"),
    ],
)
def test_what_is_no_classifier_with_labels_is_refused(act, units, batch, message):
    with pytest.raises(prune.PruneError, match=message):
        act(with_outputs(*units), [batch])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3)[np.zeros(4, int)], r"labels of shape \(4, 3\): expected \(n,\), the number of the class"),
        (np.array([0, 1, 2, 3]), "label 3: expected a whole number from 0 to 2"),
        (np.array([0, -1, 2, 0]), "label -1: expected a whole number from 0 to 2"),
        (np.array([0, 0.5, 2, 0]), r"label 0\.5: expected a whole number"),
    ],
)
@pytest.mark.parametrize("act", [shrunk_by("taylor"), shrunk_by("taylor_weights"), prune.sensitivity])
def test_labels_that_are_no_classes_are_refused(act, labels, message):
    with pytest.raises(prune.PruneError, match=message):
        act(with_outputs(3), [(np.zeros((4, 4)), labels)])


@pytest.mark.parametrize("act", [shrunk_by("taylor"), shrunk_by("taylor_weights"), prune.sensitivity])
def test_one_class_has_no_cross_entropy_but_zeros(act):
    batch = np.zeros((4, 4)), np.zeros(4, int)
    with pytest.raises(prune.PruneError, match=r"'many' has an output of shape \(None, 1\): expected logits or the"):
        act(with_outputs(1), [batch])
    assert shrunk_by("apoz")(with_outputs(1), [batch]).count_params() < with_outputs(1).count_params()


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_losses_of_half_precision_are_summed_whole(dtype):
    """Without the unit all 4,096 losses are log 3, which bfloat16 would add up to a tenth of their sum."""
    inputs = keras.Input((4,))
    x = layers.Dense(4, use_bias=False, kernel_initializer="zeros", name="unit", dtype=dtype)(inputs)
    model = keras.Model(inputs, layers.Dense(3, kernel_initializer="zeros", dtype=dtype)(x))
    data = [(np.ones((4096, 4), np.float32), np.zeros(4096, int))]
    assert importance._measured(model, data, "loss") == pytest.approx(np.log(3), rel=1e-3)


def test_a_softmax_at_each_step_is_seen():
    for last, is_softmax in (
        (layers.Dense(3, "softmax"), True),
        (keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")]), True),
        (layers.Dense(3), False),
    ):
        model = keras.Sequential([keras.Input((5, 4)), layers.TimeDistributed(last)])
        assert measuring.ends_in_softmax(model) is is_softmax


def test_the_mean_of_softmaxes_is_one():
    inputs = keras.Input((4,))
    one, other = layers.Dense(3, "softmax")(inputs), layers.Softmax()(layers.Dense(3)(inputs))
    for outputs, is_softmax in (([one, other], True), ([one, layers.Dense(3)(inputs)], False)):
        assert measuring.ends_in_softmax(keras.Model(inputs, layers.Average()(outputs))) is is_softmax


def test_gradients_that_float16_would_lose_are_measured():
    """A sure network: ∂loss/∂logit is e⁻¹⁸ = 1.5e-8, below what float16 holds."""
    inputs = keras.Input((1,))
    x = layers.Dense(4, use_bias=False, kernel_initializer="ones", name="first", dtype="mixed_float16")(inputs)
    last = layers.Dense(2, dtype="mixed_float16")
    model = keras.Model(inputs, last(x))
    # Logits 3.5 and 21.5.
    last.set_weights([np.stack([[1.0, 2.0, 0.0, 0.5], np.zeros(4)], axis=1), np.array([0.0, 21.5])])
    data = [(np.ones((2, 1), np.float32), np.ones(2, int))]
    scores = prune.channel_scores(model, ["first"], data, "taylor")["first"]
    np.testing.assert_allclose(scores, np.exp(-18) * np.array([1.0, 2.0, 0.0, 0.5]), rtol=0.02)
