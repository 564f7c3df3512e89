import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from kdsuite import distill

RANDOM = np.random.default_rng(1)
TEACHER = RANDOM.normal(0, 5, (6, 10)).astype(np.float32)
STUDENT = RANDOM.normal(0, 5, (6, 10)).astype(np.float32)


def kl_with_numpy(teacher, student, temperature):
    teacher, student = teacher.astype(np.float64) / temperature, student.astype(np.float64) / temperature
    log_ratio = log_softmax(teacher, axis=1) - log_softmax(student, axis=1)
    return temperature**2 * np.sum(softmax(teacher, axis=1) * log_ratio, axis=1)


@pytest.mark.parametrize("temperature", [1, 4, 20])
def test_soft_target_loss_is_temperature_squared_times_the_summed_kl(temperature):
    loss = distill.soft_target_loss(TEACHER, STUDENT, temperature).numpy()
    np.testing.assert_allclose(loss, kl_with_numpy(TEACHER, STUDENT, temperature), rtol=5e-5)


def test_soft_target_loss_is_zero_for_equal_logits_up_to_a_constant():
    loss = distill.soft_target_loss(TEACHER, TEACHER + 3, 4.0).numpy()
    np.testing.assert_allclose(loss, 0, atol=2e-5)


@pytest.mark.parametrize("temperature", [1, 4, 20])
def test_gradient_is_temperature_times_the_difference_of_soft_targets(temperature):
    student = tf.constant(STUDENT)
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = distill.soft_target_loss(TEACHER, student, temperature)
    expected = temperature * (softmax(STUDENT / temperature, axis=1) - softmax(TEACHER / temperature, axis=1))
    np.testing.assert_allclose(tape.gradient(loss, student), expected, rtol=1e-4, atol=1e-5)


def test_gradient_tends_to_logit_matching_as_temperature_grows():
    """Hinton 2015 §2.1: with zero-mean logits the gradient tends to (z_s − z_t) / classes."""
    centred_teacher = TEACHER - TEACHER.mean(1, keepdims=True)
    centred_student = STUDENT - STUDENT.mean(1, keepdims=True)
    matching = (centred_student - centred_teacher) / 10
    errors = []
    for temperature in (10, 100, 1000):
        student = tf.constant(centred_student)
        with tf.GradientTape() as tape:
            tape.watch(student)
            loss = distill.soft_target_loss(centred_teacher, student, temperature)
        errors.append(np.abs(tape.gradient(loss, student).numpy() - matching).max())
    assert errors[1] < errors[0] / 5
    assert errors[2] < 0.02 * np.abs(matching).max()


def test_soft_targets_of_half_precision_logits_are_float32():
    targets = distill.soft_targets(tf.cast(TEACHER, tf.bfloat16), 2.0)
    assert targets.dtype == tf.float32
    np.testing.assert_allclose(targets.numpy().sum(axis=1), 1, rtol=1e-6)
