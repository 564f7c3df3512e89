"""A trial's key holds everything that determines its network."""

from dataclasses import dataclass, fields, replace

import pytest

from experiments.engine.trial import Trial

TEACHER = Trial(method="teacher", network="large", seed=0, epochs=2, batch_size=8, learning_rate=0.1)
STUDENT = Trial(
    method="kd",
    network="small",
    seed=0,
    epochs=2,
    batch_size=8,
    learning_rate=0.1,
    lambda_=0.5,
    temperature=4.0,
    teacher=TEACHER,
    parent=TEACHER,
)
OTHER = replace(TEACHER, seed=1)
FLIPPED = {
    "method": "plain",
    "network": "smaller",
    "seed": 1,
    "epochs": 3,
    "batch_size": 9,
    "learning_rate": 0.2,
    "optimizer": "sgd",
    "schedule": "cosine",
    "lambda_": 0.6,
    "temperature": 5.0,
    "teacher": OTHER,
    "parent": OTHER,
    "recalibrate": True,
    "test_stale_batch_norm": True,
    "evaluate_every_epoch": True,
    "metrics": (),
    "precision": "bfloat16",
}


def data(trial):
    return "the same"


def test_each_field_is_flipped_here():
    assert set(FLIPPED) == {field.name for field in fields(Trial)}


@pytest.mark.parametrize("name", FLIPPED)
def test_each_field_is_part_of_the_key(name):
    assert replace(STUDENT, **{name: FLIPPED[name]}).key(data) != STUDENT.key(data)


def test_the_key_is_12_hex_digits_and_the_same_in_every_process():
    assert STUDENT.key(data) == replace(STUDENT).key(data)
    assert len(STUDENT.key(data)) == 12
    int(STUDENT.key(data), 16)


def test_data_class_and_recipe_are_part_of_the_key(monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class OfAnotherClass(Trial):
        pass

    before = STUDENT.key(data)
    assert STUDENT.key(lambda trial: "other") != before
    assert OfAnotherClass(**vars(STUDENT)).key(data) != before
    monkeypatch.setattr(Trial, "RECIPE", Trial.RECIPE + 1)
    assert STUDENT.key(data) != before


def test_a_teachers_data_are_part_of_its_students_key():
    def teacher_saw_more(trial):
        return "more" if trial.role == "teacher" else "the same"

    assert STUDENT.key(teacher_saw_more) != STUDENT.key(data)


def test_what_is_no_plain_data_cannot_be_part_of_a_trial():
    with pytest.raises(TypeError, match="expected numbers, words, tuples or dataclasses"):
        replace(STUDENT, network=object()).key(data)


def test_settings_are_fixed():
    with pytest.raises(AttributeError):
        STUDENT.seed = 3
