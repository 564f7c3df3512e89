"""Study 5's networks by name, several as one, and what a recipe shows of the images."""

import hashlib
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from experiments.engine.errors import UsageError
from experiments.offline.architectures import FAMILIES, Architecture, parse
from experiments.offline.config import Cifar10Config, ResponsesConfig
from experiments.offline.networks import OfflineStudy, build, mean_of
from experiments.offline.recipes import ADAM, FAST, TRANSFER
from experiments.offline.responses import OfflineResponses
from experiments.offline.students import LABELS, StudentTrial
from kdsuite.data import Split


def test_names_of_architectures():
    assert parse("airbench_24_64_64") == Architecture("airbench", (24, 64, 64))
    assert parse("cnn_3_8_0") == Architecture("cnn", (3, 8, 0))
    assert parse("mobilenet_0.75") == Architecture("mobilenet", (0.75,))
    assert [parse(example).pretrained for _, example in FAMILIES.values()] == [False] * 4 + [True] * 3


@pytest.mark.parametrize(
    "name", ["", "airbench", "airbench_1_2", "airbench_0_2_2", "cnn_3_0_1", "resnet_21", "mobilenet_2"]
)
def test_other_names_are_refused(name):
    with pytest.raises(UsageError, match="expected a name like"):
        parse(name)


@pytest.fixture
def split():
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    return Split.from_arrays(images, np.arange(20) % 10)


def student(name, **fields):
    common = {"seed": 0, "epochs": 1, "batch_size": 8, "learning_rate": 0.1, "lambda_": 0.0}
    return StudentTrial(method="plain", network=name, signal=LABELS, **common | fields)


def test_default_students_have_the_sizes_that_their_help_names(split):
    config = Cifar10Config()
    sizes = [build(student(name), split, 10).count_params() for name in config.students]
    assert [round(size / 1e6, 2) for size in sizes] == [0.95, 0.41, 0.14, 0.06, 0.02]
    assert max(sizes) <= 1_000_000
    assert config.compared in config.students


def test_the_fast_network_starts_with_filters_that_whiten_its_images(split):
    keras.utils.set_random_seed(0)
    kernels = [build(student("airbench_4_4_4"), split, 10).get_layer("whiten").kernel.numpy() for _ in range(2)]
    np.testing.assert_array_equal(*kernels)


def test_teachers_together_give_the_logarithm_of_their_mean_probabilities(split):
    members = [build(student(name), split, 10) for name in ("airbench_4_4_4", "resnet_8")]
    images = split.images[:5]
    expected = np.mean([softmax(np.asarray(model(images)), axis=-1) for model in members], axis=0)
    together = mean_of(members)
    np.testing.assert_allclose(log_softmax(np.asarray(together(images)), axis=-1), np.log(expected), atol=1e-4)
    assert together.count_params() == sum(model.count_params() for model in members)


def test_a_weights_file_is_known_by_what_it_holds(in_empty_folder):
    """Another file of the same name is another teacher, in a setting of its own; the same file elsewhere is neither."""
    studies = []
    for path, content in (("w.h5", b"one"), ("w.h5", b"two"), ("moved/w.h5", b"one")):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(content)
        study = OfflineResponses(replace(ResponsesConfig(), weights=path))
        studies.append((study.teacher("resnet50"), study.setting()))
    assert studies[0] == studies[2] != studies[1]
    assert studies[0][0].weights == f"w.h5@{hashlib.sha256(b'one').hexdigest()[:12]}"
    with pytest.raises(UsageError, match=r"weights 'no\.h5': no such file; expected imagenet"):
        OfflineResponses(replace(ResponsesConfig(), weights="no.h5")).setting()


def test_recipes_of_students_and_teachers():
    config = ResponsesConfig(batch_size=32, learning_rate=1.0, teacher_smoothing=0.0)
    assert config.recipe_of("airbench_8_8_8") == replace(FAST, batch_size=32, learning_rate=1.0)
    assert config.recipe_of("resnet_8") == config.recipe_of("airbench_8_8_8")
    assert config.recipe_of_teacher("airbench_8_8_8").label_smoothing == 0
    assert config.recipe_of_teacher("mobilenet_0.75") == TRANSFER
    assert ResponsesConfig(recipe="adam", views=1).recipe_of_teacher("resnet50") == ADAM


@pytest.mark.parametrize("options", [{"teachers": ("vgg_small",)}, {"students": ("vgg_small",)}])
def test_a_network_that_the_fast_recipe_cannot_train_is_refused(options):
    with pytest.raises(UsageError, match="network 'vgg_small' by recipe fast: expected recipe adam"):
        Cifar10Config(**options).check()
    Cifar10Config(**options, recipe="adam", views=1).check()


def test_networks_whose_logits_are_not_scaled_learn_at_a_ninth_of_the_fast_rate(split):
    config = ResponsesConfig()
    images = split.images[:5]
    for name in ("airbench_4_4_4", "resnet_8", "cnn_3_4_0"):
        network = build(student(name), split, 10)
        unscaled = keras.Model(network.input, network.layers[-2].output) if name.startswith("airbench") else network
        scale = np.asarray(network(images)).std() / np.asarray(unscaled(images)).std()
        assert config.recipe_of(name).learning_rate * scale == pytest.approx(11.5 / 9, rel=1e-4)
        assert config.recipe_of_teacher(name) == config.recipe_of(name)
        assert ResponsesConfig(recipe="adam", views=1).recipe_of(name) == ADAM


@pytest.mark.parametrize(
    ("views", "count", "alternates"), [(None, 50, True), (4, 4, True), (1, 1, False), (3, 3, False)]
)
def test_views_are_drawn_once_and_alternate_where_they_are_even(split, views, count, alternates):
    study = OfflineStudy(ResponsesConfig())
    shown = study.shown(split, 2, "alternating", views)
    assert shown.views.count == count
    assert shown.alternate_flip == alternates
    assert study.shown(split, 2, "alternating", views) is shown
    assert study.shown(split, None, None, None) is split
