"""Study 1's criteria on a residual network, on generated images."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pandas as pd
import pytest

from experiments.cli import main
from experiments.cs230.cifar_criteria import Criteria
from experiments.cs230.config import CriteriaConfig
from experiments.cs230.config import Criterion as Option
from experiments.cs230.cuts import ChannelsTrial, channels_left, macs_share
from experiments.engine.config import with_profile
from kdsuite import models, prune

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")


@pytest.fixture
def study():
    smoke = with_profile(CriteriaConfig, "smoke")
    return Criteria(replace(smoke, criteria=("l1", "l2", "random"), layerwise=("l1", "fpgm", "random")))


def test_students_keep_the_same_multiply_adds_and_layerwise_ones_the_same_widths(study):
    parent = models.resnet(8)
    networks = SimpleNamespace(get=lambda _: parent)
    trials = [trial for trial in study.trials() if isinstance(trial, ChannelsTrial)]
    students = {(trial.criterion, trial.scope): study.build(trial, networks) for trial in trials}
    assert len(students) == 6
    for student in students.values():
        assert macs_share(parent, student) == pytest.approx(0.6, rel=0.03)
    left = {key: channels_left(parent, student) for key, student in students.items()}
    assert left["l1", "layer"] == left["fpgm", "layer"] == left["random", "layer"]
    assert left["l1", "global"] != left["l2", "global"] != left["random", "global"]
    shares = {name: kept / had for name, (kept, had) in left["l1", "layer"].items()}
    assert max(shares.values()) - min(shares.values()) < 1 / 16


def test_the_option_lists_the_librarys_criteria():
    assert set(get_args(Option)) == set(get_args(prune.Criterion))


def test_rankings_see_images_without_views_and_training_sees_all_of_them(study):
    assert study.as_they_are.train.views is None
    assert study.dataset.train.views.count == 50
    assert study.dataset.train.alternate_flip


def test_the_learning_rate_is_that_of_best_validation(study):
    open_study = Criteria(replace(study.config, learning_rate=None, learning_rates=(1e-3, 3e-3)))
    candidates = open_study.candidates()
    assert [trial.learning_rate for trial in candidates] == [1e-3, 3e-3]
    assert not set(study.config.seeds) & {trial.seed for trial in candidates}
    rows = pd.DataFrame({"learning_rate": [1e-3, 3e-3], "validation_accuracy": [0.7, 0.6]})
    assert open_study.choose(rows).learning_rate == 1e-3


@pytest.mark.long
def test_smoke_profile():
    assert main(["cifar-criteria", "--profile", "smoke"]) == 0
    (path,) = Path("results", "cifar-criteria").glob("*/rows.csv")
    rows = pd.read_csv(path)
    students = rows[rows.role == "student"]
    assert sorted(zip(students.prune_method, students.scope, strict=True)) == [
        ("l1", "layer"),
        ("random", "global"),
        ("taylor", "global"),
    ]
    assert students[list(Criteria.COLUMNS)].notna().all(axis=None)
    assert (students.test_accuracy != students.validation_accuracy_before_training).any()
