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


def _right(only_first: int, only_second: int, n: int) -> np.ndarray:
    """Two rows of n images: which the first is right on, and which the second."""
    both = n - only_first - only_second
    return np.repeat([[True, False, True], [False, True, True]], [only_first, only_second, both], axis=1)


def test_a_paired_difference_of_many_images_has_the_interval_of_its_mean():
    first, second = _right(4300, 1700, 40_000)
    mean, low, high = paired_difference(first, second)
    difference = first.astype(float) - second
    error = difference.std() / 200
    expected = (difference.mean(), difference.mean() - 1.96 * error, difference.mean() + 1.96 * error)
    assert (mean, low, high) == pytest.approx(expected, abs=1e-5)


def test_no_image_that_two_part_on_is_no_proof_that_they_never_do():
    mean, low, high = paired_difference(*_right(0, 0, 60))
    # Bonett and Price: 1/62 each way.
    assert (mean, low, high) == pytest.approx((0, -1.96 * np.sqrt(2) / 62, 1.96 * np.sqrt(2) / 62))


@pytest.mark.parametrize("shares", [(0.01, 0.01), (0.02, 0.005), (0.05, 0.02), (0.1, 0.1)])
def test_an_interval_of_a_paired_difference_covers_it_19_times_of_20(shares):
    n, most = 60, 25
    covered = 0.0
    for only_first, only_second in np.ndindex(most, most):
        _, low, high = paired_difference(*_right(only_first, only_second, n))
        counts = [only_first, only_second, n - only_first - only_second]
        covered += (low <= shares[0] - shares[1] <= high) * stats.multinomial.pmf(counts, n, [*shares, 1 - sum(shares)])
    assert covered > 0.945
