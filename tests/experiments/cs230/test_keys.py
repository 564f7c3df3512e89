"""A trial's key holds each setting of the study's own trial classes."""

from dataclasses import fields, replace

import pytest

from experiments.cs230.catdog import HeadTrial
from experiments.cs230.catdog_hints import HintTrial
from experiments.cs230.catdog_images import ImagesTrial
from experiments.cs230.cifar_transfer import TransferTrial
from experiments.cs230.cuts import ChannelsTrial, LayersTrial, OrderTrial
from experiments.engine.trial import Trial

COMMON = {"method": "kd", "network": "small", "seed": 0, "epochs": 3, "batch_size": 8, "learning_rate": 0.1}
TEACHER = HeadTrial(**COMMON | {"method": "teacher"}, head_epochs=2, imagenet=True, image_size=32)
LAYERS = {"parent": TEACHER, "sweep": "layers", "prune_method": "random", "threshold": 0.1, "cut_number": 0}
TRIALS = (
    TEACHER,
    LayersTrial(**COMMON, **LAYERS, units_removed=2),
    HintTrial(**COMMON, **LAYERS, units_removed=2, hint="pool", hint_weight=1.0),
    ImagesTrial(**COMMON, **LAYERS, units_removed=2, train_images=10),
    OrderTrial(**COMMON, **LAYERS, keep=0.5, ranking_size=10),
    ChannelsTrial(**COMMON, parent=TEACHER, criterion="l1", keep=0.5, ranking_size=10),
    TransferTrial(**COMMON, size=32, images="few", alpha=0.5, imagenet=True),
)
FLIPPED = [(trial, field.name) for trial in TRIALS for field in fields(trial)]


def another(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, Trial):
        return replace(value, seed=value.seed + 1)
    if isinstance(value, tuple):
        return (*value, "another")
    if isinstance(value, str):
        return value + " another"
    return 0.25 if value is None else value + 1


@pytest.mark.parametrize(("trial", "name"), FLIPPED, ids=[f"{type(trial).__name__}-{name}" for trial, name in FLIPPED])
def test_each_field_is_part_of_the_key(trial, name):
    value = TEACHER if name in ("teacher", "parent") else another(getattr(trial, name))
    if name in ("teacher", "parent") and getattr(trial, name) is not None:
        value = another(TEACHER)
    assert replace(trial, **{name: value}).key(lambda _: "data") != trial.key(lambda _: "data")


@pytest.mark.parametrize("kind", [LayersTrial, ChannelsTrial, OrderTrial])
def test_a_student_must_be_given_its_parent(kind):
    with pytest.raises(TypeError, match="parent"):
        kind(**COMMON)
