"""Study 3: how families grow, which networks they share, and what is written of them; nothing is trained."""

from dataclasses import fields, replace
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments.iterative.config import IterativeConfig
from experiments.iterative.families import FamilyStudy, write_families
from experiments.iterative.networks import (
    FIRST_PARENT,
    FROM_ANCESTORS,
    FROM_PARENT,
    ONE_SHOT,
    Architecture,
    FamilyTrial,
)

EASY = {(5, 1.0): 0.9}


class Untrained(FamilyStudy):
    """Families whose accuracies are given."""

    def _fingerprint(self, trial):
        return "data"


def grown(accuracies, **options):
    """A study whose families are grown; accuracies by (blocks, width), 0.95 by default.

    Returns:
        the study and its stages.
    """
    study = Untrained(IterativeConfig(**{"seeds": (0,)} | options))

    def accuracy(trial):
        return accuracies.get((trial.architecture.blocks, trial.architecture.width), 0.95)

    stages = [list(dict.fromkeys(stage)) for stage in study.stages(SimpleNamespace(validation_accuracy=accuracy))]
    return study, stages


def family(accuracies, shape, **options):
    (found,) = grown(accuracies, shapes=(shape,), **options)[0].families
    return found


def sizes(family):
    return [
        [(trial.architecture.blocks, trial.architecture.width) for trial in generation]
        for generation in family.generations
    ]


def test_the_two_ways_to_shrink():
    vgg = Architecture("vgg16", 5, 1.0)
    assert vgg.filters == ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
    assert vgg.smaller("blocks").filters == vgg.filters[:4]
    assert vgg.smaller("width").filters == ((32, 32), (64, 64), (128,) * 3, (256,) * 3, (256,) * 3)
    assert Architecture("vgg16", 1, 1.0).smaller("blocks") is None
    assert Architecture("vgg16", 5, 0.125).smaller("width").filters[0] == (4, 4)
    assert Architecture("vgg16", 5, 0.0625).smaller("width") is None


def test_a_family_ends_with_the_generation_that_falls_too_far():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (3, 1.0): 0.81, (2, 1.0): 0.79}
    one_way = {"shape": "parent-child", "ways": ("blocks",)}
    short = family(accuracies, **one_way, max_drop=0.1)
    assert sizes(short) == [[(4, 1.0)], [(3, 1.0)], [(2, 1.0)]]
    assert sizes(family(accuracies, **one_way, max_drop=0.2))[3:] == [[(1, 1.0)]]
    assert [trial.generation for trial in short.members] == [1, 2, 3]
    assert [trial.line for trial in short.members] == [(short.firsts[0],), (short.members[0],), (short.members[1],)]


def test_a_network_that_failed_ends_its_family_and_is_no_best_child():
    nan = float("nan")
    alone = family({**EASY, (4, 1.0): nan}, "parent-child", ways=("blocks",))
    assert sizes(alone) == [[(4, 1.0)]]
    several = family({**EASY, (4, 1.0): nan, (5, 0.5): 0.88, (4, 0.5): 0.1, (5, 0.25): 0.1}, "parent-children")
    assert {trial.line[0].architecture.width for trial in several.generations[1]} == {0.5}


def test_the_best_child_on_validation_goes_on():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (5, 0.5): 0.88, (4, 0.5): 0.6, (5, 0.25): 0.7}
    found = family(accuracies, "parent-children", max_drop=0.1)
    assert sizes(found) == [[(4, 1.0), (5, 0.5)], [(4, 0.5), (5, 0.25)]]
    assert all(trial.line == (found.generations[0][1],) for trial in found.generations[1])


def test_a_beam_of_two_grows_a_tree():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (5, 0.5): 0.88, (3, 1.0): 0.5, (4, 0.5): 0.6, (5, 0.25): 0.7}
    found = family(accuracies, "parent-children", beam=2, max_drop=0.1)
    assert sizes(found) == [[(4, 1.0), (5, 0.5)], [(4, 0.5), (5, 0.25), (3, 1.0), (4, 0.5)]]
    parents = [trial.line[0].architecture for trial in found.generations[1]]
    assert [(parent.blocks, parent.width) for parent in parents] == [(5, 0.5), (5, 0.5), (4, 1.0), (4, 1.0)]


def test_ancestors_are_the_whole_line_and_the_other_first_parents_with_equal_weights():
    found = family(EASY, "ancestors-child", ways=("blocks",), max_drop=0.2)
    first, second = found.members[:2]
    assert first.line == found.firsts
    assert [parent.architecture.base for parent in found.firsts] == ["vgg16", "vgg19"]
    assert second.line == (first, *found.firsts)
    assert [weight for weight, _ in second.teachers] == pytest.approx([1 / 3] * 3)
    assert [trial.series for trial in (first, second)] == [FROM_ANCESTORS] * 2


def test_the_hint_comes_from_the_middle_block_of_the_smaller_network():
    study, _ = grown(EASY, shapes=("parent-child",), ways=("blocks",))
    two = study.families[0].members[1]
    (hint,) = study.hints(two)
    assert (hint.student, hint.teacher, hint.teacher_channels, hint.weight) == ("block_2", "block_2", 128, 0.1)
    assert two.columns()["hint"] == "block_2"
    assert study.hints(replace(two, hint_weight=0.0)) == []


def test_siblings_have_seeds_of_their_own():
    found = family({**EASY, (4, 1.0): 0.5}, "parent-children", ways=("blocks",), siblings=3, seeds=(7,))
    assert [trial.seed for trial in found.generations[0]] == [7, 1007, 2007]
    assert {trial.family for trial in found.generations[0]} == {7}


