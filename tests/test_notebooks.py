from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_executes_and_gives_what_is_committed(path):
    committed = nbformat.read(path, as_version=4)
    executed = nbformat.read(path, as_version=4)
    NotebookClient(executed, timeout=120, resources={"metadata": {"path": path.parent}}).execute()
    for old, new in zip(committed.cells, executed.cells, strict=True):
        assert _texts(old) == _texts(new)
        assert _pictures(old) == _pictures(new) == ("display(figures[" in new.source)


def _texts(cell):
    outputs = cell.get("outputs", [])
    return [output.data.get("text/html") for output in outputs if "data" in output]


def _pictures(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
