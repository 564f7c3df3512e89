from kdsuite.compress.candidates import Recipe
from kdsuite.compress.choosing import Candidate, best, pareto, survivors
from kdsuite.compress.costs import ModelCosts
from kdsuite.compress.goals import Goal

WHOLE = ModelCosts(100, 1000, 100)


def candidate(macs, accuracy, rung=0, divergence=0.1, criterion="l1"):
    recipe = Recipe(macs / 1000, criterion)
    return Candidate(recipe, ModelCosts(macs, macs, macs), {}, (), rung, "float32", 10, 1.0, accuracy, divergence)


def test_with_a_target_the_most_accurate_go_on_and_ties_go_to_the_nearer_to_the_teacher():
    first, second, third = candidate(500, 0.8), candidate(500, 0.9), candidate(500, 0.9, divergence=0.01)
    goal = Goal("macs", 0.5)
    assert survivors([first, second, third], goal, 0.95, WHOLE, 2) == [third, second]
    assert best([first, second, third], goal, 0.95, WHOLE) == third


def test_with_a_drop_alone_the_smallest_that_may_still_get_there_go_on():
    small, middle, large = candidate(200, 0.80), candidate(400, 0.90), candidate(700, 0.94)
    goal = Goal(max_drop=0.01)
    assert survivors([small, middle, large], goal, 0.95, WHOLE, 2) == [middle, large]
    later = [candidate(400, 0.90, rung=1), candidate(700, 0.94, rung=1)]
    assert survivors(later, goal, 0.95, WHOLE, 1) == [later[1]]


def test_with_a_drop_alone_the_result_is_the_smallest_within_it():
    goal = Goal(max_drop=0.02)
    small, middle, large = candidate(200, 0.93), candidate(400, 0.94), candidate(700, 0.95)
    # 0.02 is within the drop, but not within three quarters of it.
    assert best([small, middle, large], goal, 0.95, WHOLE) == middle
    assert best([small], goal, 0.95, WHOLE) == small
    assert best([candidate(200, 0.5), candidate(700, 0.7)], goal, 0.95, WHOLE).accuracy == 0.7


def test_the_front_holds_what_no_other_beats():
    a, b, c, d = candidate(100, 0.7), candidate(200, 0.6), candidate(300, 0.9), candidate(300, 0.8)
    assert pareto([d, c, b, a]) == [a, c]
