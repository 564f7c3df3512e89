import numpy as np
import pytest
from scipy import special, stats

from kdsuite.compress.accuracy import confusion, confusion_text, divergence, wilson
from kdsuite.compress.result import paired_difference


@pytest.mark.parametrize(("right", "count"), [(0, 20), (19, 20), (489, 500), (20, 20)])
def test_wilsons_interval_is_scipys(right, count):
    expected = stats.binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_of_no_images_nothing_is_known():
    assert wilson(0, 0) == (0, 1)


def test_a_confusion_counts_true_classes_in_rows():
    counts = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert confusion_text(counts, ["a", "b", "c"]).splitlines()[3].split() == ["c", "1", "0", "0"]


def test_divergence_is_the_mean_kl():
    random = np.random.default_rng(0)
    teacher, student = random.normal(size=(2, 5, 4))
    p, q = special.softmax(teacher, -1), special.softmax(student, -1)
    assert divergence(teacher, student) == pytest.approx(stats.entropy(p, q, axis=-1).mean())


def test_a_paired_difference_has_the_interval_of_its_mean():
    random = np.random.default_rng(1)
    first, second = random.random((2, 400)) < 0.8
    mean, low, high = paired_difference(first, second)
    difference = first.astype(float) - second
    error = difference.std() / 20
    assert (mean, low, high) == pytest.approx((difference.mean(), mean - 1.96 * error, mean + 1.96 * error))
