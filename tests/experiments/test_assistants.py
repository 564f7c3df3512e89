"""Study 4: whom each student learns from, the published sizes of the ensembles, and a smoke run."""

import csv
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from experiments import assistants_cifar10, ladder
from experiments.__main__ import main
from experiments.assistants_cifar10 import Config, trials
from experiments.ladder import EnsembleTrial, FeatureTrial, LogitTrial
from experiments.rows import COLUMNS
from kdsuite import models
from kdsuite.report import assistants as report

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--data", "synthetic", "--results", "results"]
PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published" / "published.csv"


def students(regime, count):
    found = [trial for trial in trials(Config(seeds=(0,))) if isinstance(trial, FeatureTrial)]
    return [trial for trial in found if trial.regime == regime and trial.network.startswith(ladder.SIZES[count])]


def test_hierarchical_students_learn_halves_of_their_own_parents():
    (s1,) = students("direct", 1)
    two, four, eight = (students("hierarchical", count) for count in (2, 4, 8))
    assert [trial.guide for trial in two] == [s1, s1]
    assert [(trial.start, trial.stop) for trial in two] == [(0, 256), (256, 512)]
    assert [trial.guide for trial in four] == [two[0], two[0], two[1], two[1]]
    assert [(trial.start, trial.stop) for trial in four] == [(0, 128), (128, 256)] * 2
    assert [trial.guide for trial in eight] == [guide for guide in four for _ in range(2)]
    assert [trial.place for trial in eight] == list(range(0, 512, 64))


@pytest.mark.parametrize("regime", ["direct", "through S1"])
def test_other_students_learn_chunks_of_one_guide(regime):
    (s1,) = students("direct", 1)
    for count in (2, 4, 8):
        own = students("hierarchical" if (regime, count) == ("through S1", 2) else regime, count)
        guide = s1 if regime == "through S1" else s1.guide
        assert {trial.guide for trial in own} == {guide}
        assert [(trial.start, trial.stop) for trial in own] == [
            (place, place + 512 // count) for place in range(0, 512, 512 // count)
        ]
        assert len({trial.seed for trial in own}) == count


def test_assistants_and_dense_guides():
    found = [trial for trial in trials(Config(seeds=(0,))) if isinstance(trial, LogitTrial)]
    chain = [trial for trial in found if trial.regime == "through assistants"]
    assert [trial.rung for trial in chain] == ["s1", "of_2", "of_4", "of_8"]
    assert [trial.guides[0].rung for trial in chain] == ["vgg16", "s1", "of_2", "of_4"]
    dense = [trial for trial in found if trial.regime == "densely guided"]
    assert [len(trial.guides) for trial in dense] == [2, 3, 4]
    assert [guide.rung for guide in dense[-1].guides] == ["vgg16", "s1", "of_2", "of_4"]
    assert dense[-1].guides[1:] == (chain[0], *dense[:-1])
    assert [trial.drop_rate for trial in dense] == [0.25] * 3


@pytest.mark.parametrize("count", [2, 4, 8])
def test_ensembles_have_the_published_sizes_and_begin_with_the_teachers_output_layer(count):
    rung = ladder.SIZES[count]
    members = [
        models.vgg(ladder.NETWORKS[rung], classes=None, features=ladder.HEADS[rung], name=f"member_{number}")
        for number in range(count)
    ]
    teacher = models.vgg(((4,), (512,)), name="teacher")
    ensemble = ladder.ensemble(members, teacher, summed=False, name="ensemble")
    with PUBLISHED.open(newline="") as file:
        published = {
            row["setting"]: int(row["value"]) for row in csv.DictReader(file) if row["table"] == "architecture"
        }
    trainable = sum(int(np.prod(weight.shape)) for weight in ensemble.trainable_weights)
    assert trainable == published[f"ensemble of {count} students"]
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    features = np.concatenate([member(images, training=False) for member in members], axis=1)
    kernel, bias = teacher.get_layer("logits").get_weights()
    np.testing.assert_allclose(ensemble(images, training=False), features @ kernel + bias, rtol=1e-4, atol=1e-4)


def test_residual_networks_are_added_up():
    members = [models.vgg(((4,),), classes=None, features=512, name=name) for name in ("student", "assistant")]
    teacher = models.vgg(((512,),), name="teacher")
    model = ladder.ensemble(members, teacher, summed=True, name="residual")
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    total = sum(np.array(member(images, training=False)) for member in members)
    kernel, bias = teacher.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(images, training=False), total @ kernel + bias, rtol=1e-4, atol=1e-4)
    assert isinstance(model.get_layer("sum"), keras.layers.Add)


def test_smoke_profile():
    assert main(["assistants-cifar10", *SMOKE]) == 0
    rows = pd.read_csv("results/assistants-cifar10.csv")
    assert tuple(rows.columns) == (*COLUMNS, *assistants_cifar10.COLUMNS)
    assert dict(rows.method.value_counts()) == {"features": 3, "ensemble": 2, "teacher": 1}
    features = rows[rows.method == "features"]
    assert features[["training_loss", "feature_error", "teacher_feature_error"]].notna().all(axis=None)
    assert features.test_accuracy.isna().all()
    assert rows[rows.method == "ensemble"].test_accuracy.notna().all()
    np.testing.assert_allclose(features.feature_error, features.test_loss, rtol=1e-4)
    for figure in ("accuracy", "errors"):
        assert Path(f"results/figures/assistants-{figure}.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--counts", "3"], r"counts (3,): expected some of 1, 2, 4, 8"),
        (["--drop-rate", "1"], "drop rate 1.0: expected a number from 0"),
        (["--regimes", "sideways"], "regimes ('sideways',): expected some of"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["assistants-cifar10", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()


def test_two_students_through_s1_are_the_hierarchical_ones():
    found = [trial for trial in trials(Config(seeds=(0,))) if isinstance(trial, EnsembleTrial)]
    both = [(trial.regime, len(trial.members)) for trial in found if trial.regime != "residual"]
    assert sorted(both) == [
        *[("direct", count) for count in (1, 2, 4, 8)],
        *[("hierarchical", count) for count in (2, 4, 8)],
        *[("through S1", count) for count in (4, 8)],
    ]
    assert ("hierarchical", 2) in {
        (trial.regime, len(trial.members))
        for trial in trials(Config(seeds=(0,), regimes=("through S1",)))
        if isinstance(trial, EnsembleTrial)
    }


def test_rows_of_a_regime():
    rows = pd.DataFrame(
        [("direct", 1), ("residual", 1), ("direct", 2), ("hierarchical", 2), ("hierarchical", 4), ("through S1", 4)],
        columns=["regime", "count"],
    )
    found = {name: list(np.flatnonzero(report.belongs(rows, name, rows["count"]))) for name in report.PAPER}
    assert found == {"hierarchical": [0, 3, 4], "direct": [0, 2], "through S1": [0, 3, 5]}


def test_every_member_is_trained_before_its_ensemble():
    seen = set()
    for trial in trials(Config(seeds=(0, 1))):
        if isinstance(trial, EnsembleTrial):
            assert set(trial.members) <= seen
        if isinstance(trial, FeatureTrial):
            assert trial.guide in seen
        seen.add(trial)
