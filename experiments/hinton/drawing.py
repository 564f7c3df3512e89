"""What study 2's figures and tables share."""

import pandas as pd
from matplotlib.axes import Axes

from experiments.hinton.claims_shared import ABLATIONS, figure
from kdsuite.report.figures import COLOURS, differences
from kdsuite.report.measures import Measure
from kdsuite.report.rows import Results

BLUE, ORANGE = COLOURS[:2]
PAPERS = {"original": "Hinton 2015", "reproduction": "the reproduction"}
ERRORS = Measure("test_errors", "test errors", "errors", "errors", higher_is_better=False, digits=0)


def protocol(results: Results) -> str:
    """The protocol of a setting."""
    return results.setting["configuration"]["protocol"]


def costs(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """By change of a recipe, its further errors, a value a seed; only changes of seeds that have the recipe itself."""
    distilled = rows[rows.method == "kd"]
    distilled = distilled.assign(variant=distilled.variant.astype(object).fillna(""))
    errors = distilled.pivot(index="seed", columns="variant", values="test_errors")
    if "" not in errors:
        return {}
    found = {words: (errors[words] - errors[""]).dropna() for words in ABLATIONS if words in errors}
    return {words: values for words, values in found.items() if len(values)}


def draw_costs(axes: Axes, found: dict[str, pd.Series], rows: pd.DataFrame, what: str) -> None:
    """Draw what changes of a recipe cost, with ± 20 errors (0.2 points) as the smallest difference that matters."""
    means = {words: ERRORS.difference_interval(values, rows) for words, values in found.items()}
    differences(axes, means, ERRORS, matters=20, values=found)
    axes.set_title(f"one change to {what}", fontsize=9, loc="left", pad=14)
    axes.set_xlabel("further test errors")


def as_published(names: dict, *columns: str):
    """From a summary's line to its published figure of errors."""

    def published(line: dict) -> float | None:
        setting = names.get(tuple(line[column] for column in columns))
        return None if setting is None else figure(setting)

    return published
