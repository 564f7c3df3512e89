"""Temperatures and weights: the best of those tried, and what is tried next."""

import pytest

from experiments.offline.choice import best, beyond, grid


def test_the_best_of_several_is_the_first_tried():
    assert best({(4.0, 0.5): 0.61, (1.0, 0.5): 0.55, (4.0, 0.9): 0.61}) == (4.0, 0.5)


@pytest.mark.parametrize(
    ("optimum", "further"),
    [
        ((4.0, 0.75), set()),
        ((2.0, 0.75), {(1.0, 0.75)}),
        ((8.0, 0.75), {(16.0, 0.75)}),
        ((4.0, 0.5), {(4.0, 0.25)}),
        ((4.0, 0.9), {(4.0, 0.95)}),
        ((8.0, 0.9), {(16.0, 0.9), (8.0, 0.95)}),
    ],
)
def test_beyond_the_end_of_the_grid(optimum, further):
    accuracy = dict.fromkeys(grid((2.0, 4.0, 8.0), (0.5, 0.75, 0.9)), 0.5) | {optimum: 0.6}
    assert set(beyond(accuracy)) == further


def test_what_was_tried_is_not_tried_again():
    accuracy = {(2.0, 0.75): 0.5, (4.0, 0.75): 0.6, (8.0, 0.75): 0.5, (4.0, 0.5): 0.5, (4.0, 0.9): 0.4}
    assert beyond(accuracy) == []


def test_there_is_nothing_beyond_the_teacher_alone_and_the_bounds_of_temperature():
    assert beyond({(32.0, 0.95): 0.5, (64.0, 1.0): 0.6, (64.0, 0.95): 0.5}) == [(32.0, 1.0)]
    assert beyond({(0.5, 1.0): 0.6, (1.0, 1.0): 0.5, (0.5, 0.95): 0.4}) == []


def search(accuracy, temperatures=(2.0, 4.0), lambdas=(0.75, 0.9)):
    tried = {point: accuracy(*point) for point in grid(temperatures, lambdas)}
    while further := beyond(tried):
        tried |= {point: accuracy(*point) for point in further}
    return best(tried), len(tried)


def test_a_search_ends_at_the_optimum_of_a_smooth_hill():
    found, count = search(lambda temperature, lambda_: -abs(temperature - 16) - abs(lambda_ - 0.25))
    assert found == (16.0, 0.25)
    assert count < 20
