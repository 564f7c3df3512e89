"""Table and figure of study 1's criteria at equal multiply-adds on CIFAR-10."""

from matplotlib.figure import Figure

from experiments.cs230.claims_channels import NAMES
from experiments.cs230.claims_criteria import PARENT, by
from experiments.cs230.drawing import BLUE, ORANGE, draw_differences, samples, tally
from kdsuite.report.comparisons import Difference
from kdsuite.report.figures import panels, setting_caption
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

SCOPES = {"global": "channels from anywhere", "layer": "the same share of each layer"}


def figures(results: Results) -> dict[str, Figure]:
    """What each criterion adds to chance, and what its students lose against the network they are cut from."""
    students = results.rows[results.rows.role == "student"]
    kinds = {
        (criterion, scope): f"{NAMES[criterion]}, {words}"
        for scope, words in SCOPES.items()
        for criterion in NAMES
        if ((students.prune_method == criterion) & (students.scope == scope)).any()
    }
    over_chance = samples(
        results,
        {
            name: Difference("test_accuracy", by(criterion, scope), by("random", scope))
            for (criterion, scope), name in kinds.items()
            if criterion != "random"
        },
    )
    lost = samples(
        results,
        {name: Difference("test_accuracy", by(criterion, scope), PARENT) for (criterion, scope), name in kinds.items()},
    )
    title = f"Channels by a criterion instead of chance, at equal multiply-adds: accuracy {tally(over_chance)}"
    caption = setting_caption(results, students)
    figure, (left, right) = panels(2, title=title, caption=caption, size=(5.6, max(3.0, 0.32 * len(kinds))))
    draw_differences(left, over_chance, what="criterion − chance", colour=BLUE)
    draw_differences(right, lost, what="students − the network they are cut from", colour=ORANGE)
    return {"cifar-criteria": figure}


CRITERIA = ExperimentReport(
    Summary(
        by=("role", "scope", "prune_method"),
        labels={"role": "network", "scope": "from", "prune_method": "channels by", "macs share": "MACs"},
        values=NAMES | {"teacher": "whole", "global": "all", "layer": "each layer"},
        more=("macs_share",),
    ),
    figures,
)
