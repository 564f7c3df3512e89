"""What a student's file says of the images that it was trained on."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kdsuite import data, distill


@pytest.fixture
def dataset(in_empty_folder):
    return data.load("synthetic", image_size=16, train_size=200, validation_size=50, test_size=100, seed=3)


@pytest.fixture
def student():
    return keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])


def test_it_travels_in_the_file(student, dataset):
    distill.save_student(student, "student.keras", dataset)
    Path("elsewhere").mkdir()
    Path("student.keras").rename("elsewhere/other.keras")
    known = distill.training_data("elsewhere/other.keras")
    assert (known.name, known.source, known.class_names) == ("synthetic", "synthetic", ("stripes", "checks"))
    assert (known.seed, known.sizes) == (3, {"train": 200, "validation": 50, "test": 100})
    assert known.test_fingerprint == dataset.test.fingerprint
    loaded = keras.models.load_model("elsewhere/other.keras")
    np.testing.assert_array_equal(loaded(dataset.test.images), student(dataset.test.images))


def test_each_training_image_is_known(student, dataset):
    distill.save_student(student, "student.keras", dataset)
    known = distill.training_data("student.keras")
    assert known.trained_on(dataset.train) == 200
    assert known.trained_on(dataset.validation) == known.trained_on(dataset.test) == 0
    # Another cut of the same pictures: as many as the sets say.
    other = data.load("synthetic", image_size=16, train_size=200, validation_size=50, test_size=100, seed=4)
    trained = {image.tobytes() for image in dataset.train.images}
    assert known.trained_on(other.test) == sum(image.tobytes() in trained for image in other.test.images) > 0


def test_the_teachers_images_count_too(student, dataset):
    distill.save_student(student, "student.keras", dataset, also=[dataset.validation])
    known = distill.training_data("student.keras")
    assert known.trained_on(dataset.validation) == 50
    assert known.trained_on(dataset.train) == 200
    distill.save_student(student, "next.keras", dataset, also=[known])
    assert distill.training_data("next.keras").trained_on(dataset.validation) == 50
    with pytest.raises(distill.DistillationError, match="further splits without a data set"):
        distill.save_student(student, "student.keras", also=[dataset.validation])


def test_a_file_without_it_says_nothing(student, dataset):
    distill.save_student(student, "student.keras")
    assert distill.training_data("student.keras") is None
    assert distill.training_data_bytes("student.keras") == 0
    size = Path("student.keras").stat().st_size
    distill.save_student(student, "student.keras", dataset)
    added = distill.training_data_bytes("student.keras")
    # 200 digests of 8 bytes, which do not compress.
    assert 1600 < added < Path("student.keras").stat().st_size - size + 200
    assert distill.training_data("student.keras") is not None


def test_a_damaged_file_is_refused_in_one_line(in_empty_folder):
    Path("student.keras").write_text("no")
    with pytest.raises(distill.DistillationError, match=r"cannot read student\.keras .*: expected a \.keras file"):
        distill.training_data("student.keras")
