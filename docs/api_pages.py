"""Writes the API pages, from the docstrings of the library's public names, with pdoc.

make site        (python docs/api_pages.py [FOLDER], by default site/)
"""

import importlib
import sys
from pathlib import Path

import pdoc

PACKAGES = ("data", "models", "distill", "prune", "compress")
# Where a function has the name of its module, pdoc would give the module a page too.
NO_MODULES = r"!kdsuite\.\w+\..*"


def main(folder: Path) -> None:
    """Writes a page a package, an index and a search."""
    names = [f"kdsuite.{package}" for package in PACKAGES]
    for name in names:
        module = importlib.import_module(name)
        for public in module.__all__:
            # pdoc does not call the `__getattr__` of packages that import their names when they are used.
            setattr(module, public, getattr(module, public))
    pdoc.render.configure(docformat="google", show_source=False, footer_text="kdsuite")
    pdoc.pdoc(*names, NO_MODULES, output_directory=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
