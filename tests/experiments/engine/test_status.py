"""A setting's file gives back the configuration it came from."""

import json

import pytest

from experiments import registry
from experiments.engine import status
from experiments.engine.config import with_profile


@pytest.mark.parametrize("name", list(registry.names()))
@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_the_configuration_of_a_setting(name, profile):
    study, experiment = registry.experiments()[name]
    config_type = study.load("config", experiment.config)
    config = with_profile(config_type, profile)
    # As study 5's settings, which name the responses' fingerprint as the option names their folder.
    written = {"configuration": config.setting() | {"responses": "6cc6"}, "grid": config.grid(), "profile": profile}
    assert status._configuration(config_type, json.loads(json.dumps(written))) == config
