"""Study 1's orders, hints and numbers of images: what is cut, what is matched, what is trained on."""

import random
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.cs230 import catdog_orders
from experiments.cs230.catdog_config import HintsConfig, ImagesConfig, OrdersConfig
from experiments.cs230.catdog_hints import Hints
from experiments.cs230.catdog_images import Images
from experiments.cs230.catdog_orders import Orders
from experiments.cs230.cuts import descent, macs_share, ranked_units, units_to_share
from experiments.engine.errors import UsageError
from kdsuite import models, prune

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMALL = {"data": "synthetic", "image_size": 32, "imagenet": False, "alpha": 0.25, "validation_size": 40}
CHOSEN = {"optimizer": "adam", "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def parent():
    return models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)


def orders(**settings) -> Orders:
    sizes = {"train_size": 100, "test_size": 60, "ranking_size": 16}
    return Orders(replace(OrdersConfig(), **SMALL, **CHOSEN, **sizes, **settings))


def order_trial(order, **settings):
    study = orders()
    trial = next(t for t in study.trials() if getattr(t, "prune_method", "") == order)
    return study, replace(trial, **settings)


@pytest.mark.long
@pytest.mark.parametrize("experiment", ["catdog-orders", "catdog-hints", "catdog-images"])
def test_smoke_profiles_give_whole_rows(experiment):
    assert main([experiment, "--profile", "smoke"]) == 0
    (path,) = Path("results", experiment).glob("*/rows.csv")
    students = pd.read_csv(path).query("role == 'student'")
    assert len(students) == {"catdog-orders": 2, "catdog-hints": 2, "catdog-images": 4}[experiment]
    assert students[["test_accuracy", "macs_share", "removed", "sweep"]].notna().all(axis=None)
    assert students.failure.isna().all()


def test_every_order_makes_a_student_for_each_seed_and_share():
    students = [trial for trial in orders().trials() if trial.role == "student"]
    assert len(students) == 9 * 2 * 5
    assert {trial.method for trial in students} == {"plain"}
    numbers = {trial.prune_method: {t.cut_number for t in students if t.prune_method == trial.prune_method}
               for trial in students}  # fmt: skip
    assert numbers["zero_density"] == numbers["sensitivity"] == numbers["block_influence"] == {None}
    assert numbers["random"] == numbers["fitting"] == set(range(9))


def test_a_student_is_the_same_whether_its_order_was_known_or_not(parent, monkeypatch):
    """A descent draws layers; the student's own draws come after."""
    asked = []
    monkeypatch.setattr(
        catdog_orders, "ranked_units", lambda *given: asked.append(random.random()) or list(prune.units(parent))[-4:]
    )
    students = {}
    for first, second in ((0, 5), (5, 0)):
        study, trial = order_trial("sensitivity", keep=0.9)
        study.config = replace(study.config, shares=(0.9,))
        for seed in (first, second):
            keras.utils.set_random_seed(seed)
            students[seed, first] = study.cut(replace(trial, seed=seed), parent).get_weights()
    assert len(asked) == 2
    for seed in (0, 5):
        for measured, cached in zip(students[seed, seed], students[seed, 5 - seed], strict=True):
            np.testing.assert_array_equal(measured, cached)


def test_a_descent_passes_over_units_that_save_nothing(parent):
    units = {unit.name: unit for unit in prune.units(parent)}
    # The stride of conv_dw_2 leaves more work to all behind it.
    path = descent(parent, [units[name] for name in ("conv_dw_2", "conv_pw_13", "conv_pw_11", "conv_pw_9")], 0.8)
    assert [unit.name for unit, _ in path][:2] == ["conv_pw_13", "conv_pw_11"]
    shares = [share for _, share in path]
    assert shares == sorted(shares, reverse=True)
    for count, share in enumerate(shares, start=1):
        gone = [unit for unit, _ in path[:count]]
        assert share == pytest.approx(macs_share(parent, prune.remove(parent, gone)))
    with pytest.raises(UsageError, match=r"share 0\.5 of multiply-adds: this order leaves 0\.\d+ at least"):
        descent(parent, [units["conv_pw_13"]], 0.5)


