"""Writes the README's table of studies from the committed rows: `python -m report.readme`, or `make readme`."""

from pathlib import Path

import pandas as pd

from report import catdog, channels, cifar, mnist
from report.claims import Claim, as_table
from report.rows import ROOT, read

BEGIN, END = "<!-- table of studies: begin -->", "<!-- table of studies: end -->"


def all_claims() -> list[Claim]:
    """The claims of every study that has rows."""
    return [
        *mnist.claims(read("mnist-dense"), read("mnist-lambda-sweep"), read("mnist-batch-sweep")),
        *catdog.claims(read("catdog-mobilenet")),
        *channels.claims(read("catdog-channels")),
        *cifar.claims(read("cifar-transfer")),
    ]


def markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def with_table(readme: str, table: str) -> str:
    """The README's text with the table between its two markers replaced."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def main(path: Path = ROOT / "README.md") -> None:
    path.write_text(with_table(path.read_text(), markdown(as_table(all_claims()))))


if __name__ == "__main__":
    main()
