"""Made-up results: rows whose right answer is known."""

from pathlib import Path

import pandas as pd

from kdsuite.report.rows import Results

DATA = {"dataset": "mnist", "source": "tfds", "train_size": 55_000, "test_size": 10_000, "setting": "0123456789ab"}


def results(rows, experiment="e", epochs=(), **common) -> Results:
    """Results of lines given as dictionaries, each a whole row but for the data columns."""
    table = pd.DataFrame([DATA | common | {"trial": f"t{place}"} | row for place, row in enumerate(rows)])
    epochs = pd.DataFrame(list(epochs))
    return Results(experiment, table, epochs, {"configuration": {}, "data": {}}, Path("made-up"))


def groups(experiment="e", **values) -> dict[str, Results]:
    """One row a value: test accuracy by method and seed, `kd=[0.91, 0.92]`."""
    rows = [
        {"seed": seed, "method": method, "role": "student", "test_accuracy": value, "validation_accuracy": value}
        for method, own in values.items()
        for seed, value in enumerate(own)
    ]
    return {experiment: results(rows, experiment)}