def test_the_nearest_share_is_taken():
    path = [("a", 0.9), ("b", 0.78), ("c", 0.6)]
    assert units_to_share(path, 0.75) == ["a", "b"]
    assert units_to_share(path, 0.65) == ["a", "b", "c"]


def test_fitting_units_have_as_many_channels_behind_as_before(parent):
    """All depthwise convolutions, and the pointwise ones of eight blocks (arXiv 1704.04861, table 1)."""
    study, trial = order_trial("fitting")
    fitting = {f"conv_dw_{block}" for block in range(1, 14)}
    fitting |= {f"conv_pw_{block}" for block in (3, 5, 7, 8, 9, 10, 11, 13)}
    assert {unit.name for unit in ranked_units(trial, parent, study.dataset)} == fitting


@pytest.mark.long
def test_drawn_orders_follow_their_number_and_the_others_the_network(parent):
    for order in ("random", "fitting"):
        study, trial = order_trial(order)
        names = [
            [unit.name for unit in ranked_units(replace(trial, cut_number=number, seed=seed), parent, study.dataset)]
            for number, seed in ((0, 0), (0, 5), (1, 0))
        ]
        assert names[0] == names[1] != names[2]
    study, trial = order_trial("zero_density")
    first = {unit.name for unit in ranked_units(trial, parent, study.dataset)[:4]}
    assert first == {unit.name for unit in prune.select(parent, "zero_density", 4, threshold=trial.threshold)}


def test_block_influence_ranks_units_that_keep_their_shape(parent):
    study, trial = order_trial("block_influence")
    names = {unit.name for unit in ranked_units(trial, parent, study.dataset)}
    assert "conv_pw_7" in names
    assert "conv_pw_1" not in names


def test_hints_match_a_layer_of_the_teacher():
    study = Hints(replace(HintsConfig(), **SMALL, **CHOSEN, hint_weight=2.0))
    students = [trial for trial in study.trials() if trial.role == "student"]
    assert len(students) == 5 * 2 * 5
    assert {trial.method for trial in students} == {"kd"}
    by_hint = {trial.hint: study.hints(trial) for trial in students}
    assert by_hint[None] == []
    (hint,) = by_hint["conv_pw_5_relu"]
    assert (hint.student, hint.teacher, hint.weight) == ("conv_pw_5_relu", "conv_pw_5_relu", 2.0)
    assert {name: hints[0].teacher_channels for name, hints in by_hint.items() if name} == {
        "conv_pw_3_relu": 32,
        "conv_pw_5_relu": 64,
        "conv_pw_11_relu": 128,
        "pool": 256,
    }


class MadeUpRows:
    """Rows of candidates, the validation accuracy of which is known."""

    def __init__(self, study):
        self.study = study

    def rows_of(self, trials):
        return pd.DataFrame([trial.columns() for trial in trials]).assign(
            validation_accuracy=[
                0.9 - abs(getattr(trial, "hint_weight", None) or 1.0) / 100 - trial.learning_rate for trial in trials
            ]
        )


def test_hints_choose_the_optimiser_first_and_then_their_weight():
    study = Hints(replace(HintsConfig(), **SMALL))
    stages = list(study.stages(MadeUpRows(study)))
    assert len(stages) == 3
    assert {trial.sweep for trial in stages[1]} == {"hints"}
    assert {(trial.optimizer, trial.learning_rate) for trial in stages[1]} == {("adam", 1e-4)}
    assert {trial.hint_weight for trial in stages[1]} == {0.1, 1.0, 10.0}
    assert {trial.weights for trial in stages[1]} == {"random"}
    assert {trial.hint_weight for trial in stages[2] if getattr(trial, "hint", None)} == {0.1}


def test_students_of_more_images_share_validation_and_test():
    study = Images(replace(ImagesConfig(), **SMALL, **CHOSEN, train_size=100, test_size=60, train_sizes=(50, 200)))
    few, many = (next(t for t in study.trials() if getattr(t, "train_images", 0) == size) for size in (50, 200))
    assert [len(study.data(trial).train) for trial in (few, many)] == [50, 200]
    for split in ("validation", "test"):
        fingerprints = {getattr(study.data(trial), split).fingerprint for trial in (few, many, study.teacher())}
        assert len(fingerprints) == 1
