"""Files of other formats: their answers are the Keras model's, and none is ever another model's."""

import json
import math
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from kdsuite import compress, models
from kdsuite.compress import shipping
from kdsuite.compress.costs import costs_of
from tests.prune.zeroing import randomise

FLOATS = ("litert-float32", "litert-float16", "onnx", "openvino")
ALL = tuple(compress.FORMATS)


def network(policy="float32"):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(3),
            ],
            name="small",
        )
    finally:
        keras.config.set_dtype_policy(before)


def two_inputs():
    image, extra = keras.Input((8, 8, 1), name="zoom"), keras.Input((5,), name="extra")
    features = layers.Flatten()(layers.Conv2D(2, 3)(image))
    return keras.Model([image, extra], layers.Dense(3)(layers.Concatenate()([features, extra])), name="two")


def test_augmentation_inside_a_model_is_left_out_of_its_files(small_split, tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = layers.RandomTranslation(0.3, 0.3)(layers.RandomFlip()(layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)), name="augmented")
    expected = np.asarray(model(small_split.images.astype(np.float32), training=False))
    for name, path in compress.export(model, tmp_path, ALL, small_split).items():
        tolerance = 0.05 if name == "litert-int8" else 1e-3
        np.testing.assert_allclose(compress.logits(path, small_split), expected, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("first", [layers.Resizing(6, 6), layers.CenterCrop(6, 6), layers.RandomCrop(6, 6)], ids=repr)
def test_layers_that_note_training_do_not_train_in_files(first, tmp_path):
    """Behind these, batch norm took the statistics of the batch in ONNX and OpenVINO."""
    inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(first.from_config(first.get_config())(inputs)))
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)), name="resized")
    randomise(model)
    images = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 1)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    for name, path in compress.export(model, tmp_path, ("onnx", "openvino")).items():
        np.testing.assert_allclose(compress.logits(path, (images, None)), expected, rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_file_that_answers_otherwise_is_none(tmp_path):
    """ONNX has no resizing by areas, and tf2onnx writes another."""
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Resizing(3, 3, interpolation="area")(inputs))
    model = keras.Model(inputs, layers.Dense(3)(x), name="by_area")
    randomise(model)
    with pytest.raises(
        compress.CompressionError, match="converted to onnx: its file answers otherwise than the model, by"
    ):
        compress.export(model, tmp_path, ["onnx"])
    assert not (tmp_path / "by_area.onnx").exists()


def test_every_format_gives_the_models_logits(small_split, tmp_path):
    model = network()
    paths = compress.export(model, tmp_path, ALL, small_split)
    assert {name: path.name for name, path in paths.items()} == {
        "litert-float32": "small.float32.tflite",
        "litert-float16": "small.float16.tflite",
        "litert-int8": "small.int8.tflite",
        "onnx": "small.onnx",
        "openvino": "small.xml",
    }
    expected = np.asarray(model(small_split.images.astype(np.float32)))
    np.testing.assert_allclose(compress.logits(model, small_split), expected, atol=1e-6)
    tolerance = {"litert-float32": 1e-5, "litert-float16": 1e-3, "litert-int8": 0.05, "onnx": 1e-5, "openvino": 1e-5}
    for name, path in paths.items():
        np.testing.assert_allclose(compress.logits(path, small_split), expected, atol=tolerance[name], err_msg=name)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths.values()} | {
        "small.bin",
        "export.json",
    }


def test_an_exact_gelu_is_the_same_in_every_format(tmp_path):
    """TensorFlow computes it by erfc, which ONNX has not."""
    inputs = keras.Input((64,))
    model = keras.Model(inputs, layers.Activation("gelu")(inputs), name="gelu")
    values = np.linspace(-8, 8, 64, dtype=np.float32)[None]
    expected = [0.5 * x * math.erfc(-x / math.sqrt(2)) for x in values[0].astype(float)]
    paths = compress.export(model, tmp_path, FLOATS)
    assert set(paths) == set(FLOATS)
    for name, path in paths.items():
        tolerance = 5e-3 if name == "litert-float16" else 2e-6
        np.testing.assert_allclose(compress.logits(path, (values, None))[0], expected, atol=tolerance, err_msg=name)


def test_what_can_be_converted_is_shipped_without_the_rest(tmp_path):
    """LiteRT has no kernel for erf alone, ONNX has."""
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(2)(keras.ops.erf(inputs)), name="erf")
    written, refused = shipping.exported(model, tmp_path / "student.keras", np.zeros((4, 8), np.float32))
    assert {name: path.name for name, path in written.items()} == {"onnx": "student.onnx"}
    assert set(refused) == {"litert-float32", "litert-float16", "litert-int8"}
    assert refused["litert-float32"] == "model 'erf' cannot be converted to litert-float32: the format lacks Erf"


