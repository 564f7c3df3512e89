"""Table and figure of hinton-temperature."""

import pandas as pd
from matplotlib.figure import Figure

from experiments.hinton.drawing import ERRORS, as_published, protocol
from kdsuite.report.errors import NotRun
from kdsuite.report.figures import COLOURS, levels, of_whole_seeds, panels, setting_caption
from kdsuite.report.publish import ExperimentReport
from kdsuite.report.rows import Results
from kdsuite.report.tables import Summary

NARROW = {("reproduction", 300, 8.0): "300-300 distilled T=8"} | {
    ("reproduction", 30, temperature): f"30-30 distilled T={temperature:g}" for temperature in (20.0, 2.5)
}


def temperature_figures(results: Results) -> dict[str, Figure]:
    """Errors against T, a panel a width."""
    students = results.rows[results.rows.role == "student"]
    if students.empty:
        raise NotRun("no students to draw")
    rows = pd.concat([of_whole_seeds(own, "temperature") for _, own in students.groupby("units")])
    widths = sorted(rows.units.unique(), reverse=True)
    best = {width: own.groupby("temperature").test_errors.mean().idxmin() for width, own in rows.groupby("units")}
    words = ", ".join(f"{width} units {best[width]:g}" for width in widths)
    title = f"The T of fewest errors, by width of the student: {words}"
    figure_, axes = panels(len(widths), title=title, caption=setting_caption(results, rows), columns=3, size=(4, 3.8))
    for own_axes, width, colour in zip(axes, widths, COLOURS, strict=False):
        own = rows[rows.units == width]
        levels(own_axes, own, "temperature", ERRORS, colour=colour, log=True)
        own_axes.set_title(f"{width} units a layer", fontsize=10, color=colour)
        own_axes.set_xlabel("temperature T")
    axes[0].set_ylabel(f"test errors of {rows.test_size.iloc[0]:,}")
    return {f"hinton-temperature-{protocol(results)}": figure_}


TEMPERATURE = ExperimentReport(
    Summary(
        by=("protocol", "units", "temperature"),
        measure=ERRORS,
        labels={"temperature": "T"},
        published=as_published(
            {key: f"student {setting}" for key, setting in NARROW.items()}, "protocol", "units", "temperature"
        ),
        order=("units", "temperature"),
    ),
    temperature_figures,
)
