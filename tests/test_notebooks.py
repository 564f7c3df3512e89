"""Each notebook executes on the reference, and shows what is committed."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from experiments import registry

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_each_belongs_to_a_study():
    assert {path.stem for path in NOTEBOOKS} == {name for study in registry.studies() for name in study.notebooks}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_executes_and_gives_what_is_committed(path):
    committed = nbformat.read(path, as_version=4)
    executed = nbformat.read(path, as_version=4)
    NotebookClient(executed, timeout=600, startup_timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    assert 'RESULTS = "results/reference"' in "\n".join(cell.source for cell in committed.cells[:3])
    for old, new in zip(committed.cells, executed.cells, strict=True):
        assert _texts(old) == _texts(new)
        assert _pictures(old) == _pictures(new)


def _texts(cell):
    shown = [output.data.get("text/html") for output in cell.get("outputs", []) if "data" in output]
    printed = [output.text for output in cell.get("outputs", []) if output.get("name") == "stdout"]
    return shown, "".join(printed)


def _pictures(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
