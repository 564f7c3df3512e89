"""Study 1's transfer to CIFAR-10 on generated images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.cs230.cifar_transfer import Transfer
from kdsuite import distill, models

pytestmark = pytest.mark.usefixtures("in_empty_folder", "no_tfds_no_network")


@pytest.mark.long
def test_each_network_is_tested_three_times():
    assert main(["cifar-transfer", "--profile", "smoke", "--train-size", "100"]) == 0
    (path,) = Path("results", "cifar-transfer").glob("*/rows.csv")
    rows = pd.read_csv(path)
    assert sorted(zip(rows.images, rows.network_image_size, rows.train_size, strict=True)) == [
        ("all", 32, 200),
        ("few", 32, 100),
        ("few", 64, 100),
    ]
    assert rows[list(Transfer.COLUMNS)].notna().all(axis=None)
    assert rows.test_accuracy_stale_batch_norm.notna().all()
    few = rows[rows.images == "few"].set_index("network_image_size").macs
    assert few[64] / few[32] == pytest.approx(4, rel=0.01)


def test_statistics_are_put_back():
    model = models.mobilenet(classes=2, alpha=0.25, image_size=32, imagenet=False)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    statistics, output = distill.moving_statistics(model), model(images).numpy()
    distill.set_moving_statistics(model, [(mean + 1, variance) for mean, variance in statistics])
    assert np.any(model(images).numpy() != output)
    distill.set_moving_statistics(model, statistics)
    np.testing.assert_array_equal(model(images).numpy(), output)
