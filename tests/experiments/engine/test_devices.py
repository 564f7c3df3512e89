"""One trial on two devices: the losses of one device; what cannot be divided is refused."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from experiments.cs230.config import DenseConfig
from experiments.cs230.mnist_dense import Dense
from experiments.engine import devices
from experiments.engine.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
TRAINED = """
import sys
from dataclasses import replace
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from experiments.cs230.config import DenseConfig
from experiments.cs230.mnist_dense import Dense
from experiments.engine.config import with_profile
from experiments.engine.networks import Networks
from experiments.engine.training import measure, train_network

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
layers = keras.layers

class Normalised(Dense):
    def build(self, trial, networks):
        # A bias before batch norm has no gradient but rounding, of which Adam makes whole steps.
        return keras.Sequential([
            keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten(),
            layers.Dense(8, use_bias=False, kernel_regularizer="l2"), layers.BatchNormalization(), layers.Dense(2)])

def trained(count):
    sizes = {"train_size": 200, "validation_size": 75, "test_size": 75}
    config = with_profile(DenseConfig, "smoke")
    cache = Path(sys.argv[1], str(count))
    config = replace(config, data="synthetic", batch_size=32, epochs=3, devices=count, cache=cache, **sizes)
    study = Normalised(config)
    teacher, plain, distilled = study.trials()[:3]
    assert 0 < distilled.lambda_ < 1 and distilled.teacher == teacher
    networks = Networks(study, config.cache)
    found = train_network(study, distilled, networks, folder=config.cache / "trial", tick=lambda epoch: None)
    assert found.distiller.distribute_strategy.num_replicas_in_sync == count
    assert not any(getattr(layer, "synchronized", False) for layer in found.model.layers)
    measured = measure(found, distilled, study.dataset).columns
    return [*found.history, measured], found.model.get_weights(), networks.get(teacher).get_weights()

one, two = trained(1), trained(2)
for alone, together in zip(one[0], two[0], strict=True):
    for name, value in alone.items():
        if value is not None and "seconds" not in name and name != "model_bytes":
            np.testing.assert_allclose(together[name], value, rtol=1e-4, err_msg=name)
for part in (1, 2):
    for alone, together in zip(one[part], two[part], strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)
"""


@pytest.mark.long
def test_two_devices_train_as_one(tmp_path):
    """A distilled student with batch norm, on cached outputs; evaluation batches of 75 are divided unevenly."""
    done = subprocess.run([sys.executable, "-c", TRAINED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def study_on_two(monkeypatch, **options):
    monkeypatch.setattr(devices, "_strategy", lambda count: None)
    return Dense(DenseConfig(data="synthetic", devices=2, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 25, "train_size": 200}, "batches of 25 images on 2 devices"),
        ({"batch_size": 32, "train_size": 195}, "batches of 3 images on 2 devices"),
    ],
)
def test_batches_that_cannot_be_divided_are_refused(monkeypatch, in_empty_folder, options, message):
    study = study_on_two(monkeypatch, **options)
    for here in (True, False):
        with pytest.raises(UsageError, match=re.escape(message)):
            devices.check(study, study.trials(), here=here)


def test_even_batches_pass(monkeypatch, in_empty_folder):
    study = study_on_two(monkeypatch, batch_size=32, train_size=200)
    devices.check(study, study.trials())


def test_devices_of_other_machines_are_not_counted_here(in_empty_folder):
    study = Dense(DenseConfig(data="synthetic", devices=64, batch_size=64, train_size=192))
    devices.check(study, study.trials(), here=False)
    with pytest.raises(UsageError, match="devices 64: this machine has"):
        devices.check(study, study.trials())


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(UsageError, match=r"devices 64: this machine has \d+ \(.*CPU:0.*expected that many GPUs"):
        devices.scope(64)


def test_one_device_is_no_strategy():
    with devices.scope(1):
        model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    with devices.batch_norm_over_all(model, 1):
        assert not model.layers[0].synchronized
    with devices.batch_norm_over_all(model, 2):
        assert model.layers[0].synchronized
    assert not model.layers[0].synchronized
