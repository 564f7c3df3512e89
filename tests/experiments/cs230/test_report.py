"""Study 1's tables and figures, on the reference's rows."""

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiments import registry
from experiments.cs230.drawing import in_words, tally
from experiments.cs230.pictures import mistakes_figure
from kdsuite.report.intervals import Interval
from kdsuite.report.measures import measure_of
from kdsuite.report.rows import read
from kdsuite.report.samples import Sample
from kdsuite.report.tables import summary_table

(STUDY,) = (study for study in registry.studies() if study.number == 1)
FIGURES = {
    "mnist-dense": ["mnist-dense"],
    "mnist-lambda-sweep": ["mnist-lambda-sweep"],
    "mnist-batch-sweep": ["mnist-batch-sweep"],
    "catdog-mobilenet": [
        *(f"catdog-figure-{number}" for number in (5, 6, 7, 8)),
        *("catdog-lambda", "catdog-recalibration", "catdog-zero-density"),
    ],
    "catdog-channels": ["catdog-channels", "catdog-channels-differences", "catdog-channels-speed"],
    "cifar-transfer": ["cifar-transfer"],
}


@pytest.mark.parametrize("experiment", STUDY.experiments, ids=lambda experiment: experiment.name)
def test_the_reference_has_a_table_and_all_figures(experiment, tmp_path):
    report, results = STUDY.load("report", experiment.report), read(experiment.name)
    assert summary_table(report.summary, results).row_count > 1
    figures = report.figures(results)
    assert sorted(figures) == sorted(FIGURES[experiment.name])
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png", dpi=50)
        assert matplotlib.image.imread(tmp_path / f"{name}.png").std() > 0.01


def sample(low, high):
    return Sample(pd.Series([low, high]), Interval((low + high) / 2, low, high), measure_of("test_accuracy"), "")


def test_titles_say_what_intervals_say():
    found = {"a": sample(0.001, 0.02), "b": sample(-0.005, 0.005), "c": sample(-0.02, 0.005), "d": sample(-0.05, 0.0)}
    assert [in_words(one) for one in found.values()] == ["higher", "no different", "undecided", "undecided"]
    assert in_words(sample(-0.3, -0.1)) == "lower"
    assert tally(found) == "is higher in 1 of 4 comparisons, no different in 1, undecided in 2"
    assert tally({"a": found["a"], "b": found["a"]}) == "is higher throughout"
    assert tally({"a": found["c"]}) == "is undecided"


def test_mistakes_are_counted_and_shown_in_both_directions():
    labels = np.array([0, 0, 0, 1, 1, 1])
    says_1 = np.array([0.9, 0.8, 0.1, 0.2, 0.9, 0.9])
    student_says_1 = np.array([0.9, 0.8, 0.7, 0.2, 0.3, 0.9])
    images = np.zeros((6, 4, 4, 3), np.uint8)
    teacher, student = (np.stack([1 - p, p], axis=1) for p in (says_1, student_says_1))
    figure = mistakes_figure(images, labels, teacher, student, ("cat", "dog"))
    titles = [part._suptitle.get_text() for part in figure.subfigs]
    assert titles[0].startswith("the teacher: 2 × cat taken for dog, 1 × dog for cat; of 6 images it calls 67% dog")
    assert titles[1].startswith("the student alone: 1 × cat taken for dog, 1 × dog for cat")
    shown = [axes.get_title() for axes in figure.subfigs[0].axes if axes.get_title()]
    assert shown == ["cat, 10.0%", "cat, 20.0%", "dog, 20.0%"]