def test_the_estimate_of_an_int8_files_size_is_what_the_converter_writes(tmp_path):
    sizes, estimates = [], []
    for alpha in (0.25, 0.5):
        model = keras.applications.MobileNet(input_shape=(96, 96, 3), alpha=alpha, weights=None, classes=3)
        # Equal biases would be kept once in the file.
        randomise(model)
        images = np.random.default_rng(0).uniform(0, 1, (8, 96, 96, 3)).astype(np.float32)
        (path,) = compress.export(model, tmp_path / str(alpha), ["litert-int8"], images).values()
        sizes.append(path.stat().st_size)
        estimates.append(costs_of(model).bytes)
    assert sizes[1] - sizes[0] == pytest.approx(estimates[1] - estimates[0], rel=2e-3)
    assert estimates == pytest.approx(sizes, rel=0.02)


def test_int8_weights_have_a_scale_a_channel(small_split, tmp_path):
    (path,) = compress.export(network(), tmp_path, ["litert-int8"], small_split).values()
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    weights = {
        tuple(detail["shape"]): detail["quantization_parameters"]
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.int8 and len(detail["quantization_parameters"]["scales"]) > 1
    }
    # Convolution: (filters, height, width, channels); dense: (units, inputs).
    assert set(weights) == {(4, 3, 3, 1), (3, 144)}
    for shape, parameters in weights.items():
        assert len(parameters["scales"]) == shape[0]
        assert len(set(parameters["scales"].tolist())) == shape[0]
        assert parameters["quantized_dimension"] == 0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
def test_lower_precision_is_exported_with_the_same_weights_in_float32(policy, small_split, tmp_path):
    low = network(policy)
    full = network()
    full.set_weights([np.asarray(weight, np.float32) for weight in low.get_weights()])
    expected = compress.logits(full, small_split)
    for name, path in compress.export(low, tmp_path, FLOATS).items():
        np.testing.assert_allclose(compress.logits(path, small_split), expected, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_what_a_normalization_was_adapted_to_is_exported(policy, small_split, tmp_path):
    images = small_split.images.astype(np.float32)
    normalization = layers.Normalization(axis=None, dtype=policy)
    normalization.adapt(images)
    model = keras.Sequential([keras.Input((8, 8, 1)), normalization, layers.Flatten(), layers.Dense(3)], name="small")
    kernel, bias = model.layers[-1].get_weights()
    expected = ((images - images.mean()) / images.std()).reshape(len(images), -1) @ kernel + bias
    before = model(images)
    for name, path in compress.export(model, tmp_path, FLOATS).items():
        tolerance = 1e-2 if name == "litert-float16" else 1e-4
        np.testing.assert_allclose(compress.logits(path, small_split), expected, atol=tolerance, err_msg=name)
    np.testing.assert_array_equal(model(images), before)


@keras.saving.register_keras_serializable("test_exporting")
class Shifted(layers.Layer):
    def build(self, input_shape):
        self.offset = keras.ops.ones(input_shape[1:])

    def call(self, inputs):
        return inputs + self.offset


def test_a_tensor_that_a_layer_holds_is_no_input_of_a_file(small_split, tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), Shifted(), layers.Flatten(), layers.Dense(3)], name="held")
    with pytest.raises(
        compress.CompressionError, match="'held' cannot be converted to onnx: a layer of your own holds"
    ):
        compress.export(model, tmp_path, ["onnx"])
    (path,) = compress.export(model, tmp_path, ["litert-float32"]).values()
    np.testing.assert_allclose(
        compress.logits(path, small_split), compress.logits(model, small_split), rtol=1e-4, atol=1e-3
    )


def test_nested_models_in_lower_precision(small_split, tmp_path):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Dense(3)(network("mixed_bfloat16")(inputs)), name="outer")
    path = compress.export(model, tmp_path, ["onnx"])["onnx"]
    np.testing.assert_allclose(compress.logits(path, small_split), compress.logits(model, small_split), atol=0.05)


def test_flat_inputs(tmp_path):
    model = keras.Sequential([keras.Input((784,)), layers.Dense(8, activation="relu"), layers.Dense(3)], name="flat")
    inputs = np.random.default_rng(0).normal(size=(30, 784)).astype(np.float32)
    expected = compress.logits(model, (inputs, None))
    for name, path in compress.export(model, tmp_path, ALL, inputs).items():
        tolerance = 0.1 if name == "litert-int8" else 5e-3
        np.testing.assert_allclose(compress.logits(path, (inputs, None)), expected, atol=tolerance, err_msg=name)


