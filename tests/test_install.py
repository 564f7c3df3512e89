"""The wheel: one name, beside a project that has folders of the same names, and only what the library needs."""

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = {"keras", "numpy", "pillow", "requests", "scipy", "tensorflow"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: setuptools leaves its work beside the sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if Path(name).suffix in (".py", ".toml", ".md") and (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def extras_named() -> set[str]:
    """Extras that messages and pages tell users to install."""
    pages = [
        path for folder in ("distill", "data", "compress", "experiments", "docs") for path in (ROOT / folder).rglob("*")
    ]
    texts = [path.read_text() for path in [*pages, ROOT / "README.md"] if path.suffix in (".py", ".md")]
    return set(re.findall(r"kdsuite\[([a-z]+)\]", "".join(texts)))


def test_it_brings_what_the_library_needs_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith("METADATA"))
        metadata = Parser().parsestr(file.read(name).decode())
        packages = {Path(name).parts[1] for name in file.namelist() if name.startswith("kdsuite/")}
    required = {line.split(";")[0] for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert {name.split(">")[0].split("[")[0].strip() for name in required} == NEEDED
    assert {"data", "models", "distill", "prune", "compress", "report"} <= packages
    assert not {"experiments", "tests", "notebooks"} & packages
    assert extras_named() | {"report", "notebooks"} <= set(metadata.get_all("Provides-Extra"))


def test_it_works_in_a_project_with_folders_of_the_same_names(wheel, tmp_path):
    site, project = tmp_path / "site", tmp_path / "project"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    for name in ("data", "models", "report"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("MINE = True\n")
    code = (
        "import data, models, report\n"
        "assert data.MINE and models.MINE and report.MINE\n"
        "from kdsuite import data as theirs, distill, models as builders, prune\n"
        f"assert theirs.__file__.startswith({str(site)!r}), theirs.__file__\n"
        "student = builders.mlp((4,), classes=2)\n"
        "distill.Distiller(student, lambda_=0.0).compile('adam')\n"
        "assert prune.macs(student) == 28 * 28 * 4 + 4 * 2\n"
        "from kdsuite import compress\n"
        "assert list(compress.FORMATS)[0] == 'litert-float32' and callable(compress.export)\n"
        "assert theirs.load('synthetic', train_size=10).train.images.shape[0] == 10\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={"PYTHONPATH": str(site), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
