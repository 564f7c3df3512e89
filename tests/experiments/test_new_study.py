"""A study is one folder and one notebook: added to a copy of the experiments, it runs end to end."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
STUDY = Path(__file__).resolve().parent / "new_study" / "quartz"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the experiments, with the Makefile, and the new study's folder and notebook added."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(STUDY, tmp_path / "experiments" / "quartz", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks" / "9-quartz.ipynb")
    return tmp_path


def run(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_it_runs_end_to_end(checkout):
    code = (
        "from experiments.cli import main; assert main(['quartz-sweep', '--profile', 'smoke']) == main(['status']) == 0"
    )
    done = run(checkout, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert "quartz-sweep: 4 trials, 0 done before" in done.stdout
    assert "the paper's claims on these rows: 1 " in done.stdout
    (folder,) = (checkout / "results" / "quartz-sweep").iterdir()
    rows = pd.read_csv(folder / "rows.csv")
    assert sorted(rows.student) == ["mlp_1", "mlp_1", "mlp_8", "mlp_8"]
    assert (folder / "figures" / "quartz-sweep.png").stat().st_size > 1000
    assert re.search(r"^ quartz-sweep .* 4 +0 +0 *$", done.stdout, re.MULTILINE)


def test_the_makefile_takes_it(checkout):
    assert "quartz-sweep" in run(checkout, "make", "help").stdout
    assert (
        "-m experiments quartz-sweep --seeds 3" in run(checkout, "make", "-n", "quartz-sweep", "ARGS=--seeds 3").stdout
    )


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("experiments/quartz/report.py", "study 9 has no report.py: expected experiments.quartz.report"),
        ("experiments/quartz/claims.py", "study 9 has no claims.py: expected experiments.quartz.claims"),
        ("experiments/quartz/quartz_sweep.py", "no quartz_sweep.py in experiments.quartz"),
        ("notebooks/9-quartz.ipynb", "study 9 has no notebooks/9-quartz.ipynb"),
    ],
)
def test_what_is_missing_is_said_before_anything_trains(checkout, lacking, message):
    (checkout / lacking).unlink()
    done = run(checkout, sys.executable, "-m", "experiments", "quartz-sweep", "--profile", "smoke")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (checkout / "results").exists()
