"""Settings by name: a claim on one protocol of an experiment names it "hinton-mnist protocol=reproduction"."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from kdsuite.report.claims import Claim
from kdsuite.report.errors import NotRun, ReportError
from kdsuite.report.rows import REFERENCE, Results, read


def read_named(names: Iterable[str], root: Path | str = REFERENCE) -> dict[str, Results]:
    """Read those of some settings that have results.

    Args:
        names: an experiment each, followed by options that choose among its settings, as `option=word`.
        root: folder of the experiments' folders.

    Returns:
        name → results, without the settings that were not run.

    Raises:
        ReportError: a name is malformed, several of our reference's settings fit it, or rows are damaged.
    """
    found = {}
    for name in dict.fromkeys(names):
        experiment, options = _parts(name)
        try:
            found[name] = read(experiment, root, **options)
        except NotRun:
            continue
    return found


def settings_of(claims: Sequence[Claim]) -> list[str]:
    """The names of all settings that some claims, their groups and their conditions need rows of."""
    return list(dict.fromkeys(name for claim in claims for name in _experiments(claim)))


def fits(name: str, results: Results) -> bool:
    """Whether results are of the setting that a name describes."""
    experiment, options = _parts(name)
    configuration = results.setting["configuration"]
    return results.experiment == experiment and all(
        str(configuration.get(option)) == value for option, value in options.items()
    )


def _parts(name: str) -> tuple[str, dict[str, str]]:
    experiment, *options = name.split()
    found = {}
    for option in options:
        key, _, value = option.partition("=")
        if not (key and value):
            raise ReportError(f"{name!r}: expected option=word behind the experiment, found {option!r}")
        found[key] = value
    return experiment, found


def _experiments(described) -> Iterator[str]:
    """Each `experiment` in a claim and in what it is made of."""
    if isinstance(described, tuple):
        for part in described:
            yield from _experiments(part)
    elif is_dataclass(described):
        for field in fields(described):
            value = getattr(described, field.name)
            if field.name == "experiment" and value:
                yield value
            else:
                yield from _experiments(value)
