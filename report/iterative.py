"""Tables, figures and verdicts of study 3: families of smaller and smaller networks."""

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from kdsuite.report.claims import Claim, answer, percent, points
from kdsuite.report.figures import COLOURS, intervals, two_columns
from kdsuite.report.intervals import in_percent, mean_interval, summarise
from kdsuite.report.rows import StudyRows

ARCHITECTURE = ["base", "blocks", "width"]
MIB = 2**20


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
    """Test accuracy against memory of the weights: a panel a shape, its front beside those of the baselines."""
    means = summarise(rows, ["kind", *ARCHITECTURE], ["test_accuracy", "float32_bytes"])
    lowest, highest = 100 * means.test_accuracy.min(), 100 * means.test_accuracy.max()
    figure, panels = shape_panels(rows)
    for axes, (shape, colour) in panels.items():
        for kind, style in (
            ("one-shot", {"color": "black", "linestyle": "--"}),
            ("plain", {"color": "grey", "linestyle": ":"}),
            (shape, {"color": colour}),
        ):
            front = pareto_front(means[means.kind == kind])
            axes.plot(front.float32_bytes / MIB, 100 * front.test_accuracy, label=f"{kind}, front of means", **style)
        own = rows[rows.kind == shape]
        style = {"linestyle": "", "color": colour, "label": f"{shape}, mean and 95% interval"}
        intervals(axes, own, ARCHITECTURE, "float32_bytes", unit=MIB, **style)
        stars(axes, rows[rows.method == "teacher"])
        # Two families that reached a size give an interval beyond all accuracies.
        axes.set_ylim(max(0, lowest - 15), min(101, highest + 15))
        axes.legend(fontsize="small")
    return figure


def tree_figure(rows: pd.DataFrame) -> matplotlib.figure.Figure:
    """Who taught whom, in the families of the first seed: a panel a shape, smaller networks to the right."""
    firsts = rows[rows.method == "teacher"]
    figure, panels = shape_panels(rows)
    for axes, (shape, colour) in panels.items():
        own = rows[(rows.kind == shape) & (rows.family == rows.family.min())]
        places = pd.concat([own, firsts]).set_index("trial")
        x, y = places.float32_bytes / MIB, 100 * places.test_accuracy
        for row in own.itertuples():
            for rank, parent in enumerate(row.parents.split()):
                style = {"linewidth": 1.4} if rank == 0 else {"linewidth": 0.5, "alpha": 0.5}
                axes.plot([x[parent], x[row.trial]], [y[parent], y[row.trial]], color=colour, **style)
        axes.scatter(x[own.trial], y[own.trial], color=colour, zorder=3)
        stars(axes, firsts)
        for row in own.itertuples():
            label = f"{row.blocks:g} × {row.width:g}"
            axes.annotate(label, (x[row.trial], y[row.trial]), (4, 4), textcoords="offset points", fontsize=8)
        axes.set_title(f"{shape} (blocks × width; thin: further ancestors)")
        axes.legend(fontsize="small", loc="lower left")
        axes.invert_xaxis()
    return figure


def shape_panels(rows: pd.DataFrame) -> tuple[matplotlib.figure.Figure, dict[Axes, tuple[str, tuple]]]:
    """A panel for each shape of families, accuracy against memory: panel → (shape, its colour)."""
    shapes = rows["shape"].dropna().unique()
    figure, panels = two_columns(len(shapes))
    for axes, shape in zip(panels, shapes, strict=True):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="weights in float32 (MiB)", ylabel="test accuracy (%)", title=shape)
        axes.grid(alpha=0.3)
    return figure, dict(zip(panels, zip(shapes, COLOURS, strict=False), strict=True))


def stars(axes: Axes, firsts: pd.DataFrame) -> None:
    """Draws the rows of the first parents."""
    x, y = firsts.float32_bytes / MIB, 100 * firsts.test_accuracy
    axes.scatter(x, y, color="black", marker="*", s=90, zorder=3, label="first parents")


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
        # Nothing is recursive before generation 2: the first parent's child is the one-shot network itself, or, with
        # ancestors, one that the other first parent taught too.
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
