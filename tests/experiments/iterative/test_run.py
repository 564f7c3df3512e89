"""Study 3: a smoke run and bad input."""

from pathlib import Path

import pandas as pd
import pytest

from experiments.cli import main
from experiments.engine.rows import COLUMNS
from experiments.iterative.families import FamilyStudy

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


@pytest.mark.long
def test_smoke_profile(capsys):
    assert main(["iterative-cifar10", *SMOKE]) == 0
    (folder,) = Path("results/iterative-cifar10").iterdir()
    rows = pd.read_csv(folder / "rows.csv")
    assert tuple(rows.columns) == (*COLUMNS, *FamilyStudy.COLUMNS)
    assert rows.trial.is_unique
    by_key = rows.set_index("trial")
    for row in rows[rows.parents.notna()].itertuples():
        parents = by_key.loc[row.parents.split()]
        assert parents.generation.iloc[0] == row.generation - 1
        assert parents.params.iloc[0] > row.params
        assert len(parents) == (row.generation if row.series == "taught by ancestors" else 1)
    assert (rows.float32_bytes == 4 * rows.params).all()
    families = pd.read_csv(folder / "families.csv")
    assert set(families.trial) == set(rows.trial)
    assert set(families["shape"]) == {"parent-child", "ancestors-children", "one-shot", "labels alone"}
    for figure in ("gains", "sizes", "families"):
        assert (folder / "figures" / f"iterative-cifar10-{figure}.png").stat().st_size > 10_000
    capsys.readouterr()
    assert main(["iterative-cifar10", *SMOKE, "--dry-run"]) == 0
    assert "missing" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-drop", "0"], "max drop 0.0: expected a number above 0 below 1"),
        (["--beam", "0"], "beam 0: expected a number from 1"),
        (["--hint-weight", "-1"], "hint weight -1.0: expected a number from 0"),
        (["--lambda", "1.5"], "lambda 1.5"),
        (["--ways", "blocks", "blocks"], "ways blocks blocks: expected one or more different values"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["iterative-mnist", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
