"""What study 5's figures share."""

import pandas as pd

from experiments.offline.claims import SMOOTHING
from kdsuite.report.figures import COLOURS
from kdsuite.report.rows import Results

COLOUR = {
    "labels alone": COLOURS[1],
    "responses": COLOURS[0],
    "label smoothing": COLOURS[3],
    "ensemble": COLOURS[2],
}
MATTERS = 0.01


def compared_rows(results: Results) -> pd.DataFrame:
    """The rows of the student that has every signal; empty where there is none."""
    return results.rows[results.rows.student.isin(SMOOTHING.rows(results.rows).student)]
