"""Study 4: whom each student learns from, and the published sizes of the ensembles."""

import csv
from dataclasses import replace

import keras
import numpy as np
import pytest

from experiments.assistants import ladder
from experiments.assistants.cifar10 import Assistants
from experiments.assistants.config import AssistantsConfig
from experiments.assistants.networks import BLOCKS, HEADS, SIZES, ensemble, with_features
from experiments.assistants.trials import EnsembleTrial, FeatureTrial, LadderTrial, LogitTrial
from experiments.engine.settings import ROOT
from kdsuite import models

PUBLISHED = ROOT / "results" / "reference" / "published.csv"
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


def trials(cls, **options):
    study = Assistants(AssistantsConfig(**{"seeds": (0,)} | options))
    return [trial for trial in study.trials() if isinstance(trial, cls)]


def students(regime, count):
    return [trial for trial in trials(FeatureTrial) if regime in trial.regimes and trial.members == count]


def test_hierarchical_students_learn_halves_of_their_own_teachers():
    (s1,), two, four, eight = (students("hierarchical", count) for count in (1, 2, 4, 8))
    assert s1.teacher.size == "vgg16"
    assert [trial.teacher for trial in two] == [s1, s1]
    assert [(trial.start, trial.stop) for trial in two] == [(0, 256), (256, 512)]
    assert [trial.teacher for trial in four] == [two[0], two[0], two[1], two[1]]
    assert [(trial.start, trial.stop) for trial in four] == [(0, 128), (128, 256)] * 2
    assert [trial.teacher for trial in eight] == [teacher for teacher in four for _ in range(2)]
    assert [trial.offset for trial in eight] == list(range(0, 512, 64))
    assert {trial.vgg for trial in eight} == {s1.teacher}


@pytest.mark.parametrize("regime", ["direct", "through S1"])
def test_other_students_learn_chunks_of_one_teacher(regime):
    (s1,) = students("direct", 1)
    for count in (2, 4, 8):
        own = students(regime, count)
        assert {trial.teacher for trial in own} == {s1 if regime == "through S1" else s1.teacher}
        size = 512 // count
        assert [(trial.start, trial.stop) for trial in own] == [(at, at + size) for at in range(0, 512, size)]
        assert len({trial.seed for trial in own}) == count
        assert {trial.ensemble_seed for trial in own} == {0}
        assert [trial.member for trial in own] == list(range(1, count + 1))


def test_two_students_through_s1_are_the_hierarchical_ones():
    found = sorted((len(trial.members), trial.regimes) for trial in trials(EnsembleTrial) if not trial.summed)
    both, all_ = ("hierarchical", "through S1"), ("direct", "hierarchical", "through S1")
    assert found == [
        (1, all_),
        (2, ("direct",)),
        (2, both),
        *[(count, (regime,)) for count in (4, 8) for regime in ("direct", "hierarchical", "through S1")],
    ]
    alone = trials(EnsembleTrial, regimes=("through S1",), future_work=False)
    assert (2, both) in {(len(trial.members), trial.regimes) for trial in alone}


def test_assistants_and_dense_guides():
    found = trials(LogitTrial)
    chain = [trial for trial in found if "through assistants" in trial.regimes]
    assert [trial.size for trial in chain] == ["s1", "of_2", "of_4", "of_8"]
    assert [teacher.size for trial in chain for teacher in trial.line] == ["vgg16", "s1", "of_2", "of_4"]
    dense = [trial for trial in found if "densely guided" in trial.regimes]
    assert [len(trial.line) for trial in dense] == [1, 2, 3, 4]
    assert dense[0] == chain[0]
    assert dense[-1].line[1:] == tuple(dense[:-1])
    assert [trial.drop_rate for trial in dense] == [None, 0.25, 0.25, 0.25]
    (alone,) = [trial for trial in found if trial.regimes == ("alone",)]
    assert (alone.teachers, alone.lambda_, alone.size) == ((), 0.0, "of_8")


