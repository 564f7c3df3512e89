"""A setting's file gives back the configuration it came from."""

import json
from pathlib import Path

import pytest

from experiments import registry
from experiments.cli import main
from experiments.engine import status
from experiments.engine.config import with_profile


def test_status_reads_data_where_the_runs_did(in_empty_folder, monkeypatch, capsys):
    folder = in_empty_folder / "results" / "mnist-dense" / "some"
    folder.mkdir(parents=True)
    study, experiment = registry.experiments()["mnist-dense"]
    config = with_profile(study.load("config", experiment.config), "smoke")
    setting = {"configuration": config.setting(), "grid": config.grid(), "profile": "smoke"}
    setting |= {"experiment": "mnist-dense", "setting": "some", "data": {}}
    (folder / "setting.json").write_text(json.dumps(setting))
    caches = []

    class Unreadable:
        def __init__(self, config):
            caches.append(config.cache)
            raise OSError("read-only")

    monkeypatch.setattr(
        registry.Study, "load", lambda own, module, name: type(config) if module == "config" else Unreadable
    )
    assert main(["status", "--cache", "elsewhere"]) == 0
    assert caches == [Path("elsewhere")]
    assert "mnist-dense some: read-only" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(registry.names()))
@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_the_configuration_of_a_setting(name, profile):
    study, experiment = registry.experiments()[name]
    config_type = study.load("config", experiment.config)
    config = with_profile(config_type, profile)
    # As study 5's settings, which name the responses' fingerprint as the option names their folder.
    written = {"configuration": config.setting() | {"responses": "6cc6"}, "grid": config.grid(), "profile": profile}
    assert status._configuration(config_type, json.loads(json.dumps(written))) == config
