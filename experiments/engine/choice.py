"""What a choice on validation goes by."""

import pandas as pd


def mean_validation(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    """Mean validation accuracy of candidates by what is chosen.

    A candidate that diverged counts as right on nothing: left out, it would better the mean of what made it diverge.

    Args:
        rows: of candidates, whose `validation_accuracy` is empty where training failed.
        by: columns that say what each of them tries.
    """
    return rows.assign(validation_accuracy=rows.validation_accuracy.fillna(0.0)).groupby(by).validation_accuracy.mean()
