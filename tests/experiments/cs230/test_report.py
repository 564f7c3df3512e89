"""Study 1's tables and figures, on the reference's rows."""

from dataclasses import replace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from experiments import registry
from experiments.cs230 import report_channels
from experiments.cs230.drawing import in_words, tally
from experiments.cs230.pictures import mistakes_figure
from kdsuite.report.intervals import Interval
from kdsuite.report.measures import measure_of
from kdsuite.report.rows import read
from kdsuite.report.samples import Sample
from kdsuite.report.tables import summary_table
from tests.report.made_up import results

(STUDY,) = (study for study in registry.studies() if study.number == 1)
FIGURES = {
    "mnist-dense": ["mnist-dense"],
    "mnist-lambda-sweep": ["mnist-lambda-sweep"],
    "mnist-batch-sweep": ["mnist-batch-sweep"],
    "catdog-mobilenet": [
        "catdog-candidates",
        *(f"catdog-figure-{number}" for number in (5, 6, 7, 8)),
        *("catdog-lambda", "catdog-temperature", "catdog-recalibration", "catdog-zero-density"),
    ],
    "catdog-channels": [f"catdog-channels{name}" for name in ("", "-differences", "-layers", "-speed")],
    "catdog-orders": ["catdog-orders"],
    "catdog-hints": ["catdog-hints"],
    "cifar-transfer": ["cifar-transfer"],
}


RUN = [experiment for experiment in STUDY.experiments if experiment.name in FIGURES]


@pytest.mark.parametrize("experiment", RUN, ids=lambda experiment: experiment.name)
def test_the_reference_has_a_table_and_all_figures(experiment, tmp_path):
    report, found = STUDY.load("report", experiment.report), read(experiment.name)
    assert summary_table(report.summary, found).row_count > 1
    figures = report.figures(found)
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
    assert titles[1].startswith("the student, where its teacher is right: 1 × cat taken for dog, 1 × dog for cat")
    shown = [axes.get_title() for axes in figure.subfigs[0].axes if axes.get_title()]
    assert shown == ["cat, 10.0%", "cat, 20.0%", "dog, 20.0%"]


def future_results(name):
    """Two seeds of made-up rows of an experiment that the reference may lack."""
    lines = []
    for seed in (0, 1):
        common = {"role": "student", "seed": seed, "epochs": 3, "sweep": name.removeprefix("catdog-"), "lambda": 0.5}
        if name == "catdog-orders":
            lines += [
                common | {"prune_method": order, "keep": keep, "macs_share": keep + 0.01, "series": "labels alone",
                          "test_accuracy": 0.8 + 0.1 * keep + 0.01 * seed}
                for order in ("zero_density", "random", "block_influence") for keep in (0.75, 0.5)
            ]  # fmt: skip
        elif name == "catdog-hints":
            lines += [
                common | {"hint": hint, "weights": weights, "series": "distilled", "test_accuracy": 0.6 + 0.01 * seed}
                for hint in (None, "conv_pw_5_relu", "pool") for weights in ("random", "piped")
            ]  # fmt: skip
        else:
            lines += [
                common | {"units_removed": count, "series": series, "method": method, "train_size": size,
                          "test_accuracy": 0.7 + 0.01 * seed + 0.02 * (method == "kd")}
                for count in (2, 8) for size in (1000, 7000)
                for series, method in (("labels alone", "plain"), ("distilled", "kd"))
            ]  # fmt: skip
    return results(lines, name, dataset="cats_vs_dogs", train_size=1000, test_size=2500)


@pytest.mark.parametrize("name", ["catdog-orders", "catdog-hints", "catdog-images"])
def test_experiments_to_come_are_drawn(name, tmp_path):
    _, experiment = registry.experiments()[name]
    report = STUDY.load("report", experiment.report)
    (figure,) = report.figures(future_results(name)).values()
    figure.savefig(tmp_path / "figure.png", dpi=50)
    labels = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert {"catdog-orders": "chance, 75%", "catdog-hints": "the pooled features", "catdog-images": "7,000 images"}[
        name
    ] in labels


def channels_results(folder):
    """Made-up channels.csv beside rows of two criteria, kept to shares of both costs and layer by layer."""
    kinds = [("params", "global"), ("macs", "global"), ("params", "layer")]
    lines = [
        {"role": "student", "seed": seed, "series": series, "method": method, "prune_method": criterion, "keep": 0.5,
         "target": target, "scope": scope, "test_accuracy": 0.8 + 0.01 * seed, "params": 9e5, "macs": 1.6e8,
         "macs_share": 0.5, "speed_up": 1.6, "epochs": 3}
        for seed in (0, 1) for series, method in (("labels alone", "plain"), ("distilled", "kd"))
        for criterion in ("l1", "random") for target, scope in kinds
    ]  # fmt: skip
    teacher = {"role": "teacher", "method": "teacher", "seed": 0, "test_accuracy": 0.97, "params": 1.8e6, "macs": 3.2e8}
    made = results([teacher, *lines], "catdog-channels", dataset="cats_vs_dogs", train_size=1000, test_size=2500)
    layers = [
        {"trial": row.trial, "layer": f"conv_pw_{place}", "place": place, "had": 100,
         "left": 10 if (row.prune_method, place) == ("l1", 1) else 70}
        for row in made.rows[1:].itertuples() for place in (1, 2)
    ]  # fmt: skip
    pd.DataFrame(layers).to_csv(folder / "channels.csv", index=False)
    return replace(made, folder=folder)


def test_channels_at_equal_cost_and_by_layer(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    report = STUDY.load("report", "CHANNELS")
    figures = report.figures(channels_results(tmp_path / "a" / "b"))
    title = figures["catdog-channels-layers"]._suptitle.get_text()
    assert title == "At 50% of the parameters L1 leaves conv_pw_1 only 10% of its channels"
    # 1.6 times as fast takes 37.5% less time, of 50% fewer multiply-adds.
    title = figures["catdog-channels-speed"]._suptitle.get_text()
    assert title.replace("\n", " ") == "A forward pass saves 75% of the time that the saved multiply-adds promise"
    left = figures["catdog-channels-differences"].axes[0]
    names = [text.get_text() for text in left.get_yticklabels()]
    assert names == ["L1, 50% of parameters", "L1, 50% of MACs", "L1, 50% of parameters, each layer"]
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png", dpi=50)


@pytest.mark.parametrize(("fingerprint", "count"), [("of 224 pixels", 1), ("of 160 pixels", 0)])
def test_layers_are_drawn_beside_channels_of_the_same_images_alone(fingerprint, count, monkeypatch):
    layers = results([{"role": "student", "sweep": "layers", "prune_method": "zero_density"}], "catdog-mobilenet")
    channels = results([{"role": "student"}], "catdog-channels")
    layers.setting["data"]["fingerprint"], channels.setting["data"]["fingerprint"] = "of 224 pixels", fingerprint
    monkeypatch.setattr(report_channels, "read", lambda experiment, root: layers)
    assert len(report_channels.layer_students(channels)) == count
