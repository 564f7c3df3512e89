"""What is refused, in one line each."""

import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kdsuite.compress import pipeline
from kdsuite.compress.augmentation import augmentation_layers
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import agreement_by_chance, check_accuracy, problem_of
from kdsuite.compress.recovery import Training
from kdsuite.prune import PruneError
from tests.compress.conftest import SIZE, trained, untrained, write_photos


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        return self.dense(keras.ops.mean(inputs, (1, 2)))


def refused(model, source="photos", kind=CompressionError):
    with pytest.raises(kind) as caught:
        problem_of(model, source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_a_subclassed_model(photos):
    model = Subclassed()
    model(np.zeros((1, SIZE, SIZE, 3), np.float32))
    assert "Subclassed hides its layers" in refused(model, kind=PruneError)


def test_a_layer_that_is_defined_in_a_script(photos, monkeypatch):
    monkeypatch.setattr(Doubled, "__module__", "__main__")
    inputs = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(CompressionError, match=r"layers of your own that are defined in the script .*: put them into"):
        problem_of(keras.Model(inputs, untrained()(Doubled()(inputs))), "photos")


class Times(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def test_a_layer_that_cannot_be_built_again(photos):
    inputs = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(CompressionError, match=r"layer 'times' of class Times cannot be built again from its get_conf"):
        problem_of(keras.Model(inputs, untrained()(Times(2)(inputs))), "photos")


def halved(pixels):
    return pixels / 2


@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("function", [halved, lambda pixels: pixels / 2])
def test_a_function_that_a_file_cannot_name(photos, function, activation):
    inputs = keras.Input((SIZE, SIZE, 3))
    pixels = keras.layers.Lambda(function, output_shape=(SIZE, SIZE, 3), name="half")(inputs)
    message = refused(keras.Model(inputs, untrained(activation)(pixels)))
    assert message.startswith("layer 'half' of class Lambda holds a function that the model's file cannot name: put it")


def test_cells_that_a_layer_of_keras_makes_for_itself(photos):
    """Keras does not build them again by themselves."""
    inputs = keras.Input((SIZE, SIZE, 3))
    rows = keras.layers.ConvLSTM1D(2, 3)(keras.layers.Reshape((2, SIZE // 2, 3 * SIZE))(inputs))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(rows))
    assert problem_of(keras.Model(inputs, outputs), "photos").teacher.output_shape == (None, 2)


def test_classes_that_differ(photos):
    message = refused(untrained(outputs=3))
    assert "3 classes" in message and "2 (checks, stripes)" in message


def test_one_output_for_three_classes(photos):
    write_photos(photos / "three", 20, ("a", "b", "c"))
    assert "1 output, which stands for 2 classes" in refused(untrained("sigmoid", 1), "three")


def test_fewer_than_twenty_images_of_a_class(photos):
    write_photos(photos / "few", 19)
    assert "class 'checks' has 19 images: expected at least 20" in refused(untrained(), "few")


def test_images_of_any_size(photos):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))
    assert "square images of a fixed size" in refused(model)


def test_what_is_no_model(photos):
    assert "no file 'teacher.keras'" in refused("teacher.keras")
    (photos / "old.h5").touch()
    assert "is an HDF5 file: write it anew as a .keras file" in refused(str(photos / "old.h5"))
    (photos / "saved").mkdir()
    (photos / "saved" / "saved_model.pb").touch()
    assert "is a SavedModel, which has no layers to cut" in refused(str(photos / "saved"))
    (photos / "damaged.keras").write_bytes(b"no model")
    assert "cannot be read as a Keras model" in refused("damaged.keras")


def test_a_few_validation_images_become_a_fifth_of_what_test_leaves(photos):
    dataset = problem_of(untrained(), "photos").dataset
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [77, 19, 24]


def test_a_model_at_chance_is_refused_with_its_confusion(photos):
    with pytest.raises(CompressionError, match=r"chance gives 5\d%: it expects other inputs than pixels") as caught:
        check_accuracy(problem_of(untrained(), "photos"))
    assert "checks" in caught.value.__notes__[0]


def test_augmentation_inside_a_model_is_none_of_its_students(photos):
    """The teacher's outputs are those of the images as they are, and so must be what its student sees."""
    inputs = keras.Input((SIZE, SIZE, 3))
    inner = keras.Sequential([keras.layers.RandomFlip(name="flip"), keras.layers.RandomZoom(0.3, name="zoom")])
    model = keras.Model(inputs, untrained()(inner(inputs)))
    assert augmentation_layers(model) == ["flip", "zoom"]
    teacher = problem_of(model, "photos").teacher
    assert augmentation_layers(teacher) == []
    images = np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3)).astype(np.float32)
    answers = keras.ops.softmax(teacher(images, training=False))
    np.testing.assert_allclose(answers, model(images, training=False), atol=1e-5)


@pytest.mark.parametrize(
    ("counts", "chance", "above"),
    [
        ([[499, 0], [1, 0]], 499 / 500, False),
        ([[475, 0], [25, 0]], 0.95, False),
        ([[495, 0], [1, 4]], 0.992 * 0.99 + 0.008 * 0.01, True),
        # Tuned for recall: right on 95.6%, and yet it knows more than who always answers the larger class.
        ([[455, 20], [2, 23]], 0.914 * 0.95 + 0.086 * 0.05, True),
        ([[237, 13], [247, 3]], 0.5, False),
    ],
)
def test_what_knows_nothing_of_the_labels_is_at_chance_however_rare_a_class_is(counts, chance, above, monkeypatch):
    assert agreement_by_chance(np.array(counts)) == pytest.approx(chance)
    cells = [(label, answer) for label in (0, 1) for answer in (0, 1) for _ in range(counts[label][answer])]
    labels, answers = np.array(cells).T
    outputs = SimpleNamespace(arrays={"logits": np.eye(2)[answers]})
    monkeypatch.setattr("kdsuite.compress.inputs.distill.teacher_outputs", lambda *given, cache: outputs)
    dataset = SimpleNamespace(validation=SimpleNamespace(labels=labels), class_names=("no", "yes"), name="rare")
    problem = SimpleNamespace(dataset=dataset, teacher=None, name="detector")
    if above:
        assert check_accuracy(problem) == np.mean(labels == answers)
    else:
        with pytest.raises(CompressionError, match="chance gives"):
            check_accuracy(problem)


@pytest.mark.slow
def test_classes_in_another_order_are_refused_and_named(photos):
    model = trained(photos / "photos")
    assert check_accuracy(problem_of(model, "photos")) > 0.9
    kernel, bias = model.get_layer("answer").get_weights()
    model.get_layer("answer").set_weights([kernel[:, ::-1], bias[::-1]])
    with pytest.raises(CompressionError, match="output 1 is 'checks', output 0 is 'stripes'"):
        check_accuracy(problem_of(model, "photos"))


def test_two_models_that_end_differently_are_two_runs(photos):
    """Their teachers, which end in logits, are the same."""
    softmax, logits = untrained("softmax"), untrained(None)
    logits.set_weights(softmax.get_weights())
    described = [
        pipeline._described(problem_of(model, photos / "photos"), Goal("macs", 0.5), 20, None, Training())
        for model in (softmax, logits, softmax)
    ]
    assert described[0] == described[2] != described[1]


@pytest.mark.parametrize("package", ["tf2onnx", "ai_edge_litert.interpreter"])
def test_a_missing_package_is_named_before_anything_is_done(monkeypatch, package):
    pipeline.check_setting(20, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CompressionError, match=rf"needs {package}: pip install 'kdsuite\[export\]'"):
        pipeline.check_setting(20, None)
