"""The table a study prints and the figures it leaves beside its rows."""

from pathlib import Path

import matplotlib.figure

from kdsuite.report import assistants, catdog, channels, cifar, hinton, iterative, mnist, offline
from kdsuite.report.rows import read

REPORTS = {
    "mnist-dense": mnist.dense,
    "mnist-lambda-sweep": mnist.lambda_sweep,
    "mnist-batch-sweep": mnist.batch_sweep,
    "catdog-mobilenet": catdog.mobilenet,
    "catdog-channels": channels.channels,
    "cifar-transfer": cifar.transfer,
    "hinton-mnist": hinton.mnist,
    "hinton-transfer-set": hinton.transfer_sets,
    "hinton-temperature": hinton.temperatures,
    "iterative-mnist": iterative.families,
    "iterative-cifar10": iterative.families,
    "assistants-cifar10": assistants.assistants,
    "offline-responses": offline.responses,
    "offline-sweep": offline.sweep,
    "offline-cifar10": offline.students,
}


def publish(study: str, results: Path, *, trials: set[str]) -> None:
    """Prints the study's table and writes its figures to `results/figures`.

    Args:
        study: name of the study and of its CSV file.
        results: folder of the CSV file.
        trials: keys of the rows to show; the file may hold runs with other parameters too.
    """
    table, figures = REPORTS[study](read(study, results, trials))
    print(table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}"))
    print(f"rows: {results / f'{study}.csv'}")
    for name, figure in figures.items():
        save(figure, name, results)


def save(figure: matplotlib.figure.Figure, name: str, results: Path) -> None:
    """Writes a figure to `results/figures` and says so."""
    path = results / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"figure: {path}")
