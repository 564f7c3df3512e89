"""Outputs on disk: float16 and the k largest probabilities, their errors, their files, and training from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import entr, log_softmax, rel_entr, softmax

from kdsuite import distill
from kdsuite.data import Jitter
from kdsuite.distill.mapped import Mapped

T = 2.0


def network(seed, classes=30, scale=20.0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 1), name="images")
    x = layers.Flatten(name="flat")(layers.Rescaling(1 / 255, name="unit")(inputs))
    x = layers.Rescaling(scale, name="scale")(layers.Dense(classes, name="dense")(x))
    # Named, so that two of them have one fingerprint.
    return keras.Model(inputs, x, name="teacher")


def exact(split, folder, seed=0):
    return distill.teacher_outputs(network(seed), split, cache=folder)


ROWS = np.array([5, 0, 119, 5])


def test_float16_logits_and_the_error_of_their_divergence(small_split, tmp_path):
    outputs = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk(), batch_size=50)
    logits, stored = exact(small_split, tmp_path).arrays["logits"], outputs.arrays["logits"]
    assert (stored.shape, stored.dtype, len(stored)) == ((120, 30), np.float32, 120)
    np.testing.assert_array_equal(stored[ROWS], logits[ROWS].astype(np.float16))
    student = np.random.default_rng(0).normal(0, 3, (120, 30))
    p, rounded, q = softmax(logits / T, 1), softmax(stored[np.arange(120)] / T, 1), softmax(student / T, 1)
    delta = np.abs(logits).max(1) / 2048 / T
    bound = np.expm1(2 * delta) * np.sum(p * np.abs(np.log(p / q)), 1) + 2 * delta
    error = np.abs(rel_entr(rounded, q).sum(1) - rel_entr(p, q).sum(1))
    assert np.all(error <= bound)
    assert error.max() > 1e-5


@pytest.mark.parametrize("top_k", [1, 4, 29])
def test_top_k_and_the_errors_that_its_docstring_states(small_split, tmp_path, top_k):
    storage = distill.OnDisk(top_k=top_k, temperature=T)
    outputs = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=storage)
    targets, entropies = (outputs.arrays[name] for name in distill.softened_names(T))
    assert (targets.shape, entropies.shape) == ((120, 30), (120,))
    rows = np.arange(120)
    kept, p = targets[rows].astype(np.float64), softmax(exact(small_split, tmp_path).arrays["logits"] / T, 1)
    np.testing.assert_allclose(kept.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(entropies[rows], entr(kept).sum(1), rtol=1e-4, atol=1e-5)
    largest = np.argsort(p, 1)[:, -top_k:]
    rest = 1 - np.take_along_axis(p, largest, 1).sum(1)
    np.testing.assert_allclose(
        np.take_along_axis(kept, largest, 1), np.take_along_axis(p, largest, 1), rtol=3e-3, atol=1e-7
    )
    # Both bounds, and what rounding to float16 adds.
    assert np.all(np.abs(kept - p).sum(1) <= 2 * rest + 2e-3)
    log_q = log_softmax(np.random.default_rng(0).normal(0, 3, (120, 30)) / T, 1)
    others = np.ones((120, 30), bool)
    np.put_along_axis(others, largest, False, 1)
    spread = np.where(others, log_q, -np.inf).max(1) - np.where(others, log_q, np.inf).min(1)
    divergence = [rel_entr(distribution, np.exp(log_q)).sum(1) for distribution in (p, kept)]
    bound = rest * (np.log(30 - top_k) + spread)
    assert np.all(np.abs(divergence[1] - divergence[0]) <= bound + 2e-2)


def test_views_are_drawn_by_row_and_view(small_split, tmp_path):
    split = small_split.with_views(Jitter(1, 1))
    logits = exact(split, tmp_path).arrays["logits"]
    stored = distill.teacher_outputs(network(0), split, cache=tmp_path, storage=distill.OnDisk())
    views = np.array([8, 0, 3, 4])
    expected = logits[ROWS, views].astype(np.float16)
    np.testing.assert_array_equal(stored.gather(ROWS, views)["logits"], expected)
    np.testing.assert_array_equal(stored.arrays["logits"][ROWS], logits[ROWS].astype(np.float16))
    softened = stored.softened(T).gather(ROWS, views)
    np.testing.assert_allclose(
        softened[distill.softened_names(T)[0]], softmax(expected.astype(float) / T, 1), rtol=1e-4
    )
    top = distill.teacher_outputs(network(0), split, cache=tmp_path, storage=distill.OnDisk(5, T))
    targets = top.gather(ROWS, views)[distill.softened_names(T)[0]]
    np.testing.assert_array_equal(targets.argmax(1), logits[ROWS, views].argmax(1))


def drawn(split, outputs):
    """Batches that look outputs up by row, as `Split.batches` does for those that are not in memory."""
    names = list(outputs.arrays)

    def gather(rows):
        given = tf.numpy_function(lambda index: list(outputs.gather(index).values()), [rows], [tf.float32] * len(names))
        arrays = {
            name: tf.ensure_shape(array, (None, *outputs.arrays[name].shape[1:]))
            for name, array in zip(names, given, strict=True)
        }
        return tf.gather(split.images, rows), {"labels": tf.gather(split.labels, rows), "teacher": arrays}

    return tf.data.Dataset.range(len(split)).batch(40).map(gather)


@pytest.mark.parametrize("kind", ["float16", "softened", "mixture", "top"])
def test_training_from_disk_is_close_to_training_from_memory(small_split, tmp_path, kind):
    storage = distill.OnDisk(29, T) if kind == "top" else distill.OnDisk()
    losses = []
    for stored in (None, storage):
        outputs = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=stored)
        if kind == "softened":
            outputs = outputs.softened(T)
        if kind == "mixture":
            other = distill.teacher_outputs(network(1), small_split, cache=tmp_path, storage=stored)
            outputs = distill.mixture([(0.25, outputs), (0.75, other)], T)
        distiller = distill.Distiller(network(3), lambda_=0.7, temperature=T)
        distiller.compile(keras.optimizers.SGD(1e-3))
        losses.append(distiller.fit(drawn(small_split, outputs), epochs=2, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=2e-3)


def test_teachers_on_disk_stand_side_by_side(small_split, tmp_path):
    teachers = [exact(small_split, tmp_path, seed) for seed in (0, 1)]
    stored = [
        distill.teacher_outputs(network(seed), small_split, cache=tmp_path, storage=distill.OnDisk()) for seed in (0, 1)
    ]
    whole, lazy = (distill.stack_teachers(outputs, T).gather(ROWS) for outputs in (teachers, stored))
    for name in whole:
        assert whole[name].shape == lazy[name].shape
        np.testing.assert_allclose(lazy[name], whole[name], atol=2e-2)


def folder_of(cache):
    (folder,) = [path for path in (cache / "teacher").iterdir() if path.is_dir()]
    return folder


def test_read_again_without_the_teacher(small_split, tmp_path, monkeypatch):
    distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk())
    monkeypatch.setattr("kdsuite.distill.teacher._Run.checked_batches", lambda *_: pytest.fail("ran the teacher again"))
    again = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk())
    assert again.arrays["logits"][ROWS].shape == (4, 30)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip(next(folder.glob("*.npy"))),
        lambda folder: next(folder.glob("*.npy")).write_bytes(next(folder.glob("*.npy")).read_bytes()[:-9]),
        lambda folder: next(folder.glob("*.npy")).unlink(),
        lambda folder: (folder / "meta.json").write_text("{}"),
        lambda folder: (folder / "meta.json").write_text("[]"),
        lambda folder: (folder / "meta.json").unlink(),
    ],
)
def test_a_damaged_folder_is_named_and_rebuilt(small_split, tmp_path, capsys, damage):
    first = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk()).gather(ROWS)
    damage(folder_of(tmp_path))
    again = distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk()).gather(ROWS)
    np.testing.assert_array_equal(first["logits"], again["logits"])
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "is damaged" in lines[0]
    distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk())
    assert capsys.readouterr().err == ""


def test_nothing_stays_of_a_run_that_breaks_off(small_split, tmp_path):
    with pytest.raises(distill.DistillationError, match=r"the teacher's logits reach .*expected at most 65504"):
        distill.teacher_outputs(network(0, scale=1e6), small_split, cache=tmp_path, storage=distill.OnDisk())
    assert list((tmp_path / "teacher").iterdir()) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: distill.OnDisk(top_k=3), "top_k 3 at temperature None"),
        (lambda: distill.OnDisk(temperature=3.0), r"top_k None at temperature 3\.0"),
        (lambda: distill.OnDisk(0, 1.0), "top_k 0: expected a whole number, 1 or more"),
        (lambda: distill.OnDisk(2.5, 1.0), r"top_k 2\.5: expected a whole number"),
        (lambda: distill.OnDisk(3, 0.0), r"temperature 0\.0"),
    ],
)
def test_settings_out_of_range(build, message):
    with pytest.raises(distill.DistillationError, match=message):
        build()


@pytest.mark.parametrize("name", ["logits", "logits_before", "classes", "largest", "rest"])
def test_layers_that_are_named_like_a_teachers_outputs_are_refused(small_split, tmp_path, name):
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Dense(30, name=name)(layers.Flatten()(inputs))
    teacher = keras.Model(inputs, layers.Rescaling(0.01)(hidden))
    with pytest.raises(
        distill.DistillationError, match=f"layer '{name}' of the teacher: .* give the layer another name"
    ):
        distill.teacher_outputs(teacher, small_split, layers=[name], cache=tmp_path)


def test_top_k_of_several_outputs_is_refused(small_split, tmp_path):
    inputs = keras.Input((8, 8, 1))
    flat = layers.Flatten()(inputs)
    teacher = keras.Model(inputs, [layers.Dense(3)(flat), layers.Dense(3)(flat)])
    with pytest.raises(distill.DistillationError, match="top_k 1 of a teacher of 2 outputs: expected one"):
        distill.teacher_outputs(teacher, small_split, cache=tmp_path, storage=distill.OnDisk(1, T))


def test_top_k_of_all_classes_is_refused(small_split, tmp_path):
    with pytest.raises(distill.DistillationError, match="top_k 30 of 30 classes: expected fewer"):
        distill.teacher_outputs(network(0), small_split, cache=tmp_path, storage=distill.OnDisk(30, T))


def test_a_look_up_reads_no_more_than_its_rows(tmp_path):
    """The file of 400 MB is sparse: reading it whole would show in the process's own memory."""
    header = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float16, (200_000, 1000))
    del header
    array = Mapped([tmp_path / "a.npy"], by_view=False)
    assert array.shape == (200_000, 1000)
    rows = array[np.array([0, 199_999])]
    assert rows.shape == (2, 1000)
    assert not isinstance(rows, np.memmap)
