import keras
import numpy as np
import pytest

from kdsuite.compress.endings import as_logits
from kdsuite.compress.errors import CompressionError
from tests.compress.conftest import untrained


@pytest.mark.parametrize(("activation", "outputs"), [("softmax", 2), (None, 3), ("sigmoid", 1), (None, 1)])
def test_an_end_is_taken_off_and_put_back(activation, outputs):
    model = untrained(activation, outputs)
    images = np.random.default_rng(0).uniform(0, 255, (8, *model.input_shape[1:])).astype(np.float32)
    logits, ending = as_logits(model)
    given, expected = np.asarray(logits(images)), np.asarray(model(images))
    assert logits.output_shape == (None, max(2, outputs))
    assert np.array_equal(given.argmax(-1), ending.answers(expected))
    np.testing.assert_allclose(ending.put_back(logits)(images), expected, atol=1e-6)


def test_one_logit_becomes_two_of_the_same_sigmoid():
    model = untrained("sigmoid", 1)
    images = np.random.default_rng(0).uniform(0, 255, (8, *model.input_shape[1:])).astype(np.float32)
    two = keras.ops.softmax(as_logits(model)[0](images))
    np.testing.assert_allclose(two[:, 1:], model(images), atol=1e-6)


def test_a_teacher_of_mixed_precision_is_compressed_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = untrained()
        logits, ending = as_logits(model)
        back = ending.put_back(logits)
    finally:
        keras.config.set_dtype_policy("float32")
    exact = untrained()
    exact.set_weights(model.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (8, *model.input_shape[1:])).astype(np.float32)
    np.testing.assert_allclose(back(images), exact(images), atol=1e-6)
    assert np.abs(np.asarray(model(images), np.float32) - exact(images)).max() > 1e-5
    assert {layer.compute_dtype for layer in back.layers[1:]} == {"float32"}


def test_labels_that_do_not_exclude_one_another_are_refused():
    with pytest.raises(CompressionError, match="several sigmoids"):
        as_logits(untrained("sigmoid", 3))
