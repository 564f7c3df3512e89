"""Study 4's table and figures."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.assistants.claims import (
    AVALANCHE,
    DIRECT,
    HIERARCHICAL,
    SMALLEST,
    TABLES,
    TEACHER_IN_PAPER,
    THROUGH_S1,
    Among,
    in_paper,
)
from kdsuite.report import ExperimentReport, Summary
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import (
    COLOURS,
    GREY,
    bar,
    end_labels,
    grow_limits,
    levels,
    log_ticks,
    pairs,
    panels,
    setting_caption,
)
from kdsuite.report.intervals import Interval
from kdsuite.report.measures import Measure, measure_of
from kdsuite.report.rows import Results

COLOUR = {DIRECT: COLOURS[0], THROUGH_S1: COLOURS[1], HIERARCHICAL: COLOURS[2]}
ACCURACY = measure_of("test_accuracy")
ERROR = Measure("teacher_feature_error", "teacher feature error", digits=3, higher_is_better=False)
COUNTS = {"s1": 1, "of_2": 2, "of_4": 4, "of_8": 8}
WAYS = ("alone", "from the teacher", "through assistants", "densely guided")


def figures(results: Results) -> dict[str, Figure]:
    """Accuracy and feature error by number of students; the smallest network of the future work."""
    rows = results.rows
    members, ensembles = rows[rows.role == "member"], rows[rows.role == "ensemble"]
    caption = setting_caption(results, members.assign(seed=members.ensemble_seed))
    found = {"assistants-errors": errors_figure(results, members, caption)}
    if set(of_regimes(ensembles)) > {DIRECT}:
        found["assistants-accuracy"] = accuracy_figure(rows, caption)
    smallest = rows[rows.student == SMALLEST]
    if set(WAYS) <= set(smallest.regimes):
        found["assistants-smallest"] = smallest_figure(smallest, setting_caption(results, smallest))
    return found


def of_regimes(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each regime that has some of its own; networks in several regimes are in each."""
    found = {regime: rows[Among(regime)(rows.regimes)] for regime in COLOUR}
    return {regime: own for regime, own in found.items() if (own.members > 1).any()}


def accuracy_figure(rows: pd.DataFrame, caption: str) -> Figure:
    """Accuracy by number of students and regime; and what assistants cost, beside what the paper found."""
    regimes = of_regimes(rows[rows.role == "ensemble"])
    teacher = 100 * rows[rows.role == "teacher"].test_accuracy.mean()
    costs = {
        regime: against_direct(regime, own, regimes[DIRECT]) for regime, own in regimes.items() if regime != DIRECT
    }
    found = {
        (regime, count): ACCURACY.difference_interval(seeds.gain, rows).scaled(100)
        for regime, own in costs.items()
        for count, seeds in own.groupby("members")
    }
    title = accuracy_title(found, regimes, teacher)
    figure, (left, right) = panels(2, title=title, caption=caption)
    counts = sorted(set().union(*(own.members for own in regimes.values())))
    for regime, own in regimes.items():
        levels(left, own, "members", colour=COLOUR[regime])
    low, high = left.get_ylim()
    left.set_ylim(min(low, teacher - 1), max(high, teacher + 1))
    left.axhline(teacher, color=GREY, linestyle="--", linewidth=1)
    left.annotate("teacher", (counts[0], teacher), (0, 4), textcoords="offset points", color=GREY, fontsize=9)
    by_count = {regime: 100 * own.groupby("members").test_accuracy.mean() for regime, own in regimes.items()}
    label_ends(left, by_count, counts)
    left.set(xlabel="students in the ensemble", ylabel="test accuracy (%)")
    for shift, (regime, own) in zip((0.97, 1.03), costs.items(), strict=False):
        draw_costs(right, own, {count: found[regime, count] for count in own.members.unique()}, regime, shift)
    right.axhline(0, color=GREY, linewidth=0.8)
    log_ticks(right, [count for count in counts if count > 1])
    right.set_xlim(1.7, 2 * counts[-1])
    ends = {regime: 100 * own.groupby("members").gain.mean() for regime, own in costs.items()}
    end_labels(right, {regime: (counts[-1] * 1.06, line.iloc[-1], COLOUR[regime]) for regime, line in ends.items()})
    right.set(xlabel="students in the ensemble", ylabel="difference to direct (points)")
    right.set_title("crosses: published", fontsize=9, loc="right", color=GREY)
    return figure


def against_direct(regime: str, rows: pd.DataFrame, direct: pd.DataFrame) -> pd.DataFrame:
    """How much test accuracy a regime's ensembles have above direct ones: members, seed, gain.

    Two students below S1 are in two regimes and count once, as hierarchical.
    """
    by = ["members", "seed"]
    own = rows[rows.regimes.str.startswith(regime) & (rows.members > 1)]
    gain = own.groupby(by).test_accuracy.mean() - direct.groupby(by).test_accuracy.mean()
    return gain.dropna().rename("gain").reset_index()


