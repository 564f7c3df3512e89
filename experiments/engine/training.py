"""Training one network of a trial: epoch by epoch, resumable, measured once at the end."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.engine import checkpoints, devices
from experiments.engine.stopping import StopBetweenBatches
from experiments.engine.study import Study, Targets
from experiments.engine.trial import Trial
from kdsuite import distill, models, prune
from kdsuite.data import Dataset

EVALUATION_BATCH = 100
STEPS_PER_EXECUTION = 50
LONG_STEP_MACS = 10**9
FEW_STEPS = 500


class Diverged(Exception):
    """The loss of a trial is no longer a number; the message says in which epoch."""


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        model: the network itself.
        distiller: compiled, of a fast copy of the network in float32 that has its weights, or of the network itself.
        targets: what it learned from beside labels.
        history: one dict an epoch.
    """

    model: keras.Model
    distiller: Any
    targets: Targets
    history: list[dict]


def train_network(study: Study, trial: Trial, networks, *, folder: Path, tick: Callable[[dict], None]) -> Trained:
    """Builds and trains the network of a trial, continuing from the checkpoint in `folder` if there is one.

    Batches depend on the trial's seed and the epoch only, so the networks of one seed see the same ones. What trains is
    a fast copy (`models.fast_copy`), and each epoch's validation is the copy's; what is kept in the end is the network
    with the copy's weights, and what is measured a copy in float32.

    Args:
        study: says how to build it, on which data and targets.
        trial: what to train.
        networks: `Networks`, for its teachers and parent.
        folder: of the checkpoint, written after each epoch.
        tick: called after each epoch with what was measured in it.

    Raises:
        Diverged: the loss is not a number.
        Stopped: the user asked to stop.
    """
    targets = study.targets(trial, networks)
    for need in trial.needs:
        # Reading or training one draws random numbers, which would shift those of the network built from it.
        networks.get(need)
    keras.utils.set_random_seed(trial.seed)
    count = study.config.devices
    with devices.scope(count):
        model = study.build(trial, networks)
        in_training = models.fast_copy(model, trial.precision)
        distiller = _compiled(study, trial, in_training, targets)
    dataset = study.data(trial)
    history = checkpoints.restore(folder, distiller, trial.epochs)
    for _ in history:
        tick({})
    for epoch in range(len(history), trial.epochs):
        begin = time.perf_counter()
        batches = dataset.train.batches(trial.batch_size, seed=trial.seed, epoch=epoch, teacher=targets.train)
        prepared = study.prepare(trial, batches, epoch)
        with devices.batch_norm_over_all(in_training, count):
            trained = distiller.fit(prepared, verbose=0, shuffle=False, callbacks=[StopBetweenBatches()]).history
        seconds = time.perf_counter() - begin
        if not np.isfinite(trained["loss"][0]):
            raise Diverged(f"loss {trained['loss'][0]} in epoch {epoch + 1} of {trial.epochs}")
        validation = evaluate(distiller, dataset.validation, targets.validation)
        measured = {
            "epoch": epoch + 1,
            **{name: values[0] for name, values in trained.items()},
            **{f"validation_{name}": value for name, value in validation.items()},
            "seconds": seconds,
        }
        if trial.evaluate_every_epoch:
            recalibrated = _evaluate_recalibrated(distiller, dataset)
            measured |= {
                "validation_loss": recalibrated["loss"],
                "validation_accuracy": recalibrated["accuracy"],
                "validation_accuracy_stale_batch_norm": validation["accuracy"],
            }
        history.append(measured)
        checkpoints.save(folder, distiller, history)
        tick(history[-1])
    if in_training is not model:
        model.set_weights(in_training.get_weights())
    if trial.precision != "float32":
        with devices.scope(count):
            exact = models.fast_copy(model, "float32")
            distiller = _brought_back(distiller, _compiled(study, trial, exact, targets))
    return Trained(model, distiller, targets, history)


def used_as_it_is(study: Study, trial: Trial, networks, history: list[dict]) -> Trained:
    """A network trained before, in a distiller that evaluates it as it did when it was trained.

    Args:
        study: says on which data and targets.
        trial: that trained it.
        networks: `Networks`, which have it.
        history: of its training.
    """
    model, targets = networks.get(trial), study.targets(trial, networks)
    return Trained(model, _compiled(study, trial, models.fast_copy(model, "float32"), targets), targets, history)


