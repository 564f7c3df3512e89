"""The report's figures, as SVG to put into a page."""

import io
from collections.abc import Mapping, Sequence

from kdsuite.compress.choosing import Candidate, pareto

MOST_LAYERS = 80


def front_chart(candidates: Sequence[Candidate], chosen: Candidate) -> str:
    """Validation accuracy against MACs of all candidates after each rung, with the front that none beats."""
    figure, axes = _figure(7, 4)
    for rung in sorted({one.rung for one in candidates}):
        of_rung = [one for one in candidates if one.rung == rung]
        axes.plot(
            [one.costs.macs / 1e6 for one in of_rung],
            [100 * one.accuracy for one in of_rung],
            "o",
            color=str(0.75 - 0.25 * min(rung, 2)),
            label=f"rung {rung + 1}",
        )
    front = pareto(candidates)
    axes.step(
        [one.costs.macs / 1e6 for one in front],
        [100 * one.accuracy for one in front],
        where="post",
        label="Pareto front",
    )
    axes.plot(chosen.costs.macs / 1e6, 100 * chosen.accuracy, "*", markersize=15, color="tab:green", label="chosen")
    axes.set_xlabel("million MACs")
    axes.set_ylabel("validation accuracy, %")
    axes.legend(frameon=False)
    return _svg(figure)


def width_chart(widths: Mapping[str, tuple[int, int | None]]) -> str:
    """Channels of each layer with a kernel, before and after."""
    names = list(widths)[:MOST_LAYERS]
    figure, axes = _figure(max(5, 0.28 * len(names)), 3.5)
    places = range(len(names))
    axes.bar(places, [widths[name][0] for name in names], color="0.85", label="before")
    axes.bar(places, [widths[name][1] or 0 for name in names], width=0.5, color="tab:green", label="after")
    axes.set_xticks(places, names, rotation=90, fontsize=7)
    axes.set_ylabel("channels")
    axes.legend(frameon=False)
    return _svg(figure)


def _figure(width: float, height: float):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    return text[text.index("<svg") :]
