import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

from kdsuite import distill
from kdsuite.data import Jitter


def teacher(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, name="logits"),
        ],
        name="teacher",
    )


def stored(folder):
    return sorted((folder / "teacher").glob("*.npz"))


def test_outputs_are_the_inference_outputs_row_for_row(small_split, tmp_path):
    model = teacher()
    outputs = distill.teacher_outputs(model, small_split, cache=tmp_path, batch_size=50)
    np.testing.assert_allclose(
        outputs.arrays["logits"], model(small_split.images, training=False), rtol=1e-5, atol=1e-4
    )
    assert outputs.data_fingerprint == small_split.fingerprint


def test_second_call_reads_and_a_changed_teacher_recomputes(small_split, tmp_path, monkeypatch):
    model = teacher()
    first = distill.teacher_outputs(model, small_split, cache=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("kdsuite.distill.teacher._Run.forward", lambda *_: pytest.fail("ran the teacher again"))
        again = distill.teacher_outputs(model, small_split, cache=tmp_path)
    np.testing.assert_array_equal(first.arrays["logits"], again.arrays["logits"])
    model.layers[-1].bias.assign([1.0, 0.0, 0.0])
    changed = distill.teacher_outputs(model, small_split, cache=tmp_path)
    np.testing.assert_allclose(changed.arrays["logits"] - first.arrays["logits"], [[1, 0, 0]] * 120, atol=1e-4)


def test_other_data_has_other_outputs(small_split, tmp_path):
    model = teacher()
    distill.teacher_outputs(model, small_split, cache=tmp_path)
    other = type(small_split).from_arrays(small_split.images[::-1].copy(), small_split.labels)
    distill.teacher_outputs(model, other, cache=tmp_path)
    assert len(stored(tmp_path)) == 2


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def put(path, **arrays):
    np.savez(path, **arrays)


LOGITS = np.zeros((120, 3), np.float32)
DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-50]),
    "empty": lambda path: path.write_bytes(b""),
    "a flipped bit": lambda path: path.write_bytes(flipped(path.read_bytes(), 900)),
    "a flipped bit in the header": lambda path: path.write_bytes(flipped(path.read_bytes(), 32)),
    "NaN": lambda path: put(path, logits=np.where(np.arange(3) == 1, np.nan, LOGITS)),
    "fewer rows": lambda path: put(path, logits=LOGITS[:-1]),
    "more classes": lambda path: put(path, logits=np.zeros((120, 4), np.float32)),
    "another type": lambda path: put(path, logits=LOGITS.astype(np.float64)),
    "another name": lambda path: put(path, probabilities=LOGITS),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_cache_is_named_and_rebuilt(small_split, tmp_path, capsys, damage):
    model = teacher()
    first = distill.teacher_outputs(model, small_split, cache=tmp_path)
    path = stored(tmp_path)[0]
    DAMAGE[damage](path)
    again = distill.teacher_outputs(model, small_split, cache=tmp_path)
    np.testing.assert_array_equal(first.arrays["logits"], again.arrays["logits"])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"cache {path} is damaged (")
    distill.teacher_outputs(model, small_split, cache=tmp_path)
    assert capsys.readouterr().err == ""


def test_no_single_flipped_bit_gets_through(small_split, tmp_path, capsys):
    model = teacher()
    first = distill.teacher_outputs(model, small_split, cache=tmp_path).arrays["logits"]
    path = stored(tmp_path)[0]
    whole = path.read_bytes()
    for place in np.random.default_rng(0).choice(len(whole), 40, replace=False):
        path.write_bytes(flipped(whole, place))
        again = distill.teacher_outputs(model, small_split, cache=tmp_path).arrays["logits"]
        np.testing.assert_array_equal(first, again)
        assert all(line.startswith("cache ") for line in capsys.readouterr().err.splitlines())


def test_a_teacher_of_nan_is_refused_and_not_kept(small_split, tmp_path):
    model = teacher()
    model.layers[-1].bias.assign([np.nan, 0.0, 0.0])
    with pytest.raises(distill.DistillationError, match="the teacher 'teacher' gives NaN or infinity in its logits"):
        distill.teacher_outputs(model, small_split, cache=tmp_path)
    assert not (tmp_path / "teacher").exists()