def _compiled(study: Study, trial: Trial, model: keras.Model, targets: Targets) -> keras.Model:
    distiller = study.distiller(trial, model, has_targets=targets.given)
    steps = -(-len(study.data(trial).train) // trial.batch_size)
    # Several steps in one call take longer to trace, which neither long steps nor few of them repay; under
    # tf.distribute Keras 3.15 cannot trace several.
    is_long = prune.macs(model) * trial.batch_size > LONG_STEP_MACS
    one_by_one = is_long or steps * trial.epochs < FEW_STEPS or study.config.devices > 1
    at_once = 1 if one_by_one else min(STEPS_PER_EXECUTION, steps)
    distiller.compile(study.optimizer(trial, steps), metrics=list(trial.metrics), steps_per_execution=at_once)
    distiller.optimizer.build(distiller.trainable_variables)
    if targets.live is not None:
        distiller.set_teacher(targets.live)
    return distiller


def _brought_back(copy: Any, distiller: Any) -> Any:
    """The distiller of a network, with the weights that a copy of the network and its regressors have learned."""
    distiller.student.set_weights(copy.student.get_weights())
    for ours, learned in zip(distiller.regressors, copy.regressors, strict=True):
        ours.set_weights(learned.get_weights())
    return distiller


def evaluate(compiled: keras.Model, split, teacher: distill.TeacherOutputs | None = None) -> dict[str, float]:
    """Loss and metrics of a compiled model on a split, and on a teacher's outputs there if they are given."""
    return compiled.evaluate(split.batches(EVALUATION_BATCH, teacher=teacher), verbose=0, return_dict=True)


def outputs(model: keras.Model, split) -> np.ndarray:
    """What a model gives for a split's images in order, in inference mode: float32 (n, classes)."""
    forward = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    parts = [np.asarray(forward(images), np.float32) for images, _ in split.batches(EVALUATION_BATCH)]
    return np.concatenate(parts)


def accuracy(model: keras.Model, split) -> float:
    """Share of a split's images that a model calls by their label, in inference mode; it need not be compiled."""
    return float(np.mean(outputs(model, split).argmax(-1) == split.labels))


def _evaluate_recalibrated(distiller, dataset: Dataset) -> dict[str, float]:
    statistics = distill.moving_statistics(distiller.student)
    distill.recalibrate(distiller.student, dataset.train)
    measured = evaluate(distiller, dataset.validation)
    distill.set_moving_statistics(distiller.student, statistics)
    return measured


@dataclass(frozen=True)
class Measured:
    """What a trained network gives.

    Attributes:
        columns: of its row: accuracies at the end of training, and size.
        predictions: the class of each test image as the network sees it, uint16 (n,), or None of a network that was not
            tested or gives no classes.
    """

    columns: dict[str, Any]
    predictions: np.ndarray | None = None


def measure(trained: Trained, trial: Trial, dataset: Dataset, *, on_test: bool = True) -> Measured:
    """Tests a trained network.

    Args:
        trained: from `train_network`.
        trial: if it is to be recalibrated, batch-norm statistics are computed anew on `train` first (and left so).
        dataset: measures on `validation` and `test`.
        on_test: measure on `test`; candidates of a choice are not.
    """
    distiller, targets = trained.distiller, trained.targets
    model, tested, predictions = distiller.student, {}, None
    if trial.recalibrate:
        if on_test and trial.test_stale_batch_norm:
            tested["test_accuracy_stale_batch_norm"] = evaluate(distiller, dataset.test)["accuracy"]
        distill.recalibrate(model, dataset.train)
        trained.model.set_weights(model.get_weights())
    if on_test and "accuracy" in trial.metrics:
        logits = outputs(model, dataset.test)
        predictions = logits.argmax(-1).astype(np.uint16)
        errors = int(np.sum(predictions != dataset.test.labels))
        tested["test_loss"] = float(distiller.compute_loss(y=dataset.test.labels, y_pred=logits))
        tested["test_accuracy"] = 1 - errors / len(dataset.test)
        tested["test_errors"] = errors
    elif on_test:
        tested["test_loss"] = evaluate(distiller, dataset.test, targets.test)["loss"]
    seconds = sum(epoch["seconds"] for epoch in trained.history)
    columns = {
        "params": model.count_params(),
        "trainable_params": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "macs": prune.macs(trained.model),
        "model_bytes": _file_bytes(trained.model),
        "validation_accuracy": evaluate(distiller, dataset.validation, targets.validation).get("accuracy"),
        **tested,
        "train_seconds": seconds if trained.history else None,
    }
    return Measured(columns, predictions)


def _file_bytes(model: keras.Model) -> int:
    """Size of the saved .keras file, optimizer not included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.stat().st_size
