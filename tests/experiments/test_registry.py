"""What every experiment must have: a contract that is checked for each entry of the registry."""

import ast
from dataclasses import fields
from functools import cached_property

import pytest

from experiments import cli, registry
from experiments.engine.config import Config
from kdsuite.report.claims import Claim
from kdsuite.report.publish import ExperimentReport

ENTRIES = registry.experiments()
STUDIES = registry.studies()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_experiment_has_options_report_claims_and_notebook(name):
    study, experiment = ENTRIES[name]
    registry.check(study, experiment)
    assert isinstance(study.load("report", experiment.report), ExperimentReport)


@pytest.mark.parametrize("name", ENTRIES)
def test_each_profile_is_within_its_ranges(name):
    study, experiment = ENTRIES[name]
    config_type = study.load("config", experiment.config)
    assert issubclass(config_type, Config)
    assert {"smoke", "quick", "full"} <= set(config_type.PROFILES)
    for profile in config_type.PROFILES:
        assert cli.configuration(study, experiment, ["--profile", profile]).profile == profile


@pytest.mark.parametrize("name", ENTRIES)
def test_each_option_has_a_sentence(name):
    study, experiment = ENTRIES[name]
    for cls in study.load("config", experiment.config).__mro__:
        if not cls.__module__.startswith("experiments") or not hasattr(cls, "__dataclass_fields__"):
            continue
        path = registry.ROOT.joinpath(*cls.__module__.split(".")).with_suffix(".py")
        classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        body = next(node.body for node in classes if node.name == cls.__name__)
        for place, node in enumerate(body):
            if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
                said = body[place + 1] if place + 1 < len(body) else None
                text = said.value.value if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) else ""
                assert str(text).strip().endswith("."), f"{cls.__name__}.{ast.unparse(node.target)} has no sentence"


@pytest.mark.parametrize("name", ENTRIES)
def test_what_a_node_of_a_cluster_is_given_are_properties_of_the_study(name):
    study, experiment = ENTRIES[name]
    trains = study.load(experiment.module, experiment.trains)
    assert {"dataset", "teacher_data"} <= set(trains.READ)
    for read in trains.READ:
        assert isinstance(getattr(trains, read), property | cached_property), read


@pytest.mark.parametrize("name", ENTRIES)
def test_the_docstring_names_the_command(name):
    study, experiment = ENTRIES[name]
    text = registry.docstring(study, experiment.module)
    assert f"make {name}" in text
    assert text.startswith(f"Study {study.number}")


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.package)
def test_claims_are_data_that_name_experiments_of_the_study(study):
    claims = study.load("claims", "CLAIMS")
    names = {experiment.name for experiment in study.experiments}
    assert claims
    assert all(isinstance(claim, Claim) for claim in claims)
    assert {claim.experiment.split()[0] for claim in claims} <= names
    assert len({claim.tests for claim in claims}) == len(claims)


def test_names_are_distinct_and_a_setting_forgets_seeds():
    assert len(set(ENTRIES)) == sum(len(study.experiments) for study in STUDIES)
    for study, experiment in ENTRIES.values():
        config = study.load("config", experiment.config)()
        assert "seeds" not in config.setting()
        assert set(config.setting()) <= {field.name.strip("_") for field in fields(config)}
