"""Where a student finds the responses of its teachers."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from experiments.engine.config import REFERENCE
from experiments.engine.errors import UsageError
from experiments.engine.settings import ROOT, Setting
from experiments.offline.config import Cifar10Config, ResponsesConfig
from experiments.offline.networks import OfflineStudy, responses_folder
from experiments.offline.responses import OfflineResponses
from kdsuite import distill

EXPERIMENT = "offline-responses"


def stored_responses(config: Cifar10Config, study: OfflineStudy, network: str) -> distill.Responses:
    """The responses of a teacher on the transfer set.

    They come from `config.responses`, if it is given; else from the run of offline-responses with the same options, or
    from any run of it on the same images: the user's, or else the reference's.

    Args:
        config: of the students.
        study: has the transfer set.
        network: the teacher's name.

    Raises:
        UsageError: several runs have such responses.
        DistillationError: the file is missing or damaged.
    """
    path = responses_path(config, study.responses_name(network))
    return distill.load_responses(path, study.transfer_set(config.views), study.dataset.class_names)


def responses_path(config: Cifar10Config, name: str) -> Path:
    """Where the responses with this file name are, or would be.

    Raises:
        UsageError: several runs have them.
    """
    if config.responses is not None:
        return config.responses / name
    same_options = responses_folder(config.results / EXPERIMENT / _setting(config).folder_name) / name
    if same_options.exists():
        return same_options
    for root in (config.results, ROOT / REFERENCE):
        found = list(_with_responses(root, name))
        if len(found) > 1:
            listed = ", ".join(str(path.parent) for path in found)
            raise UsageError(f"several runs have responses {name}: choose one with --responses, of {listed}")
        if found:
            return found[0]
    return same_options


def _with_responses(root: Path, name: str) -> Iterator[Path]:
    for setting in sorted((root / EXPERIMENT).glob("*/setting.json")):
        path = responses_folder(setting.parent) / name
        if path.exists():
            yield path


def _setting(config: Cifar10Config) -> Setting:
    """The setting of offline-responses under the same options."""
    shared = ResponsesConfig(**{field.name: getattr(config, field.name) for field in fields(ResponsesConfig)})
    return Setting.of(EXPERIMENT, OfflineResponses(shared))
