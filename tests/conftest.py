import gc
import os

from experiments.engine.worker import THREADS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a process a core already; further threads only wait for each other.
    for name in THREADS:
        os.environ.setdefault(name, "1")

import keras
import numpy as np
import pytest

from kdsuite.data import Split


def pytest_collection_finish():
    # What was imported never goes: each full collection would look at a million objects for it.
    gc.freeze()


@pytest.fixture(autouse=True)
def own_seed():
    keras.utils.set_random_seed(0)


@pytest.fixture
def in_empty_folder(tmp_path, monkeypatch):
    """Runs the test in an empty folder, so that default caches and results are its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_tfds_no_network(tmp_path, monkeypatch):
    """A machine with no prepared data set and no way to download one."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no-tfds"))
    monkeypatch.setattr("kdsuite.data.sources._network", lambda: False)


@pytest.fixture
def small_split():
    """120 generated 8 × 8 grey images in 3 classes."""
    random = np.random.default_rng(0)
    return Split.from_arrays(random.integers(0, 256, (120, 8, 8, 1), np.uint8), random.integers(0, 3, 120))
