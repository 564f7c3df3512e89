"""The table a study prints and the figure it leaves beside its rows."""

from pathlib import Path

import pandas as pd

from report import mnist

REPORTS = {
    "mnist-dense": mnist.dense,
    "mnist-lambda-sweep": mnist.lambda_sweep,
    "mnist-batch-sweep": mnist.batch_sweep,
}


def publish(study: str, results: Path, *, trials: set[str]) -> None:
    """Prints the study's table and writes its figure to `results/figures`.

    Args:
        study: name of the study and of its CSV file.
        results: folder of the CSV file.
        trials: keys of the rows to show; the file may hold runs with other parameters too.
    """
    rows = pd.read_csv(results / f"{study}.csv")
    table, figure = REPORTS[study](rows[rows.trial.isin(trials)])
    print(table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}"))
    print(f"rows: {results / f'{study}.csv'}")
    if figure is not None:
        path = results / "figures" / f"{study}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
        print(f"figure: {path}")
