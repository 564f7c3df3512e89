"""Tables, figures and verdicts of channel pruning on Dogs vs. Cats."""

from itertools import product

import matplotlib.figure
import pandas as pd

from kdsuite.report import catdog
from kdsuite.report.claims import Claim, answer, points
from kdsuite.report.figures import COLOURS, intervals, panel
from kdsuite.report.intervals import in_percent, mean_interval, paired_difference, summarise
from kdsuite.report.rows import StudyRows, read

STUDY = "1 CS230, channels"
SAME_SIZE = 0.05
MEASURED = ["test_accuracy", "validation_accuracy_before_training"]
COSTS = {"params": "parameters (millions)", "macs": "multiply-accumulates (millions)"}
MARKERS = {"plain": "o", "kd": "s"}
CRITERIA = {"l1": "L1", "apoz": "APoZ", "taylor": "Taylor", "random": "random"}
LEARNT_FROM = {"plain": "labels", "kd": "labels and teacher"}


def channels(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Accuracy, size and speed by criterion and share kept, with the figures."""
    students = study.rows[study.rows.method != "teacher"]
    table = summarise(students, ["keep", "prune_method", "method"], [*MEASURED, "params", "macs", "speed_up"])
    table = in_percent(table.drop(columns=["params ±", "macs ±", *(f"{name} ±" for name in MEASURED[1:])]))
    return table, {
        "catdog-channels": cost_figure(study),
        "catdog-channels-speed": speed_figure(study.rows),
    }


def layer_students(study: StudyRows) -> pd.DataFrame:
    """The students of catdog-mobilenet, if its rows are in the same folder."""
    if not (study.folder / "catdog-mobilenet.csv").exists():
        return pd.DataFrame(columns=study.rows.columns)
    return catdog.usual(read("catdog-mobilenet", study.folder).rows)


def cost_figure(study: StudyRows) -> matplotlib.figure.Figure:
    """Test accuracy against parameters and against MACs: channels by criterion, and layers removed."""
    figure = matplotlib.figure.Figure(figsize=(13, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    students = study.rows[study.rows.method != "teacher"]
    layers = layer_students(study)
    for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
        for colour, (criterion, members) in zip(COLOURS, students.groupby("prune_method", sort=False), strict=False):
            for method, own in members.groupby("method", sort=False):
                intervals(
                    axes,
                    own,
                    ["keep"],
                    cost,
                    unit=1e6,
                    color=colour,
                    marker=MARKERS[method],
                    linestyle="-" if method == "kd" else ":",
                    label=f"channels by {CRITERIA[criterion]}, {LEARNT_FROM[method]}",
                )
        for method, own in layers.groupby("method", sort=False):
            axes.scatter(
                own[cost] / 1e6,
                100 * own.test_accuracy,
                color="grey",
                marker=MARKERS[method],
                alpha=0.6,
                label=f"layers removed, {LEARNT_FROM[method]}",
            )
        teacher = study.rows[study.rows.method == "teacher"]
        axes.scatter(
            teacher[cost] / 1e6, 100 * teacher.test_accuracy, color="black", marker="*", s=120, label="teacher"
        )
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy (%), mean and 95% interval")
    panels[1].set_xscale("log")
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    return figure


def speed_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Measured speed-up of the pruned networks against the share of MACs that is left."""
    figure, axes = panel(
        xlabel="MACs of the teacher / MACs", ylabel="measured speed-up", title="Forward passes of 32 images on this CPU"
    )
    teacher = rows[rows.method == "teacher"].macs.iloc[0]
    students = rows[rows.method != "teacher"]
    for colour, (criterion, members) in zip(COLOURS, students.groupby("prune_method", sort=False), strict=False):
        axes.scatter(teacher / members.macs, members.speed_up, color=colour, label=CRITERIA[criterion], alpha=0.7)
    most = (teacher / students.macs).max()
    axes.plot([1, most], [1, most], color="grey", linestyle="--", label="in proportion to MACs")
    axes.legend()
    return figure


def claims(study: StudyRows) -> list[Claim]:
    """What the paper's authors set out to find, with our intervals over seeds (test accuracy)."""
    rows = study.rows[study.rows.method != "teacher"]
    gain = paired_difference(rows, "test_accuracy", rows.method == "kd", rows.method == "plain")
    least = rows[rows.keep == rows.keep.min()]
    found = [
        Claim(
            STUDY, "distillation helps students with channels removed", "not finished", _difference(gain), answer(gain)
        )
    ]
    for criterion in rows.prune_method.unique():
        if criterion != "random":
            ahead = paired_difference(
                least, "test_accuracy", least.prune_method == criterion, least.prune_method == "random"
            )
            share = 100 * least.keep.iloc[0]
            found.append(
                Claim(
                    STUDY,
                    f"{CRITERIA[criterion]} ranks better than chance ({share:g}% kept)",
                    "",
                    points(ahead),
                    answer(ahead),
                )
            )
    teacher = study.rows[study.rows.method == "teacher"].macs.iloc[0]
    efficiency = mean_interval((rows.speed_up / (teacher / rows.macs)).groupby(rows.seed).mean())
    return [
        *found,
        *_against_layers(rows, layer_students(study)),
        Claim(
            STUDY,
            "the time of a forward pass falls with the MACs",
            "",
            f"speed-up / saving in MACs {efficiency.mean:.2f} [{efficiency.low:.2f}, {efficiency.high:.2f}]",
            "measured",
        ),
    ]


def _against_layers(channels_: pd.DataFrame, layers: pd.DataFrame) -> list[Claim]:
    """Students that lost channels against those of about the same size that lost layers by zero density."""
    found = []
    by_zero_density = layers[layers.prune_method == "zero_density"]
    for (keep, own), (units, alike) in product(channels_.groupby("keep"), by_zero_density.groupby("units_removed")):
        left, right = own.params.mean(), alike.params.mean()
        if abs(left / right - 1) > SAME_SIZE:
            continue
        both = pd.concat([own.assign(cut="channels"), alike.assign(cut="layers")])
        ahead = paired_difference(both, "test_accuracy", both.cut == "channels", both.cut == "layers")
        found.append(
            Claim(
                STUDY,
                f"removing channels ({100 * keep:g}% kept, mean of criteria) beats removing {units:g} layers",
                "",
                f"{left / 1e6:.2f} M parameters against {right / 1e6:.2f} M: {points(ahead)}",
                answer(ahead),
            )
        )
    return found


def _difference(interval) -> str:
    return f"distilled − plain {points(interval)}"
