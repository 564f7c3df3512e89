"""What study 2's figures and tables share."""

import pandas as pd
from matplotlib.axes import Axes

from experiments.hinton.claims_shared import figure
from kdsuite.report.figures import COLOURS, differences
from kdsuite.report.measures import Measure
from kdsuite.report.rows import Results

BLUE, ORANGE = COLOURS[:2]
PAPERS = {"original": "Hinton 2015", "reproduction": "the reproduction"}
ERRORS = Measure("test_errors", "test errors", "errors", "errors", higher_is_better=False, digits=0)


def protocol(results: Results) -> str:
    """The protocol of a setting."""
    return results.setting["configuration"]["protocol"]


def cost(rows: pd.DataFrame, words: str) -> pd.Series:
    """Further errors of a changed recipe, a value a seed."""
    errors = rows[rows.method == "kd"].assign(variant=rows.variant.fillna(""))
    errors = errors.pivot(index="seed", columns="variant", values="test_errors")
    return (errors[words] - errors[""]).dropna()


def draw_costs(axes: Axes, costs: dict[str, pd.Series], rows: pd.DataFrame, what: str) -> None:
    """Draw what changes of a recipe cost, with ± 20 errors (0.2 points) as the smallest difference that matters."""
    means = {words: ERRORS.difference_interval(values, rows) for words, values in costs.items()}
    differences(axes, means, ERRORS, matters=20, values=costs)
    axes.set_title(f"one change to {what}", fontsize=9, loc="left", pad=14)
    axes.set_xlabel("further test errors")


def as_published(names: dict, *columns: str):
    """From a summary's line to its published figure of errors."""

    def published(line: dict) -> float | None:
        setting = names.get(tuple(line[column] for column in columns))
        return None if setting is None else figure(setting)

    return published
