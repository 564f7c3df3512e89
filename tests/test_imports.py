"""Who may import whom (README, "Layout")."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from experiments import registry

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = {"data", "models", "distill", "prune"}
PACKAGES = LIBRARY | {"compress", "report", "experiments", "benchmarks"}
STUDIES = [study.package.rpartition(".")[2] for study in registry.studies()]


def imported(source: str) -> set[str]:
    """Dotted names that a source imports of ours, `kdsuite.` left out; notebook magics are passed over."""
    source = re.sub(r"^%.*$", "", source, flags=re.MULTILINE)
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in ("kdsuite", "experiments", "kdsuite.experiments"):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def ours(source: str) -> set[str]:
    return {name.removeprefix("kdsuite.") for name in imported(source) if name.startswith(("kdsuite.", "experiments"))}


def files(folder: Path) -> list[Path]:
    found = list(folder.rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("package", sorted(LIBRARY | {"report"}))
def test_the_library_and_the_report_import_nothing_of_ours(package):
    for file in files(ROOT / package):
        foreign = {name for name in ours(file.read_text()) if name.partition(".")[0] != package}
        assert not foreign, f"{file.relative_to(ROOT)} imports {foreign}"


def test_compress_imports_the_libraries_alone():
    for file in files(ROOT / "compress"):
        foreign = {name for name in ours(file.read_text()) if name.partition(".")[0] not in LIBRARY | {"compress"}}
        assert not foreign, f"{file.relative_to(ROOT)} imports {foreign}"


def test_no_code_of_ours_imports_a_bare_name():
    for package in PACKAGES:
        for file in files(ROOT / package):
            bare = {name.partition(".")[0] for name in imported(file.read_text())} & (LIBRARY | {"compress", "report"})
            assert not bare, f"{file.relative_to(ROOT)} imports {bare}: write kdsuite.…"


def test_the_engine_knows_no_study():
    for file in files(ROOT / "experiments" / "engine"):
        known = {name for name in ours(file.read_text()) if name.split(".")[1:2] and name.split(".")[1] in STUDIES}
        assert not known, f"{file.name} imports {known}"


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_knows_no_other_and_its_claims_and_report_only_the_report(study):
    for file in files(ROOT / "experiments" / study):
        names = ours(file.read_text())
        others = {
            name for name in names if name.startswith("experiments.") and name.split(".")[1] in set(STUDIES) - {study}
        }
        assert not others, f"{file.relative_to(ROOT)} imports {others}"
        if file.stem.startswith(("claims", "report")):
            foreign = {
                name
                for name in names
                if not name.startswith("report")
                and not re.match(rf"experiments\.{study}\.(claims|report|drawing)", name)
            }
            assert not foreign, f"{file.relative_to(ROOT)} imports {foreign}"


def test_notebooks_import_the_report_and_studies_claims_and_reports():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        for name in ours(source):
            assert re.match(r"report|experiments\.\w+\.(claims|report)", name), f"{path.name} imports {name}"


def test_only_one_module_knows_tf_keras():
    found = [file for package in PACKAGES for file in files(ROOT / package)]
    knowing = {
        file.relative_to(ROOT)
        for file in found
        if {"tf_keras", "kerassurgeon"} & {name.partition(".")[0] for name in imported(file.read_text())}
    }
    assert knowing == {Path("prune/tf_keras_models.py")}
    assert not [file for file in found if "tf.keras" in file.read_text()]


def test_make_lists_the_experiments_before_anything_is_installed():
    # -S leaves out site-packages, and so the library.
    command = [sys.executable, "-S", "-m", "experiments", "list", "--names"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "mnist-lambda-sweep" in done.stdout.split()
