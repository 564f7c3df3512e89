"""A fast copy is trained; what is kept is the network with the copy's weights, what is measured computes in float32."""

from dataclasses import replace
from functools import cached_property

import keras
import numpy as np
import pytest

from experiments.engine.config import Config
from experiments.engine.networks import Networks
from experiments.engine.study import Study, Targets
from experiments.engine.training import evaluate, measure, outputs, train_network
from experiments.engine.trial import Trial
from kdsuite import distill
from kdsuite.data import Dataset

PLAIN = Trial(method="plain", network="small", seed=0, epochs=2, batch_size=32, learning_rate=0.01)
HINTED = replace(PLAIN, method="kd", lambda_=0.5, temperature=2.0)


def small(channels: int = 4) -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    convolution = keras.layers.Conv2D(channels, 3, kernel_regularizer="l2", name="conv")
    hidden = convolution(keras.layers.BatchNormalization()(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(hidden)))


class Small(Study):
    """A small network on labels, or with a live teacher of more channels and a hint from it; remembers distillers."""

    def __init__(self, config, split):
        super().__init__(config)
        self.split, self.made = split, []

    @cached_property
    def dataset(self):
        return Dataset("made up", "made up", ("a", "b", "c"), self.split, self.split, self.split)

    def build(self, trial, networks):
        return small()

    def targets(self, trial, networks):
        return Targets(live=small(6)) if trial.method == "kd" else Targets()

    def hints(self, trial):
        return [distill.Hint("conv", "conv", teacher_channels=6)]

    def distiller(self, trial, model, *, has_targets):
        self.made.append(super().distiller(trial, model, has_targets=has_targets))
        return self.made[-1]


@pytest.fixture
def train(small_split, tmp_path):
    def trained(trial):
        study = Small(Config(cache=tmp_path), small_split)
        networks = Networks(study, tmp_path)
        return train_network(study, trial, networks, folder=tmp_path / "trial", tick=lambda _: None), study.made

    return trained


@pytest.mark.parametrize("trial", [PLAIN, HINTED], ids=["plain", "hinted"])
def test_the_float32_network_has_what_the_copy_learned(train, small_split, trial):
    trained, (copy, distiller) = train(replace(trial, precision="bfloat16"))
    assert trained.distiller is distiller
    assert copy.student.get_layer("conv").compute_dtype == "bfloat16"
    for network in (trained.model, distiller.student):
        assert {layer.compute_dtype for layer in network.layers} == {"float32"}
        for ours, learned in zip(network.get_weights(), copy.student.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, learned)
    regressors = zip(distiller.regressors, copy.regressors, strict=True)
    assert len(distiller.regressors) == (1 if trial is HINTED else 0)
    for ours, learned in regressors:
        assert ours.get_weights()
        np.testing.assert_array_equal(ours.kernel, learned.kernel)
    logits = outputs(distiller.student, small_split)
    np.testing.assert_allclose(outputs(trained.model, small_split), logits, rtol=1e-5, atol=1e-5)
    # The copy's logits carry the rounding of bfloat16, the network's do not.
    assert not np.array_equal(logits, logits.astype("bfloat16").astype(np.float32))
    measured = evaluate(trained.distiller, small_split)["loss"]
    assert measured == pytest.approx(trained.history[-1]["validation_loss"], rel=0.02)
    assert measured != trained.history[-1]["validation_loss"]


def test_a_copy_goes_on_at_its_checkpoint(train):
    trial = replace(HINTED, precision="bfloat16")
    whole, (copy, _) = train(trial)
    again, (_, distiller) = train(trial)
    assert again.history == whole.history
    for ours, learned in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, learned)
    np.testing.assert_array_equal(distiller.regressors[0].kernel, copy.regressors[0].kernel)


def test_in_float32_the_copy_that_was_trained_is_measured_and_the_network_keeps_what_comes_out(train, small_split):
    trial = replace(PLAIN, recalibrate=True)
    trained, made = train(trial)
    assert made == [trained.distiller]
    assert trained.distiller.student is not trained.model
    before = trained.model.get_weights()
    measured = measure(trained, trial, Dataset("made up", "made up", ("a", "b", "c"), *3 * [small_split]))
    tested = evaluate(trained.distiller, small_split)
    assert measured.columns["test_loss"] == pytest.approx(tested["loss"], rel=1e-5)
    assert measured.columns["test_accuracy"] == pytest.approx(tested["accuracy"], rel=1e-6)
    assert measured.predictions is not None
    assert np.mean(measured.predictions == small_split.labels) == pytest.approx(tested["accuracy"], rel=1e-6)
    assert measured.columns["test_errors"] == np.sum(measured.predictions != small_split.labels)
    for ours, judged in zip(trained.model.get_weights(), trained.distiller.student.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, judged)
    # Gamma, beta, and then the statistics, which are computed anew.
    assert [np.array_equal(*pair) for pair in zip(trained.model.get_weights(), before, strict=True)] == [
        *(True, True, False, False),
        *4 * [True],
    ]


def test_rows_say_the_precision():
    assert PLAIN.columns()["precision"] == "float32"
    assert replace(PLAIN, precision="bfloat16").columns()["precision"] == "bfloat16"
