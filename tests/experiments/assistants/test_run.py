"""Study 4: a smoke run and bad input."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.assistants.cifar10 import Assistants
from experiments.cli import main
from experiments.engine.rows import COLUMNS

pytestmark = pytest.mark.usefixtures("in_empty_folder")
SMOKE = ["--profile", "smoke", "--data", "synthetic"]


@pytest.mark.long
def test_smoke_profile():
    assert main(["assistants-cifar10", *SMOKE]) == 0
    (folder,) = Path("results/assistants-cifar10").iterdir()
    rows = pd.read_csv(folder / "rows.csv")
    assert tuple(rows.columns) == (*COLUMNS, *Assistants.COLUMNS)
    assert dict(rows.role.value_counts()) == {"member": 3, "ensemble": 2, "teacher": 1}
    members = rows[rows.role == "member"]
    assert set(rows[rows.precision == "bfloat16"].student) == {"s1_direct_1", "ensemble_of_1"}
    assert members[["training_loss", "feature_error", "teacher_feature_error"]].notna().all(axis=None)
    assert members.test_accuracy.isna().all()
    assert rows[rows.role == "ensemble"].test_accuracy.notna().all()
    np.testing.assert_allclose(members.feature_error, members.test_loss, rtol=1e-4)
    assert (folder / "figures" / "assistants-errors.png").stat().st_size > 10_000
    # Networks without their results, as a kill between the two leaves them.
    shutil.rmtree(".cache/finished")
    shutil.rmtree(folder)
    assert main(["assistants-cifar10", *SMOKE]) == 0
    again = pd.read_csv(folder / "rows.csv").set_index("trial").loc[rows.trial].reset_index()
    measured = ["training_loss", "feature_error", "test_loss", "test_accuracy"]
    pd.testing.assert_frame_equal(again[measured], rows[measured], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--counts", "3"], r"counts (3,): expected some of 1, 2, 4, 8"),
        (["--drop-rate", "1"], "drop rate 1.0: expected a number from 0 below 1"),
        (["--regimes", "sideways"], "sideways"),
    ],
)
def test_bad_input_is_one_line_and_status_2(options, message, capsys):
    assert main(["assistants-cifar10", *SMOKE, *options]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not Path("results").exists()
