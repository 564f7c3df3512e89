"""The option --precision: which trials it reaches, and which settings it names."""

from dataclasses import replace

import pytest

from experiments import registry

EARLY_STUDIES = (1, 2)
# The one that came after the option has it in all of its settings.
ENTRIES = {
    name: (study, experiment)
    for name, (study, experiment) in registry.experiments().items()
    if study.number in EARLY_STUDIES and name != "cifar-criteria"
}
# Given, they need no choice on validation.
CHOSEN = {"optimizer": "adam", "learning_rate": 1e-3, "lambda_": 0.5, "hint_weight": 1.0}


def config_of(name, **options):
    study, experiment = ENTRIES[name]
    config = study.load("config", experiment.config)()
    return replace(config, **{option: value for option, value in CHOSEN.items() if hasattr(config, option)}, **options)


def trials(name, **options):
    study, experiment = ENTRIES[name]
    return study.load(experiment.module, experiment.trains)(config_of(name, **options)).trials()


@pytest.mark.parametrize("name", ENTRIES)
def test_float32_leaves_a_setting_its_name_and_bfloat16_does_not(name):
    plain, fast = config_of(name).setting(), config_of(name, precision="bfloat16").setting()
    assert "precision" not in plain
    assert fast == plain | {"precision": "bfloat16"}


@pytest.mark.parametrize("name", ENTRIES)
def test_all_students_of_a_run_are_trained_in_one_precision(name):
    students = [trial for trial in trials(name, precision="bfloat16") if trial.role == "student"]
    assert students
    assert {trial.precision for trial in students} == {"bfloat16"}
    assert {trial.precision for trial in trials(name)} == {"float32"}