@pytest.mark.parametrize(("one_teacher", "teachers"), [(True, 1), (False, 3)])
def test_one_teacher_and_s1_for_all_seeds_or_for_each(one_teacher, teachers):
    seeds = {"seeds": (0, 1, 2), "one_teacher": one_teacher}
    assert len([trial for trial in trials(LadderTrial, **seeds) if trial.role == "teacher"]) == teachers
    assert len([trial for trial in trials(FeatureTrial, **seeds) if trial.members == 1]) == teachers
    assert len([trial for trial in trials(FeatureTrial, **seeds) if trial.members == 8]) == 3 * 3 * 8


def test_the_sizes_named_compute_in_bfloat16():
    found = {trial.size: trial.precision for trial in trials(LadderTrial, bfloat16=("vgg16", "of_2"))}
    assert found == {"vgg16": "bfloat16", "s1": "float32", "of_2": "bfloat16", "of_4": "float32", "of_8": "float32"}


@pytest.mark.parametrize("counts", [(1, 2, 4, 8), (8,)])
def test_every_network_comes_after_those_it_needs(counts):
    seen = set()
    for trial in trials(LadderTrial, seeds=(0, 1), counts=counts):
        assert set(trial.needs) <= seen
        seen.add(trial)


def test_each_field_is_part_of_the_key():
    student = students("hierarchical", 4)[0]
    pair = trials(EnsembleTrial)[-1]
    dense = trials(LogitTrial)[-1]
    other = replace(student.vgg, seed=9)
    flipped = [
        (student, {"size": "s1"}),
        (student, {"regimes": ("direct",)}),
        (student, {"teacher": other}),
        (student, {"start": 1}),
        (student, {"stop": 99}),
        (student, {"offset": 9}),
        (student, {"members": 8}),
        (student, {"member": 9}),
        (student, {"ensemble_seed": 9}),
        (student, {"units": 9}),
        (student, {"residual_of": students("direct", 1)[0]}),
        (pair, {"teacher": other}),
        (pair, {"members": pair.members[:1]}),
        (pair, {"summed": False}),
        (dense, {"line": dense.line[:1]}),
        (dense, {"drop_rate": 0.5}),
    ]
    for trial, change in flipped:
        assert replace(trial, **change).key(lambda one: "") != trial.key(lambda one: ""), change


@pytest.mark.parametrize("count", [2, 4, 8])
def test_ensembles_have_the_published_sizes_and_begin_with_the_teachers_output_layer(count):
    size = SIZES[count]
    members = [with_features(size, HEADS[size], (32, 32, 3), f"member_{number}") for number in range(count)]
    teacher = models.vgg(((4,), (512,)), name="teacher")
    model = ensemble(members, teacher, summed=False, name="ensemble")
    with PUBLISHED.open(newline="") as file:
        published = {
            row["setting"]: int(row["value"]) for row in csv.DictReader(file) if row["table"] == "architecture"
        }
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == published[f"ensemble of {count} students"]
    features = np.concatenate([member(IMAGES, training=False) for member in members], axis=1)
    kernel, bias = teacher.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(IMAGES, training=False), features @ kernel + bias, rtol=1e-4, atol=1e-4)


def test_residual_networks_are_added_up():
    members = [models.vgg(((4,),), classes=None, features=512, name=name) for name in ("student", "assistant")]
    teacher = models.vgg(((512,),), name="teacher")
    model = ensemble(members, teacher, summed=True, name="residual")
    total = sum(np.array(member(IMAGES, training=False)) for member in members)
    kernel, bias = teacher.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(IMAGES, training=False), total @ kernel + bias, rtol=1e-4, atol=1e-4)
    assert isinstance(model.get_layer("sum"), keras.layers.Add)


def test_the_ladder_knows_every_size():
    assert set(HEADS) == set(BLOCKS) == {"vgg16", *SIZES.values()}
    assert ladder.by_regime(
        students("direct", 1)[0].teacher, lambda size: {"epochs": 1, "batch_size": 1, "learning_rate": 1.0}, 0, 0
    )
