"""Tables, figures and verdicts of study 3: families of smaller and smaller networks."""

import matplotlib.figure
import pandas as pd

from report.claims import Claim, answer, percent, points
from report.figures import COLOURS, intervals, panel
from report.intervals import in_percent, mean_interval, summarise
from report.rows import StudyRows

ARCHITECTURE = ["base", "blocks", "width"]


def kinds(rows: pd.DataFrame) -> pd.Series:
    """How each network was trained: its family's shape, or one of the baselines."""
    one_shot = rows["shape"].isna() & (rows.method == "kd")
    names = rows["shape"].where(rows["shape"].notna(), rows.method)
    return names.mask(one_shot, "one-shot").rename("kind")


def families(study: StudyRows) -> tuple[pd.DataFrame, dict[str, matplotlib.figure.Figure]]:
    """Accuracy and size by kind and architecture; the Pareto fronts and the family tree."""
    rows = study.rows.assign(kind=kinds(study.rows))
    table = summarise(rows, ["kind", *ARCHITECTURE], ["test_accuracy", "params", "macs", "float32_bytes"])
    table = table.drop(columns=["params ±", "macs ±", "float32_bytes ±"])
    name = rows.study.iloc[0]
    return in_percent(table), {f"{name}-pareto": pareto_figure(rows), f"{name}-tree": tree_figure(rows)}


def pareto_front(points_: pd.DataFrame) -> pd.DataFrame:
    """Of lines with float32_bytes and test_accuracy, those that no smaller one equals or beats."""
    ordered = points_.sort_values(["float32_bytes", "test_accuracy"], ascending=[True, False])
    best = ordered.test_accuracy.cummax().shift(fill_value=-1.0)
    return ordered[ordered.test_accuracy > best]


def pareto_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Mean test accuracy against memory of the weights, a front for each kind."""
    figure, axes = panel(
        (8, 4.8),
        xlabel="weights in float32 (MiB)",
        ylabel="test accuracy (%)",
        title="Pareto fronts; mean, 95% interval",
    )
    for colour, (kind, members) in zip(COLOURS, rows.groupby("kind", sort=False), strict=False):
        style = {"linestyle": "", "marker": ".", "alpha": 0.5, "color": colour}
        intervals(axes, members, ARCHITECTURE, "float32_bytes", unit=2**20, **style)
        front = pareto_front(summarise(members, ARCHITECTURE, ["test_accuracy", "float32_bytes"]))
        axes.plot(front.float32_bytes / 2**20, 100 * front.test_accuracy, marker="o", color=colour, label=kind)
    axes.set_xscale("log")
    axes.legend(fontsize="small")
    return figure


def tree_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Who taught whom, in the families of the first seed: size from left to right, accuracy upwards."""
    family = rows[(rows.family == rows.family.min()) | (rows.method == "teacher")]
    family = family[family["shape"].notna() | (family.method == "teacher")].set_index("trial")
    figure = matplotlib.figure.Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.add_subplot()
    shapes = list(family["shape"].dropna().unique())
    for _, row in family.iterrows():
        for rank, parent in enumerate(str(row.parents).split() if isinstance(row.parents, str) else []):
            axes.plot(
                [family.float32_bytes[parent] / 2**20, row.float32_bytes / 2**20],
                [100 * family.test_accuracy[parent], 100 * row.test_accuracy],
                color=COLOURS[shapes.index(row["shape"])],
                linewidth=1.4 if rank == 0 else 0.5,
                alpha=0.8 if rank == 0 else 0.4,
            )
    for number, name in enumerate(shapes):
        own = family[family["shape"] == name]
        axes.scatter(own.float32_bytes / 2**20, 100 * own.test_accuracy, color=COLOURS[number], label=name, zorder=3)
    first = family[family.method == "teacher"]
    axes.scatter(first.float32_bytes / 2**20, 100 * first.test_accuracy, color="black", marker="*", s=120, zorder=3)
    for row in family.itertuples():
        axes.annotate(
            f"{row.blocks:g} × {row.width:g}", (row.float32_bytes / 2**20, 100 * row.test_accuracy), fontsize=6
        )
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set(
        xlabel="weights in float32 (MiB)",
        ylabel="test accuracy (%)",
        title="Who taught whom (blocks × width; thin lines: further ancestors; stars: first parents)",
    )
    axes.legend(fontsize="small")
    return figure


def claims(study: StudyRows, name: str) -> list[Claim]:
    """The paper's blank x% and y%, and recursive against one-shot, over the seeds of families."""
    rows = study.rows.assign(kind=kinds(study.rows))
    first = rows[rows.method == "teacher"].head(1)
    families_ = rows[rows["shape"].notna()]
    label = f"3 iterative, {name}"
    best = smallest_within(families_, first, drop=0.02)
    saved = mean_interval(1 - best.float32_bytes / first.float32_bytes.item())
    lost = mean_interval(first.test_accuracy.item() - best.test_accuracy)
    found = [
        Claim(
            label,
            "memory saved and accuracy lost: smallest network within 2 points of the first parent on validation",
            "x%, y% (left blank)",
            f"{percent(saved)} less memory, {points(lost)} of test accuracy lost",
            "measured",
        )
    ]
    for kind, members in families_.groupby("kind", sort=False):
        # Up to generation 1 nothing is recursive: a first parent's child is the one-shot network itself.
        for baseline, own in (("one-shot", members[members.generation > 1]), ("plain", members)):
            gain = against(own, rows[rows.kind == baseline])
            since = " from generation 2 on" if baseline == "one-shot" else ""
            found.append(Claim(label, f"{kind} beats {baseline}{since}", "implied", points(gain), answer(gain)))
    return found


def smallest_within(families_: pd.DataFrame, first: pd.DataFrame, drop: float) -> pd.DataFrame:
    """For each family the smallest network whose validation accuracy is within `drop` of the first parent's.

    Args:
        families_: rows of the families.
        first: the row of the first parent, which belongs to each family.
        drop: share of accuracy.
    """
    members = pd.concat([families_, *(first.assign(family=family) for family in families_.family.unique())])
    good = members[members.validation_accuracy >= first.validation_accuracy.item() - drop]
    return good.sort_values("float32_bytes").groupby("family").head(1)


def against(members: pd.DataFrame, baseline: pd.DataFrame):
    """Interval over family seeds of the mean difference in test accuracy, architecture by architecture."""
    on = [*ARCHITECTURE, "family"]
    means = (part.groupby(on).test_accuracy.mean() for part in (members, baseline))
    left, right = means
    difference = (left - right).dropna()
    return mean_interval(difference.groupby("family").mean())
