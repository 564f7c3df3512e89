"""Study 3: the family tree's bookkeeping, the stop rule and a smoke run."""

from pathlib import Path

import pandas as pd
import pytest

from experiments import iterative
from experiments.__main__ import main
from experiments.family import Architecture, grow
from experiments.iterative import IterativeConfig, baselines, children, first_parents
from experiments.rows import COLUMNS
from kdsuite.report.iterative import pareto_front

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke", "--results", "results"]


def test_the_two_ways_to_shrink():
    vgg = Architecture("vgg16", 5, 1.0)
    assert vgg.filters() == ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
    assert vgg.smaller("blocks").filters() == vgg.filters()[:4]
    assert vgg.smaller("width").filters() == ((32, 32), (64, 64), (128,) * 3, (256,) * 3, (256,) * 3)
    assert Architecture("vgg16", 1, 1.0).smaller("blocks") is None
    assert Architecture("vgg16", 5, 0.125).smaller("width").filters()[0] == (4, 4)
    assert Architecture("vgg16", 5, 0.0625).smaller("width") is None


def family(shape, ways=("blocks", "width"), beam=1, max_drop=0.1, accuracies=None, **settings):
    """Grows a family whose accuracies are given by (blocks, width), without training."""
    config = IterativeConfig(**settings)
    firsts = first_parents("study", config)

    def accuracy(trial):
        return accuracies.get((trial.architecture.blocks, trial.architecture.width), 0.95)

    def make(parent, ways):
        return children("study", config, shape, parent, firsts[1:], ways, 0)

    return firsts, grow(make, accuracy, firsts[0], shape, ways, beam=beam, max_drop=max_drop)


def shapes_of(generations):
    return [[(trial.architecture.blocks, trial.architecture.width) for trial in trials] for trials in generations]


def test_a_family_ends_with_the_generation_that_falls_too_far():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (3, 1.0): 0.81, (2, 1.0): 0.79}
    firsts, generations = family("parent-child", ways=("blocks",), accuracies=accuracies)
    assert shapes_of(generations) == [[(4, 1.0)], [(3, 1.0)], [(2, 1.0)]]
    _, whole = family("parent-child", ways=("blocks",), accuracies=accuracies, max_drop=0.2)
    assert shapes_of(whole) == [[(4, 1.0)], [(3, 1.0)], [(2, 1.0)], [(1, 1.0)]]
    assert [trials[0].generation for trials in whole] == [1, 2, 3, 4]
    assert [trials[0].ancestors for trials in whole] == [(firsts[0],)] + [(trials[0],) for trials in whole[:-1]]


def test_the_best_child_on_validation_goes_on():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (5, 0.5): 0.88, (4, 0.5): 0.6, (5, 0.25): 0.7}
    _, generations = family("parent-children", accuracies=accuracies)
    assert shapes_of(generations) == [[(4, 1.0), (5, 0.5)], [(4, 0.5), (5, 0.25)]]
    assert all(trial.ancestors == (generations[0][1],) for trial in generations[1])


def test_a_beam_of_two_grows_a_tree():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.85, (5, 0.5): 0.88, (3, 1.0): 0.5, (4, 0.5): 0.6, (5, 0.25): 0.7}
    _, generations = family("parent-children", beam=2, accuracies=accuracies)
    assert shapes_of(generations) == [[(4, 1.0), (5, 0.5)], [(4, 0.5), (5, 0.25), (3, 1.0), (4, 0.5)]]
    parents = [trial.ancestors[0].architecture for trial in generations[1]]
    assert [(p.blocks, p.width) for p in parents] == [(5, 0.5), (5, 0.5), (4, 1.0), (4, 1.0)]


def test_ancestors_are_the_whole_line_and_the_other_first_parents_with_equal_weights():
    firsts, generations = family("ancestors-child", ways=("blocks",), accuracies={(5, 1.0): 0.9}, max_drop=0.2)
    (first,), (second,) = generations[:2]
    assert first.ancestors == (firsts[0], firsts[1])
    assert second.ancestors == (first, firsts[0], firsts[1])
    assert [weight for weight, _ in second.teachers] == pytest.approx([1 / 3] * 3)
    assert second.hints[0].teacher_channels == first.architecture.filters()[1][-1]


def test_siblings_have_seeds_of_their_own():
    accuracies = {(5, 1.0): 0.9, (4, 1.0): 0.5}
    _, generations = family("parent-children", ways=("blocks",), accuracies=accuracies, siblings=3)
    assert [trial.seed for trial in generations[0]] == [0, 1000, 2000]
    assert {trial.family for trial in generations[0]} == {0}


def test_every_architecture_of_a_family_has_both_baselines():
    accuracies = {(5, 1.0): 0.9}
    firsts, generations = family("parent-child", ways=("width",), accuracies=accuracies, max_drop=0.2)
    members = [trial for generation in generations for trial in generation]
    grid = baselines("study", IterativeConfig(), firsts[0], members)
    assert {t.architecture for t in grid} == {t.architecture for t in members}
    assert [trial.method for trial in grid] == ["plain", "kd"] * len(members)
    assert all(trial.ancestors == (firsts[0],) for trial in grid if trial.method == "kd")


def test_pareto_front_by_hand():
    points = pd.DataFrame({"float32_bytes": [4, 1, 2, 3, 3], "test_accuracy": [0.9, 0.5, 0.7, 0.6, 0.7]})
    assert list(pareto_front(points).float32_bytes) == [1, 2, 4]


def test_smoke_profile(capsys):
    assert main(["iterative-mnist", *SMOKE]) == 0
    rows = pd.read_csv("results/iterative-mnist.csv")
    assert tuple(rows.columns) == (*COLUMNS, *iterative.COLUMNS)
    assert rows.trial.is_unique
    by_key = rows.set_index("trial")
    children_ = rows[rows["shape"].notna()]
    for row in children_.itertuples():
        parents = by_key.loc[row.parents.split()]
        assert parents.generation.iloc[0] == row.generation - 1
        assert parents.params.iloc[0] > row.params
        assert len(parents) == (1 if row.shape == "parent-child" else row.generation)
    assert (rows.float32_bytes == 4 * rows.params).all()
    for figure in ("pareto", "tree"):
        assert Path(f"results/figures/iterative-mnist-{figure}.png").stat().st_size > 10_000
    assert main(["iterative-mnist", *SMOKE, "--dry-run"]) == 0
    assert "missing" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-drop", "0"], "max drop 0.0: expected a share"),
        (["--beam", "0"], "beam 0: expected 1 or more"),
        (["--hint-weight", "-1"], "hint weight -1.0: expected 0 or more"),
        (["--lambda", "1.5"], "lambda 1.5"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["iterative-mnist", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