def draw_costs(axes: Axes, costs: pd.DataFrame, found: Mapping[int, Interval], regime: str, shift: float) -> None:
    """Draws differences to direct ensembles: dots of seeds, means with intervals, published ones as crosses."""
    by_count = {count: 100 * own.gain.to_numpy() for count, own in costs.groupby("members")}
    paper = {count: 100 * (in_paper(int(count), regime) - in_paper(int(count), DIRECT)) for count in by_count}
    values = 100 * costs.gain.to_numpy()
    grow_limits(axes, pd.concat([pd.Series(values), pd.Series(paper)]).to_numpy(float), list(found.values()))
    for count, values in by_count.items():
        axes.plot([count * shift] * len(values), values, ".", color=COLOUR[regime], alpha=0.5, markersize=5)
        bar(axes, count * shift, found[count], COLOUR[regime])
        axes.plot([count * shift], [paper[count]], marker="x", color=COLOUR[regime], markersize=7, linestyle="")


def accuracy_title(found: Mapping[tuple, Interval], regimes: Mapping[str, pd.DataFrame], teacher: float) -> str:
    """How often other regimes lose to direct learning, and whether any ensemble reaches the teacher."""
    lost = sum(interval.high < 0 for interval in found.values())
    best = max(100 * own.groupby("members").test_accuracy.mean().max() for own in regimes.values())
    end = f"the best ensemble has {best:.1f}%, the teacher {teacher:.1f}%"
    return f"Direct learning beats assistants in {lost} of {len(found)} comparisons; {end}"


def errors_figure(results: Results, members: pd.DataFrame, caption: str) -> Figure:
    """Error on the teacher's own features by number of students."""
    regimes = of_regimes(members)
    figure, (axes,) = panels(1, title=errors_title(results), caption=caption, size=(7.0, 4.0))
    for regime, own in regimes.items():
        levels(axes, own, "members", ERROR, colour=COLOUR[regime], by="ensemble_seed")
    counts = sorted(set(members.members[members.teacher_feature_error.notna()]))
    label_ends(axes, {regime: own.groupby("members")[ERROR.value].mean() for regime, own in regimes.items()}, counts)
    axes.set(xlabel="students that share the vector", ylabel="squared error on the teacher's features (test)")
    return figure


def errors_title(results: Results) -> str:
    """How much less error 8 direct students have than 8 hierarchical ones."""
    try:
        less = AVALANCHE.compares.sample({results.experiment: results}, results.experiment).interval.scaled(100)
    except NotRun:
        return "Error on the teacher's features"
    return f"8 direct students have {shown(less)} less error than 8 hierarchical ones"


def shown(interval: Interval) -> str:
    """A share with its interval, in whole percent."""
    if interval.low != interval.low:
        return f"{interval.mean:.0f}%"
    return f"{interval.mean:.0f}% [{interval.low:.0f}, {interval.high:.0f}]"


def smallest_figure(rows: pd.DataFrame, caption: str) -> Figure:
    """The smallest network by whom it learned from."""
    groups = {way: rows.regimes == way for way in WAYS}
    accuracy = rows.pivot_table(index="seed", columns="regimes", values="test_accuracy")
    gains = [(accuracy[way] - accuracy["alone"]).dropna() for way in WAYS[1:]]
    better = sum(ACCURACY.difference_interval(gain, rows).low > 0 for gain in gains)
    title = f"The smallest network beats labels alone in {better} of {len(gains)} ways to teach it"
    figure, (axes,) = panels(1, title=title, caption=caption, size=(7.0, 3.9))
    pairs(axes, rows, groups)
    axes.set_ylabel("test accuracy (%)")
    return figure


def label_ends(axes: Axes, lines: Mapping[str, pd.Series], counts: list) -> None:
    """Writes the regimes beside the ends of their lines, over numbers of students as ticks."""
    log_ticks(axes, counts)
    axes.set_xlim(counts[0] / 1.15, counts[-1] * 2)
    end_labels(axes, {regime: (line.index[-1], line.iloc[-1], COLOUR[regime]) for regime, line in lines.items()})


def in_table(line: dict) -> float | None:
    """The published accuracy of a line of the summary."""
    if line["role"] == "teacher":
        return TEACHER_IN_PAPER
    regime = (line["regimes"] or "").split(", ")[0]
    if line["role"] != "ensemble" or regime not in TABLES:
        return None
    return in_paper(COUNTS[line["size"]], regime)


SUMMARY = Summary(
    by=("role", "regimes", "size"),
    labels={"regimes": "learns", "teacher feature error": "feature error"},
    values={
        "direct, hierarchical, through S1": "in all regimes",
        "through assistants, densely guided": "from the teacher",
        **{size: f"of {count}" for size, count in COUNTS.items()},
        "s1": "S1",
        "vgg16": "VGG-16",
    },
    more=(ERROR,),
    published=in_table,
    by_seed="ensemble_seed",
)
ASSISTANTS = ExperimentReport(SUMMARY, figures)
