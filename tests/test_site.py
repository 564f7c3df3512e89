"""The API pages: built without a warning, with every public name of the library."""

import html
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("data", "models", "distill", "prune", "compress")
# Keras 3.15 with TensorFlow 2.21, as in pyproject.toml.
WARNINGS = ["-W", "error", "-W", "ignore:__array__ implementation:DeprecationWarning"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, *WARNINGS, "docs/api_pages.py", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def sections(page: str) -> dict[str, str]:
    """Text of each name's section."""
    parts = re.split(r'<section id="([\w.]+)">', page)
    return dict(zip(parts[1::2], (html.unescape(re.sub(r"<[^>]+>", "", part)) for part in parts[2::2]), strict=True))


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_its_docstring_there(package, site):
    page = sections((site / "kdsuite" / f"{package}.html").read_text())
    module = importlib.import_module(f"kdsuite.{package}")
    assert module.__all__
    for name in module.__all__:
        assert name in page
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{name} has no docstring"
            assert words(value.__doc__.partition("\n")[0]) in words(page[name]), name


@pytest.mark.slow
def test_there_is_a_page_a_package_and_no_other(site):
    assert {path.stem for path in (site / "kdsuite").rglob("*.html")} == set(PACKAGES)
    assert all(f"kdsuite/{package}.html" in (site / "index.html").read_text() for package in PACKAGES)
