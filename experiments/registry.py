"""What experiments there are: each folder beside this file whose package says `STUDY = Study(...)`."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent


@dataclass(frozen=True)
class Experiment:
    """One experiment, by names that are imported when they are needed.

    Attributes:
        name: of the command, `make NAME`, and of the folder of its rows.
        summary: one line that says what it measures.
        module: below the study's package; holds the class `trains`.
        trains: name of the `engine.study.Study` subclass in `module`.
        config: name of the configuration class in the package's `config`.
        report: name of the `ExperimentReport` in the package's `report`.
        profile: the default size of a run.
    """

    name: str
    summary: str
    module: str
    trains: str
    config: str
    report: str
    profile: str = "quick"


@dataclass(frozen=True)
class Study:
    """A study: a paper, its experiments, and the notebook that judges them.

    Attributes:
        number: of the study.
        title: a few words.
        notebooks: names of its notebooks, without suffix.
        experiments: in the order in which they are run.
        package: dotted name of the folder, filled in by `studies()`.
    """

    number: int
    title: str
    notebooks: tuple[str, ...]
    experiments: tuple[Experiment, ...]
    package: str = ""

    def load(self, module: str, name: str) -> Any:
        """Imports a name from one of the study's modules.

        Raises:
            RegistryError: there is no such module or name.
        """
        try:
            return getattr(importlib.import_module(f"{self.package}.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name and not error.name.startswith("experiments"):
                raise
            raise RegistryError(f"study {self.number} has no {module}.py: expected {self.package}.{module}") from error
        except AttributeError as error:
            raise RegistryError(f"{self.package}.{module} has no {name}: the registry names it") from error


class RegistryError(ValueError):
    """A study's folder lacks what its registry entry names; the message is one line."""


@cache
def studies() -> tuple[Study, ...]:
    """All studies, by number."""
    found = []
    for path in sorted(FOLDER.glob("*/__init__.py")):
        if "STUDY =" not in path.read_text():
            continue
        package = f"experiments.{path.parent.name}"
        study = importlib.import_module(package).STUDY
        found.append(Study(**{**vars(study), "package": package}))
    return tuple(sorted(found, key=lambda study: study.number))


def experiments() -> dict[str, tuple[Study, Experiment]]:
    """Name of an experiment → its study and entry."""
    return {experiment.name: (study, experiment) for study in studies() for experiment in study.experiments}


def check(study: Study, experiment: Experiment) -> None:
    """Checks that a report, claims and notebooks stand beside what is trained, without TensorFlow.

    Raises:
        RegistryError: one of them is missing.
    """
    study.load("config", experiment.config)
    study.load("report", experiment.report)
    study.load("claims", "CLAIMS")
    docstring(study, experiment.module)
    for notebook in study.notebooks:
        if not (ROOT / "notebooks" / f"{notebook}.ipynb").exists():
            raise RegistryError(f"study {study.number} has no notebooks/{notebook}.ipynb")
    if not study.notebooks:
        raise RegistryError(f"study {study.number} names no notebook: expected one or more")


def docstring(study: Study, module: str) -> str:
    """The docstring of one of a study's modules, read without importing it.

    Raises:
        RegistryError: there is no such module.
    """
    path = FOLDER / study.package.rpartition(".")[2] / f"{module}.py"
    if not path.exists():
        raise RegistryError(f"no {module}.py in {study.package}: the registry names it")
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def names() -> Iterator[str]:
    """Names of all experiments, in the order of the studies."""
    return iter(experiments())
