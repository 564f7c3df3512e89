"""Rows of a part of an experiment, as a run of few trials or one whose others diverged leaves them, can be drawn."""

import shutil

import pandas as pd
import pytest

from experiments import registry
from kdsuite.report.errors import NotRun
from kdsuite.report.rows import REFERENCE, read_folder
from kdsuite.report.tables import summary_table

SETTINGS = [
    (study, experiment, path.parent)
    for study, experiment in registry.experiments().values()
    for path in sorted((REFERENCE / experiment.name).glob("*/setting.json"))
]


def parts(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Name of a part → which rows are in it."""
    teachers = rows.role == "teacher"
    one_seed = teachers | (rows.seed == rows.seed[~teachers].min())
    found = {
        "teachers alone": teachers,
        "one seed without labels alone": one_seed & (rows.method != "plain"),
        "one seed without distilled": one_seed & (rows.method != "kd"),
    }
    if "variant" in rows:
        found["variants of other seeds"] = teachers | (rows.variant.notna() == (rows.seed % 2 == 0))
    if "target" in rows:
        found["multiply-adds alone"] = teachers | (rows.target == "macs")
    return {name: mask for name, mask in found.items() if mask.any()}


@pytest.mark.parametrize(("study", "experiment", "folder"), SETTINGS, ids=[folder.name for *_, folder in SETTINGS])
def test_a_part_of_the_rows_is_drawn_or_said_to_be_too_little(study, experiment, folder, tmp_path):
    report = study.load("report", experiment.report)
    tables = {path.name: pd.read_csv(path) for path in folder.glob("*.csv")}
    for name, mask in parts(tables["rows.csv"]).items():
        copy = shutil.copytree(folder, tmp_path / name / experiment.name / folder.name)
        trials = tables["rows.csv"].trial[mask]
        for file, table in tables.items():
            if file != "candidates.csv" and "trial" in table:
                table[table.trial.isin(trials)].to_csv(copy / file, index=False)
        left = read_folder(copy)
        assert summary_table(report.summary, left).row_count
        try:
            report.figures(left)
        except NotRun as error:
            assert str(error)