def test_two_inputs_go_by_name(tmp_path):
    random = np.random.default_rng(0)
    inputs = {"zoom": random.normal(size=(20, 8, 8, 1)), "extra": random.normal(size=(20, 5))}
    inputs = {name: array.astype(np.float32) for name, array in inputs.items()}
    model = two_inputs()
    expected = np.asarray(model([inputs["zoom"], inputs["extra"]]))
    for name, path in compress.export(model, tmp_path, ALL, inputs).items():
        tolerance = 0.1 if name == "litert-int8" else 5e-3
        np.testing.assert_allclose(compress.logits(path, (inputs, None)), expected, atol=tolerance, err_msg=name)
    with pytest.raises(compress.CompressionError, match=r"expected a dict with all of \['extra', 'zoom'\]"):
        compress.logits(path, (inputs["zoom"], None))


def test_several_outputs_are_exported_and_not_measured(tmp_path):
    inputs = keras.Input((8, 8, 1))
    features = layers.Flatten()(inputs)
    model = keras.Model(inputs, {"x": layers.Dense(3)(features), "y": layers.Dense(2)(features)}, name="several")
    for path in compress.export(model, tmp_path, FLOATS).values():
        with pytest.raises(compress.CompressionError, match="has 2 outputs: expected one, of logits"):
            compress.logits(path, (np.zeros((1, 8, 8, 1)), None))
    with pytest.raises(compress.CompressionError, match="has 2 outputs"):
        compress.logits(model, (np.zeros((1, 8, 8, 1)), None))


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def called(model):
    model(np.zeros((1, 4)))
    return model


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(2)]), {}, "has no input shape yet: start it with keras.Input"),
        (lambda: called(Subclass()), {}, r"is subclassed .*: give export keras.Model\(inputs, model\(inputs\)\)"),
        (lambda: models.mnist_cnn((2,), dense=4), {}, "litert-int8 needs calibration"),
        (network, {"formats": ["onnx"], "calibration": np.zeros((1, 8, 8, 1))}, "for the format litert-int8 alone"),
        (network, {"formats": ["coreml"]}, "format 'coreml': expected one of litert-float32"),
        (network, {"calibration": np.zeros((2, 9, 9, 1))}, r"shape \(2, 9, 9, 1\): expected \(n, 8, 8, 1\)"),
        (two_inputs, {"calibration": np.zeros((2, 8, 8, 1))}, r"expected a dict with all of \['extra', 'zoom'\]"),
    ],
)
def test_refusals_name_the_reason(model, options, message, tmp_path):
    with pytest.raises(compress.CompressionError, match=message):
        compress.export(model(), tmp_path, **options)
    assert not list(tmp_path.glob("*.tflite"))


@pytest.mark.parametrize("name", ["litert-float32", "litert-float16", "onnx", "openvino"])
def test_an_operation_that_a_format_lacks_is_named(name, tmp_path):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(2)(keras.ops.erfinv(inputs)), name="inverse")
    with pytest.raises(
        compress.CompressionError, match=f"'inverse' cannot be converted to {name}: the format lacks Erfinv$"
    ):
        compress.export(model, tmp_path, [name])
    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(compress.CompressionError, match=r"needs openvino: pip install 'kdsuite\[openvino\]'"):
        compress.export(network(), tmp_path, ["openvino"])


def test_files_are_kept_written_again_and_never_written_over(small_split, tmp_path):
    model = network()
    formats = ["litert-int8", "openvino"]
    paths = compress.export(model, tmp_path, formats, small_split)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "small.bin").unlink()
    assert compress.export(model, tmp_path, formats, small_split) == paths
    assert paths["litert-int8"].stat().st_mtime_ns == before[paths["litert-int8"]]
    assert paths["openvino"].stat().st_mtime_ns > before[paths["openvino"]]
    assert (tmp_path / "small.bin").exists()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(compress.CompressionError, match="of another model or calibration"):
        compress.export(model, tmp_path, formats, small_split.images[:50])
    with pytest.raises(compress.CompressionError, match=r"small\.int8\.tflite is of another model or calibration"):
        compress.export(network(), tmp_path, formats, small_split)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
    assert set(compress.export(network(), tmp_path, formats, small_split, stem="other").values()) == {
        tmp_path / "other.int8.tflite",
        tmp_path / "other.xml",
    }
    assert len(json.loads((tmp_path / "export.json").read_text())) == 4


def test_a_path_gives_the_files_its_name(tmp_path):
    model = network()
    model.save(tmp_path / "mine.keras")
    assert compress.export(tmp_path / "mine.keras", tmp_path, ["onnx"]) == {"onnx": tmp_path / "mine.onnx"}
    with pytest.raises(compress.CompressionError, match="cannot load a model from"):
        compress.export(tmp_path / "missing.keras", tmp_path, ["onnx"])