def test_a_write_that_breaks_off_leaves_nothing(small_split, tmp_path, monkeypatch):
    def break_off(file, **arrays):
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", break_off)
        with pytest.raises(KeyboardInterrupt):
            distill.teacher_outputs(teacher(), small_split, cache=tmp_path)
    assert list((tmp_path / "teacher").iterdir()) == []


def test_batches_refuse_outputs_of_other_data(small_split, tmp_path):
    other = type(small_split).from_arrays(small_split.images[:60], small_split.labels[:60])
    outputs = distill.teacher_outputs(teacher(), other, cache=tmp_path)
    with pytest.raises(ValueError, match="other data"):
        small_split.batches(10, teacher=outputs)


def test_a_jittered_split_has_the_outputs_of_every_view(small_split, tmp_path):
    model, jitter = teacher(), Jitter(2, 1)
    split = small_split.with_views(jitter)
    outputs = distill.teacher_outputs(model, split, cache=tmp_path, batch_size=50)
    assert outputs.arrays["logits"].shape == (120, 15, 3)
    for view in (0, 7, 14):
        shown = jitter.apply(small_split.images, np.full(120, view))
        np.testing.assert_allclose(
            outputs.arrays["logits"][:, view], model(shown, training=False), rtol=1e-5, atol=1e-3
        )
    plain = distill.teacher_outputs(model, small_split, cache=tmp_path)
    np.testing.assert_allclose(
        outputs.arrays["logits"][:, jitter.identity], plain.arrays["logits"], rtol=1e-5, atol=1e-3
    )
    assert len(stored(tmp_path)) == 2


def test_softened_outputs_of_views_equal_those_one_by_one(small_split, tmp_path):
    split = small_split.with_views(Jitter(1, 0))
    outputs = distill.teacher_outputs(teacher(), split, cache=tmp_path).softened(200.0)
    logits = distill.teacher_outputs(teacher(), split, cache=tmp_path).arrays["logits"]
    targets, entropy = outputs.arrays.values()
    expected = np.exp(logits / 200) / np.exp(logits / 200).sum(-1, keepdims=True)
    np.testing.assert_allclose(targets, expected, rtol=1e-4)
    np.testing.assert_allclose(entropy, -(expected * np.log(expected)).sum(-1), rtol=1e-4)


@pytest.mark.parametrize("softened", [False, True])
def test_distilling_cached_views_equals_a_live_teacher_on_the_same_views(small_split, tmp_path, softened):
    split = small_split.with_views(Jitter(2, 2))
    outputs = distill.teacher_outputs(teacher(), split, cache=tmp_path)
    outputs = outputs.softened(3.0) if softened else outputs
    losses = {}
    for name, live, cached in (("live", teacher(), None), ("cached", None, outputs)):
        distiller = distill.Distiller(teacher(seed=1), live, lambda_=0.7, temperature=3.0)
        distiller.compile(keras.optimizers.SGD(1e-6))
        keras.utils.set_random_seed(0)
        batches = split.batches(32, seed=0, epoch=1, teacher=cached)
        losses[name] = distiller.fit(batches, verbose=0, shuffle=False).history["loss"]
    np.testing.assert_allclose(losses["cached"], losses["live"], rtol=1e-5)


OWN = """
import keras

@keras.saving.register_keras_serializable("{module}")
class Scaled(keras.layers.Layer):
    def call(self, inputs):
        return {factor} * inputs

@keras.saving.register_keras_serializable("{module}")
def halved(x):
    return x / 2

def plain(x):
    return x / 2
"""


@pytest.mark.parametrize("what", ["layer", "function", "unregistered function", "lambda"])
def test_a_teacher_is_another_one_when_its_own_code_changes(what, tmp_path, monkeypatch):
    """Class, configuration and weights say nothing of what a layer computes."""
    path = tmp_path / f"own_layers_{what.replace(' ', '_')}.py"
    path.write_text(OWN.format(module=path.stem, factor=2))
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module(path.stem)
    layer = {
        "layer": lambda: own.Scaled(),
        "function": lambda: keras.layers.Activation(own.halved),
        "unregistered function": lambda: keras.layers.Activation(own.plain),
        "lambda": lambda: keras.layers.Lambda(own.plain),
    }[what]()
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
    before = distill.model_fingerprint(model)
    assert distill.model_fingerprint(model) == before
    path.write_text(OWN.format(module=path.stem, factor=3))
    assert distill.model_fingerprint(model) != before
