"""Temperatures and weights: the best of those tried, and what is tried next."""

from itertools import pairwise
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments.offline.choice import best, beyond, grid
from experiments.offline.cifar10 import OfflineCifar10
from experiments.offline.config import Cifar10Config


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


class Measured:
    """Stands for results: validation accuracy by student, T and λ; more of it the more seeds."""

    def __init__(self, accuracy):
        self.accuracy = accuracy

    def rows_of(self, trials):
        rows = [
            {"student": trial.network, "temperature": trial.temperature, "lambda": trial.lambda_, "seed": trial.seed}
            | {"validation_accuracy": self.accuracy(trial.network, trial.temperature, trial.lambda_) + trial.seed / 1e9}
            for trial in trials
        ]
        return pd.DataFrame(rows)


def stages(monkeypatch, accuracy, **options):
    teachers, stored = Cifar10Config().teachers, SimpleNamespace(fingerprint="0123")
    monkeypatch.setattr(OfflineCifar10, "responses", dict.fromkeys(teachers, stored))
    students = ("airbench_8_24_24", "airbench_24_64_64")
    study = OfflineCifar10(Cifar10Config(students=students, choice_seeds=(7, 8), choice_epochs=5, **options))
    return [(list(stage), stage == study.candidates()) for stage in study.stages(Measured(accuracy))]


def hill(student, temperature, lambda_):
    """The small student is best at T = 4 and λ = 0.9, the larger one at T = 16 and λ = 1."""
    top = (4.0, 0.9) if student == "airbench_8_24_24" else (16.0, 1.0)
    return -abs(temperature - top[0]) - abs(lambda_ - top[1])


def test_each_student_has_candidates_until_its_best_lies_inside_and_trains_with_that(monkeypatch):
    found = stages(monkeypatch, hill)
    trials = found[-1][0]
    names = [(stage[0].network, are_candidates) for stage, are_candidates in found]
    small, large = names.index(("airbench_8_24_24", False)), names.index(("airbench_24_64_64", False))
    assert names == [
        *[("airbench_8_24_24", True)] * small,
        ("airbench_8_24_24", False),
        *[("airbench_24_64_64", True)] * (large - small - 1),
        ("airbench_24_64_64", False),
        ("airbench_8_24_24", False),
    ]
    for begin, end, highest in ((0, small, 8), (small + 1, large, 32)):
        choosing = [stage for stage, _ in found[begin:end]]
        assert [(trial.temperature, trial.lambda_) for trial in choosing[0]] == [(4.0, 0.9)] * 2
        assert all(set(before) < set(after) for before, after in pairwise(choosing))
        assert {(trial.seed, trial.epochs) for trial in choosing[-1]} == {(7, 5), (8, 5)}
        assert max(trial.temperature for trial in choosing[-1]) == highest
    assert found[small][0] == trials[:6]
    assert [(trial.series, trial.seed) for trial in trials[:3]] == [
        ("labels alone", 0),
        ("responses", 0),
        ("labels alone", 1),
    ]
    chosen = {(trial.network, trial.temperature, trial.lambda_) for trial in trials if trial.series == "responses"}
    assert chosen == {("airbench_8_24_24", 4.0, 0.9), ("airbench_24_64_64", 16.0, 1.0)}
    assert {trial.epochs for trial in trials} == {16}


def test_one_student_may_choose_for_all(monkeypatch):
    *_, (trials, _) = stages(monkeypatch, hill, choose_for="airbench_8_24_24", expand=False)
    assert {(trial.temperature, trial.lambda_) for trial in trials if trial.method == "kd"} == {(4.0, 0.9)}


def test_a_single_point_that_may_not_expand_is_not_tried(monkeypatch):
    *pairs, (trials, _) = stages(monkeypatch, hill, lambdas=(0.5,), expand=False)
    assert len(pairs) == 2
    assert not any(are_candidates for _, are_candidates in pairs)
    assert {(trial.temperature, trial.lambda_) for trial in trials if trial.method == "kd"} == {(4.0, 0.5)}


def test_trials_of_a_seed(monkeypatch):
    *_, (trials, _) = stages(monkeypatch, hill, expand=False, seeds=(0,))
    by_student = {}
    for trial in trials:
        by_student.setdefault(trial.network, []).append(trial.series)
    assert by_student["airbench_8_24_24"] == ["labels alone", "responses"]
    assert by_student["airbench_24_64_64"] == [
        *("labels alone", "responses", "label smoothing", "ensemble", "labels alone, fresh views")
    ]
    assert [trial.label_smoothing for trial in trials if trial.method == "kd"] == [0.0] * 4
    assert {trial.label_smoothing for trial in trials if trial.method == "plain"} == {0.2}
