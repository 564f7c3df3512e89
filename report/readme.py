"""Writes the README's tables of claims and exports from the rows: `python -m report.readme`, or `make readme`."""

from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pandas as pd

from kdsuite.report import assistants, catdog, channels, cifar, hinton_tables, iterative, mnist, offline
from kdsuite.report.claims import Claim, as_table
from kdsuite.report.export import formats
from kdsuite.report.rows import RESULTS, ROOT, read

QUICK = RESULTS / "quick"


def claims_by_notebook() -> dict[str, list[Claim]]:
    """Name of a notebook → the claims it ends with, of every study that has rows."""
    return {
        "1-mnist": mnist.claims(read("mnist-dense"), read("mnist-lambda-sweep"), read("mnist-batch-sweep")),
        "2-catdog-mobilenet": catdog.claims(read("catdog-mobilenet")) + cifar.claims(read("cifar-transfer")),
        "3-channels": channels.claims(read("catdog-channels")),
        "4-hinton-mnist": hinton_tables.claims(
            read("hinton-mnist"), read("hinton-transfer-set"), read("hinton-temperature")
        ),
        "5-iterative": [
            *iterative.claims(read("iterative-mnist", QUICK), "MNIST"),
            *iterative.claims(read("iterative-cifar10", QUICK), "CIFAR-10"),
        ],
        "6-assistants": assistants.claims(read("assistants-cifar10", QUICK)),
        "7-offline": offline.claims(read("offline-cifar10", QUICK), read("offline-responses", QUICK)),
    }


def markdown(claims: dict[str, list[Claim]]) -> str:
    """A heading and a table for each study, with a link to the notebook that has its figures."""
    return "\n\n".join(
        f"### Study {study.replace(' ', ': ', 1)} ([notebook](notebooks/{notebook}.ipynb))\n\n"
        + _table(as_table(list(own)).drop(columns="study"))
        for notebook, found in claims.items()
        for study, own in groupby(found, key=attrgetter("study"))
    )


def _table(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def with_tables(readme: str) -> str:
    """The README's text with what stands between the markers of each table replaced."""
    tables = {
        "table of studies": markdown(claims_by_notebook()),
        "table of exports": _table(formats(pd.read_csv(RESULTS / "export.csv"))),
    }
    for name, table in tables.items():
        begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
        before, rest = readme.split(begin)
        readme = f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"
    return readme


def main(path: Path = ROOT / "README.md") -> None:
    path.write_text(with_tables(path.read_text()))


if __name__ == "__main__":
    main()
