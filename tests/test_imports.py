"""Who may import whom (README, "Layout")."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"data", "models", "distill", "prune", "experiments", "report", "benchmarks"}
ALLOWED = {
    "data": set(),
    "models": set(),
    "distill": set(),
    "prune": set(),
    "report": set(),
    "experiments": OURS - {"experiments", "benchmarks"},
    "benchmarks": OURS - {"benchmarks", "experiments"},
}


def imported(source: str) -> set[str]:
    """Top-level names of the modules a source imports; notebook magics are passed over."""
    source = re.sub(r"^%.*$", "", source, flags=re.MULTILINE)
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names} if node.module == "kdsuite" else {node.module}
    return {name.removeprefix("kdsuite.").partition(".")[0] for name in names}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_they_may(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        foreign = (imported(file.read_text()) & OURS) - {package} - ALLOWED[package]
        assert not foreign, f"{file.relative_to(ROOT)} imports {foreign}"


def test_notebooks_import_only_the_report():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        assert imported(source) & OURS <= {"report"}, path.name


def test_only_one_module_knows_tf_keras():
    files = [file for package in ALLOWED for file in (ROOT / package).rglob("*.py")]
    knowing = {file.relative_to(ROOT) for file in files if {"tf_keras", "kerassurgeon"} & imported(file.read_text())}
    assert knowing == {Path("prune/carry.py")}
    assert not [file for file in files if "tf.keras" in file.read_text()]
