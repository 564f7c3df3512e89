"""Each soft loss against its paper's equation, in NumPy and float64."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, rel_entr, softmax
from scipy.stats import entropy, pearsonr

from kdsuite import distill

RANDOM = np.random.default_rng(3)
TEACHER = RANDOM.normal(0, 3, (7, 5)).astype(np.float32)
STUDENT = RANDOM.normal(0, 3, (7, 5)).astype(np.float32)
LABELS = RANDOM.integers(0, 5, 7)


def double(array):
    return array.astype(np.float64)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("one_hot", [False, True])
def test_dkd_against_equation_7(temperature, one_hot):
    p, q = (softmax(double(logits) / temperature, axis=1) for logits in (TEACHER, STUDENT))
    expected = []
    for row, label in enumerate(LABELS):
        binary = entropy([p[row, label], 1 - p[row, label]], [q[row, label], 1 - q[row, label]])
        others = np.delete(np.arange(5), label)
        expected.append(1.5 * binary + 6.0 * entropy(p[row, others], q[row, others]))
    labels = np.eye(5)[LABELS] if one_hot else LABELS
    loss = distill.DKD(alpha=1.5, beta=6.0)(TEACHER, STUDENT, temperature, labels)
    np.testing.assert_allclose(loss, temperature**2 * np.array(expected), rtol=1e-4)


def test_dkd_with_the_teachers_own_beta_is_the_ordinary_divergence():
    """Eq. 5: KL = TCKD + (1 − p_t) · NCKD."""
    target = softmax(double(TEACHER), axis=1)[np.arange(7), LABELS]
    first = np.array(distill.DKD(1.0, 0.0)(TEACHER, STUDENT, 1.0, LABELS))
    second = np.array(distill.DKD(0.0, 1.0)(TEACHER, STUDENT, 1.0, LABELS))
    whole = distill.soft_target_loss(TEACHER, STUDENT, 1.0)
    np.testing.assert_allclose(first + (1 - target) * second, whole, rtol=1e-4)


def test_dkd_needs_three_classes():
    with pytest.raises(distill.DistillationError, match="DKD over 2 classes"):
        distill.DKD()(TEACHER[:, :2], STUDENT[:, :2], 1.0, LABELS % 2)


def test_dist_against_equations_8_and_9():
    p, q = (softmax(double(logits) / 2, axis=1) for logits in (TEACHER, STUDENT))
    inter = np.array([1 - pearsonr(one, other).statistic for one, other in zip(p, q, strict=True)])
    intra = np.mean([1 - pearsonr(one, other).statistic for one, other in zip(p.T, q.T, strict=True)])
    loss = distill.DIST(beta=2.0, gamma=0.5)(TEACHER, STUDENT, 2.0)
    np.testing.assert_allclose(loss, 4 * (2.0 * inter + 0.5 * intra), rtol=1e-4)


def test_dist_takes_one_row_an_example():
    with pytest.raises(distill.DistillationError, match=r"DIST on outputs \(1, 7, 5\)"):
        distill.DIST()(TEACHER[None], STUDENT[None], 1.0)


def test_standardised_logits_against_algorithm_1():
    def standardised(logits):
        return (logits - logits.mean(1, keepdims=True)) / logits.std(1, keepdims=True)

    p, log_q = softmax(standardised(double(TEACHER)) / 2, 1), log_softmax(standardised(double(STUDENT)) / 2, 1)
    expected = 4 * np.sum(p * (np.log(p) - log_q), axis=1)
    np.testing.assert_allclose(distill.StandardisedKD()(TEACHER, STUDENT, 2.0), expected, rtol=1e-4)
    np.testing.assert_allclose(distill.StandardisedKD()(TEACHER, 3 * TEACHER - 7, 2.0), 0, atol=1e-5)


def huber(first, second):
    gap = abs(first - second)
    return 0.5 * gap**2 if gap <= 1 else gap - 0.5


def test_rkd_against_loops_over_pairs_and_triples():
    students, teachers = double(STUDENT), double(RANDOM.normal(size=(7, 3)).astype(np.float32) * 4)
    pairs, triples = list(itertools.permutations(range(7), 2)), list(itertools.permutations(range(7), 3))
    scale = [np.mean([np.linalg.norm(x[i] - x[j]) for i, j in pairs]) for x in (teachers, students)]

    def distance(x, mean, i, j):
        return np.linalg.norm(x[i] - x[j]) / mean

    def angle(x, i, j, k):
        first, second = x[i] - x[j], x[k] - x[j]
        return first @ second / np.linalg.norm(first) / np.linalg.norm(second)

    distances = [huber(distance(teachers, scale[0], *pair), distance(students, scale[1], *pair)) for pair in pairs]
    angles = [huber(angle(teachers, *triple), angle(students, *triple)) for triple in triples]
    loss = distill.RKD(distance=1.5, angle=3.0)(tf.constant(teachers), tf.constant(students))
    assert loss.shape == (7,)
    assert np.mean(loss) == pytest.approx(1.5 * np.mean(distances) + 3.0 * np.mean(angles), rel=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_bernoulli_loss_against_scipy(temperature):
    p, q = expit(double(TEACHER) / temperature), expit(double(STUDENT) / temperature)
    expected = temperature**2 * np.mean(rel_entr(p, q) + rel_entr(1 - p, 1 - q), axis=1)
    np.testing.assert_allclose(distill.bernoulli_loss(TEACHER, STUDENT, temperature), expected, rtol=1e-4)


def test_bernoulli_gradient_is_temperature_times_the_difference_of_probabilities():
    student = tf.constant(STUDENT)
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = distill.bernoulli_loss(TEACHER, student, 3.0)
    expected = 3.0 * (expit(STUDENT / 3) - expit(TEACHER / 3)) / 5
    np.testing.assert_allclose(tape.gradient(loss, student), expected, rtol=1e-4, atol=1e-6)


def test_attention_loss_against_equation_2():
    teacher, student = (RANDOM.normal(size=(4, 6, 5, channels)) for channels in (3, 8))

    def direction(features):
        energy = np.sum(features**2, axis=-1).reshape(4, -1)
        return energy / np.linalg.norm(energy, axis=1, keepdims=True)

    expected = np.linalg.norm(direction(student) - direction(teacher), axis=1)
    np.testing.assert_allclose(distill.attention_loss(teacher, student), expected, rtol=1e-4)


def test_cosine_loss_is_a_mean_over_positions():
    teacher, student = RANDOM.normal(size=(2, 4, 3, 3, 6))
    norms = np.linalg.norm(teacher, axis=-1) * np.linalg.norm(student, axis=-1)
    expected = np.mean(1 - np.sum(teacher * student, -1) / norms, axis=(1, 2))
    np.testing.assert_allclose(distill.cosine_loss(teacher, student), expected, rtol=1e-5)
    np.testing.assert_allclose(distill.cosine_loss(teacher[:, 0, 0], 3 * teacher[:, 0, 0]), 0, atol=1e-6)


@pytest.mark.parametrize("loss", [distill.DKD(), distill.DIST(), distill.StandardisedKD(), distill.RKD()])
@pytest.mark.parametrize("student", [TEACHER, np.zeros_like(TEACHER)])
def test_gradients_are_finite_where_the_student_equals_the_teacher_or_is_constant(loss, student):
    student = tf.constant(student)
    with tf.GradientTape() as tape:
        tape.watch(student)
        value = loss(TEACHER, student, 2.0, *([LABELS] if loss.needs_labels else []))
    assert np.isfinite(value).all()
    assert np.isfinite(tape.gradient(value, student)).all()


@pytest.mark.parametrize(
    "loss", [distill.DKD(2.0, 3.0), distill.DIST(3.0, 2.0), distill.StandardisedKD(), distill.RKD()]
)
def test_losses_are_saved_with_their_settings(loss):
    config = keras.saving.serialize_keras_object(loss)
    assert keras.saving.deserialize_keras_object(config) == loss
