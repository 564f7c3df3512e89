import keras
import numpy as np
import pytest
import tensorflow as tf

from experiments.engine.fast_sgd import FastSGD, Triangle, airbench_optimizer
from experiments.engine.optimizers import make_optimizer
from experiments.engine.trial import Trial


@pytest.mark.parametrize(("step", "share"), [(0, 0.2), (23, 1.0), (11.5, 0.6), (100, 0.07), (61.5, 0.535), (130, 0.07)])
def test_triangle_rises_and_falls_in_lines(step, share):
    assert float(Triangle(3.0, 100)(step)) == pytest.approx(3 * share, rel=1e-6)


def test_triangle_survives_its_configuration():
    schedule = Triangle(0.5, 40, start=0.1, end=0.0, peak_at=0.5)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert [float(again(step)) for step in range(41)] == [float(schedule(step)) for step in range(41)]


def reference(start, gradients, *, rate, l2, momentum=0.85, look_ahead: int | None = None) -> np.ndarray:
    """Nesterov SGD as PyTorch writes it, at a constant rate, with look-ahead as in airbench's code."""
    weights, buffer, slow = start.copy(), np.zeros_like(start), start.copy()
    for step, gradient in enumerate(gradients, 1):
        gradient = gradient + l2 * weights
        buffer = momentum * buffer + gradient
        weights = weights - rate * (gradient + momentum * buffer)
        if look_ahead and (step % 5 == 0 or step == look_ahead):
            decay = 0.95**5 * (step / look_ahead) ** 3
            slow = decay * slow + (1 - decay) * weights
            weights = slow.copy()
    return weights


def variables_and_gradients(steps: int):
    random = np.random.default_rng(0)
    starts = random.normal(size=(2, 4)).astype(np.float32)
    gradients = random.normal(size=(steps, 2, 4)).astype(np.float32)
    return [keras.Variable(start, name=name) for start, name in zip(starts, ("kernel", "beta"), strict=True)], gradients


def apply(optimizer, variables, gradients) -> None:
    step = tf.function(lambda pair: optimizer.apply(list(tf.unstack(pair)), variables))
    for pair in gradients:
        step(tf.constant(pair))


@pytest.mark.parametrize("look_ahead", [None, 13])
def test_steps_are_those_of_pytorch_with_a_faster_beta(look_ahead):
    variables, gradients = variables_and_gradients(13)
    starts = [variable.numpy() for variable in variables]
    optimizer = FastSGD(0.01, l2=0.02, bias_multiplier=64, look_ahead_steps=look_ahead)
    optimizer.build(variables)
    apply(optimizer, variables, gradients)
    kernel = reference(starts[0], gradients[:, 0], rate=0.01, l2=0.02, look_ahead=look_ahead)
    beta = reference(starts[1], gradients[:, 1], rate=0.64, l2=0.02 / 64, look_ahead=look_ahead)
    np.testing.assert_allclose(variables[0], kernel, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variables[1], beta, rtol=1e-4, atol=1e-4)


def test_nesterov_is_the_usual_sgd_of_residual_networks():
    variables, gradients = variables_and_gradients(13)
    starts = [variable.numpy() for variable in variables]
    trial = {"method": "plain", "network": "n", "seed": 0, "epochs": 1, "batch_size": 256, "learning_rate": 0.01}
    optimizer = make_optimizer(Trial(**trial, optimizer="nesterov"), steps_per_epoch=13)
    optimizer.build(variables)
    apply(optimizer, variables, gradients)
    for variable, start, own in zip(variables, starts, gradients.swapaxes(0, 1), strict=True):
        expected = reference(start, own, rate=0.01, l2=5e-4, momentum=0.9)
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-5)


def test_a_resumed_optimizer_goes_on_as_if_never_stopped():
    variables, gradients = variables_and_gradients(12)
    whole = FastSGD(Triangle(0.1, 12), l2=0.02, look_ahead_steps=12)
    whole.build(variables)
    apply(whole, variables, gradients[:6])
    resumed = FastSGD.from_config(whole.get_config())
    copies = [keras.Variable(variable, name=variable.name) for variable in variables]
    resumed.build(copies)
    for ours, theirs in zip(resumed.variables, whole.variables, strict=True):
        ours.assign(theirs)
    apply(whole, variables, gradients[6:])
    apply(resumed, copies, gradients[6:])
    for ours, theirs in zip(copies, variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_airbenchs_rate_is_for_losses_that_are_means():
    # Its code: lr 11.5 / (1024 · (1 + 1 / (1 − 0.85))) for losses that are sums, so times 512 for means over 512.
    optimizer = airbench_optimizer(11.5, 512, steps=100)
    assert optimizer.momentum == 0.85
    assert float(optimizer._learning_rate(23)) == pytest.approx(11.5 / 1024 / (1 + 1 / 0.15) * 512)
    assert float(optimizer._learning_rate(23)) == pytest.approx(0.75)
    assert optimizer.l2 == pytest.approx(1.33e-3, rel=1e-3)
    assert optimizer.look_ahead_steps == 100


def test_fast_sgd_goes_with_its_triangle_alone():
    trial = {"method": "plain", "network": "n", "seed": 0, "epochs": 2, "batch_size": 512, "learning_rate": 11.5}
    fast = make_optimizer(Trial(**trial, optimizer="fast_sgd", schedule="triangle"), steps_per_epoch=50)
    assert fast.look_ahead_steps == 100
    usual = make_optimizer(Trial(**trial, optimizer="nesterov", schedule="triangle"), steps_per_epoch=50)
    assert [float(usual._learning_rate(step)) for step in (23, 100)] == pytest.approx([11.5, 0.07 * 11.5])
    with pytest.raises(ValueError, match="with schedule 'triangle', 'fast_sgd'"):
        make_optimizer(Trial(**trial, optimizer="fast_sgd", schedule="cosine"), steps_per_epoch=50)
