"""The table a study prints and the figure it leaves beside its rows."""

from pathlib import Path

import pandas as pd

from report import mnist

REPORTS = {
    "mnist-dense": mnist.dense,
    "mnist-lambda-sweep": mnist.lambda_sweep,
    "mnist-batch-sweep": mnist.batch_sweep,
}


def publish(study: str, results: Path) -> None:
    """Prints the study's table and writes its figure to `results/figures`."""
    rows = pd.read_csv(results / f"{study}.csv")
    table, figure = REPORTS[study](rows)
    print(table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}"))
    print(f"rows: {results / f'{study}.csv'}")
    if figure is not None:
        path = results / "figures" / f"{study}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
        print(f"figure: {path}")