def test_the_families_of_a_seed_advance_in_step_and_share_lineages():
    study, stages = grown(EASY, max_drop=0.2, seeds=(0, 1))
    firsts, generation, *_, last = stages
    assert [trial.series for trial in firsts] == [FIRST_PARENT] * 2
    # A block less and half the width, taught by the parent, and by both first parents.
    assert len(generation) == 2 * 2
    assert {trial.generation for trial in generation} == {1}
    seeds = [{trial.family for trial in stage} for stage in stages]
    assert seeds == sorted(seeds, key=max)
    assert seeds[-1] == {0, 1}
    members = [trial for family in study.families for trial in family.members]
    assert len(set(members)) < len(members)
    assert set(members) <= set(last)
    keys = [study.key(trial) for trial in last]
    assert len(set(keys)) == len(keys)


def test_the_first_child_is_the_one_shot_network():
    study, stages = grown({**EASY, (4, 1.0): 0.1}, shapes=("parent-child",), ways=("blocks",))
    (child,) = study.families[0].members
    assert child.series == ONE_SHOT
    assert [trial.series for trial in stages[-1]] == [FIRST_PARENT, FIRST_PARENT, ONE_SHOT, "labels alone"]
    grandchild = replace(child, line=(child,))
    assert grandchild.series == FROM_PARENT
    assert grandchild.generation == 2


@pytest.mark.parametrize(("one_teacher", "seeds"), [(True, {0}), (False, {0, 1})])
def test_first_parents_of_each_seed_or_of_all(one_teacher, seeds):
    study, _ = grown({**EASY, (4, 1.0): 0.1}, seeds=(0, 1), one_teacher=one_teacher, ways=("blocks",))
    assert {family.firsts[0].seed for family in study.families} == seeds
    assert {trial.seed for family in study.families for trial in family.members} == {0, 1}


@pytest.mark.usefixtures("in_empty_folder")
def test_flips_show_each_training_image_in_two_views():
    sizes = {"data": "synthetic", "train_size": 20, "validation_size": 10, "test_size": 10}
    plain, flipped = (Untrained(IterativeConfig(**sizes, flips=flips)) for flips in (False, True))
    for study in (plain, flipped):
        study.IMAGE_SIZE, study.CHANNELS = 28, 1
    assert plain.dataset.train.views is None
    assert flipped.dataset.train.views.count == 2
    assert flipped.dataset.test.views is None
    assert flipped.dataset.train.fingerprint != plain.dataset.train.fingerprint


def test_families_csv_lists_each_network_once_for_each_family(tmp_path):
    study, _ = grown({**EASY, (3, 1.0): 0.1}, shapes=("parent-child", "parent-children"), ways=("blocks",))
    study.finish(None, tmp_path)
    table = pd.read_csv(tmp_path / "families.csv", dtype=str, keep_default_na=False)
    kinds = [*table.groupby(["shape", "ways"], sort=False).generation.agg(list).items()]
    assert kinds == [
        (("parent-child", "blocks"), ["0", "1", "2"]),
        (("parent-children", "blocks"), ["0", "1", "2"]),
        (("one-shot", ""), ["0", "1", "1"]),
        (("labels alone", ""), ["0", "", ""]),
    ]
    first, child, grandchild = table.trial[:3]
    assert list(table.parents[:3]) == ["", first, child]
    assert list(table.trial[3:6]) == [first, child, grandchild]
    assert table.trial[7] == child


def test_families_of_other_seeds_stay_and_none_comes_twice(tmp_path):
    path = tmp_path / "families.csv"
    study, _ = grown({**EASY, (4, 1.0): 0.1}, shapes=("parent-child",), ways=("blocks",))
    write_families(path, study.lines())
    once = path.read_text()
    write_families(path, study.lines())
    assert path.read_text() == once
    other, _ = grown({**EASY, (4, 1.0): 0.1}, shapes=("parent-child",), ways=("blocks",), seeds=(1,))
    write_families(path, other.lines())
    assert path.read_text().startswith(once)
    assert set(pd.read_csv(path).family) == {0, 1}


def test_every_architecture_of_a_family_has_both_baselines():
    study, _ = grown(EASY, shapes=("parent-child",), ways=("width",), max_drop=0.2)
    pairs = study.baselines(study.families)
    assert [pair[0].architecture for pair in pairs] == [trial.architecture for trial in study.families[0].members]
    for one_shot, alone in pairs:
        assert one_shot.line == study.families[0].firsts[:1]
        assert (one_shot.method, alone.method, alone.line) == ("kd", "plain", ())
        assert one_shot.architecture == alone.architecture


TEACHER = FamilyTrial(
    method="teacher",
    network="n",
    seed=0,
    family=0,
    epochs=1,
    batch_size=8,
    learning_rate=0.1,
    architecture=Architecture("vgg16", 5, 1.0),
)
CHILD = replace(TEACHER, method="kd", line=(TEACHER,), hint_weight=0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("architecture", Architecture("vgg16", 4, 1.0)),
        ("family", 1),
        ("line", (TEACHER, replace(TEACHER, seed=1))),
        ("hint_weight", 0.2),
    ],
)
def test_each_field_is_part_of_the_key(name, value):
    assert name in {field.name for field in fields(FamilyTrial)}
    assert replace(CHILD, **{name: value}).key(lambda trial: "") != CHILD.key(lambda trial: "")


def test_a_key_knows_the_whole_line():
    grandchild = replace(CHILD, line=(CHILD,))
    other = replace(CHILD, line=(replace(CHILD, line=(replace(TEACHER, epochs=2),)),))
    assert grandchild.key(lambda trial: "") != other.key(lambda trial: "")
