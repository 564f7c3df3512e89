"""Study 2's protocols, trials and schedules, without training."""

from dataclasses import fields, replace

import numpy as np
import pytest

from experiments.engine.optimizers import make_optimizer
from experiments.hinton.config import AblationConfig, TemperatureConfig
from experiments.hinton.mnist import Table1
from experiments.hinton.networks import HintonTrial
from experiments.hinton.protocols import PROTOCOLS, Recipe, ablations
from experiments.hinton.temperature import Temperatures
from experiments.hinton.transfer_set import ONLY_7_8, WITHOUT_3, TransferSets

FLIPPED = {
    "method": "plain",
    "network": "mlp_30_30",
    "seed": 1,
    "epochs": 3,
    "batch_size": 9,
    "learning_rate": 0.2,
    "optimizer": "sgd",
    "schedule": "constant",
    "lambda_": 0.6,
    "temperature": 5.0,
    "teacher": None,
    "parent": Table1(AblationConfig()).teacher(1),
    "recalibrate": True,
    "test_stale_batch_norm": True,
    "evaluate_every_epoch": True,
    "metrics": (),
    "precision": "bfloat16",
    "protocol": "reproduction",
    "variant": "without views",
    "units": (30, 30),
    "dropout": (0.1, 0.0),
    "max_norm": 2.0,
    "weight_decay": 1e-5,
    "jitter": None,
    "classes": (7, 8),
}


def distilled():
    study = Table1(AblationConfig())
    return study.distilled(0, study.teacher())


def test_each_field_is_flipped_here():
    assert set(FLIPPED) == {field.name for field in fields(HintonTrial)}


@pytest.mark.parametrize("name", FLIPPED)
def test_each_field_is_part_of_the_key(name):
    trial = distilled()
    assert replace(trial, **{name: FLIPPED[name]}).key(str) != trial.key(str)


def rate(recipe, epoch):
    trial = Table1(AblationConfig())._trial(0, (10,), recipe, method="plain")
    optimizer = make_optimizer(trial, 550)
    optimizer.iterations.assign(int(epoch * 550))
    return float(optimizer.learning_rate)


def test_steps_fall_by_ten_every_30_epochs():
    recipe = PROTOCOLS["reproduction"].teacher
    for epoch, expected in ((0, 1e-2), (29.99, 1e-2), (30, 1e-3), (59.99, 1e-3), (60, 1e-4), (99.99, 1e-5)):
        assert rate(recipe, epoch) == pytest.approx(expected, rel=1e-5)


def test_cosine_falls_to_zero_at_the_end():
    recipe = Recipe(epochs=60, learning_rate=2e-3)
    for epoch in (0, 15, 30, 45, 60):
        assert rate(recipe, epoch) == pytest.approx(1e-3 * (1 + np.cos(np.pi * epoch / 60)), abs=1e-9)


def test_the_reproductions_protocol_is_that_of_its_authors():
    recipes = PROTOCOLS["reproduction"]
    assert recipes.teacher == Recipe(
        epochs=100,
        batch_size=100,
        optimizer="sgd",
        learning_rate=0.01,
        schedule="steps",
        weight_decay=1e-5,
        jitter=(2, 0),
    )
    assert recipes.plain == recipes.distilled == replace(recipes.teacher, epochs=25)
    assert (recipes.lambda_, recipes.temperature) == (0.7, 20.0)


def test_students_of_the_original_protocol_have_no_regularisation():
    for recipe in (PROTOCOLS["original"].plain, PROTOCOLS["original"].distilled):
        assert (recipe.dropout, recipe.max_norm, recipe.weight_decay) == ((0.0, 0.0), None, 0.0)
    assert PROTOCOLS["original"].plain.jitter is None
    assert PROTOCOLS["original"].teacher.jitter == (2, 2)


def test_an_ablation_changes_one_thing():
    recipe = PROTOCOLS["original"].distilled
    changes = {
        words: {name for name, value in vars(changed).items() if value != getattr(recipe, name)}
        for words, changed in ablations(recipe).items()
    }
    assert changes == {
        "without views": {"jitter"},
        "SGD 0.01": {"optimizer", "learning_rate", "schedule"},
        "a third of the epochs": {"epochs"},
    }
    assert ablations(recipe)["a third of the epochs"].epochs == 27


def test_the_ablation_lists_trials_and_is_no_setting():
    assert AblationConfig(ablation=(0, 1)).setting() == AblationConfig().setting()
    assert AblationConfig(protocol="reproduction").setting() != AblationConfig().setting()
    assert TemperatureConfig(units=(30,), temperatures=(2.0,)).setting() == TemperatureConfig().setting()
    assert "temperature" not in TemperatureConfig().setting()


def test_seeds_have_teachers_of_their_own_in_table_1_alone():
    table_1 = Table1(AblationConfig(ablation=(0, 1, 2))).trials()
    assert len({trial.teacher for trial in table_1 if trial.teacher}) == 5
    assert len(set(table_1)) == 5 * 3 + 3 * 3
    for study, config in ((TransferSets, AblationConfig()), (Temperatures, TemperatureConfig())):
        teachers = {trial.teacher for trial in study(config).trials() if trial.teacher}
        assert teachers == {Table1(AblationConfig()).teacher(0)}


def test_students_of_7s_and_8s_alone_train_longer_under_the_original_protocol():
    original, reproduction = (TransferSets(AblationConfig(protocol=name)) for name in ("original", "reproduction"))
    epochs = {
        study.config.protocol: [study.recipe(classes).epochs for classes in (WITHOUT_3, ONLY_7_8)]
        for study in (original, reproduction)
    }
    assert epochs == {"original": [80, 400], "reproduction": [25, 25]}


def test_temperature_and_weight_replace_the_protocols():
    assert AblationConfig(temperature=2.0, lambda_=0.0).recipes.temperature == 2.0
    assert AblationConfig(temperature=2.0, lambda_=0.0).recipes.lambda_ == 0.0
    assert AblationConfig().recipes == PROTOCOLS["original"]
