"""Trained networks and what they give, by key: in memory, in the cache, or trained now."""

import contextlib
import json
import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import filelock
import keras

from experiments.engine import checkpoints, stopping
from experiments.engine.errors import UsageError
from experiments.engine.finished import finished_path, read_finished
from experiments.engine.study import Study
from experiments.engine.training import EVALUATION_BATCH, Diverged, train_network
from experiments.engine.trial import Trial
from kdsuite import distill
from kdsuite.compress import exporting
from kdsuite.compress.errors import CompressionError
from kdsuite.data.files import whole_file

IN_MEMORY = 8


class Networks:
    """The trained networks of a study's trials.

    Args:
        study: builds and trains what is missing.
        cache: folder that keeps networks, unfinished trials and outputs.
        tick: called after each epoch of a training with what was measured in it.
    """

    def __init__(self, study: Study, cache: Path, tick: Callable[[dict], None] = lambda epoch: None):
        self.study, self.cache, self.tick = study, cache, tick
        self._loaded: OrderedDict[str, keras.Model] = OrderedDict()

    def get(self, trial: Trial) -> keras.Model:
        """Gives the trained network of a trial; one that is neither in memory nor in the cache is trained now.

        Raises:
            Diverged: its training failed, now or when its row was written.
        """
        key = self.study.key(trial)
        if key not in self._loaded:
            with self._locked(trial):
                self._loaded[key] = self._read(trial) or self._train(trial)
            if len(self._loaded) > IN_MEMORY:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    @contextlib.contextmanager
    def _locked(self, trial: Trial) -> Iterator[None]:
        """Waits for a trial's lock, which another process may hold for hours, until the user asks to stop."""
        lock = self.lock(trial)
        while True:
            try:
                lock.acquire(timeout=1)
                break
            except filelock.Timeout:
                stopping.check()
        try:
            yield
        finally:
            lock.release()

    def lock(self, trial: Trial) -> filelock.BaseFileLock:
        """A trial's lock among all processes that share the cache, to be entered with `with`."""
        path = self.cache / "locks" / f"{self.study.key(trial)}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        # One object a process and path: who holds a lock may take it again.
        return filelock.FileLock(path, is_singleton=True)

    def outputs(self, trial: Trial, split, layers: Sequence[str] = ()) -> distill.TeacherOutputs:
        """Gives the outputs of a trial's network on a split, from the cache where they are there."""
        return distill.teacher_outputs(
            self.get(trial), split, layers=layers, cache=self.cache, batch_size=EVALUATION_BATCH
        )

    def has(self, trial: Trial) -> bool:
        """Whether the trained network of a trial is in the cache."""
        return self.path(trial).exists()

    def history(self, trial: Trial) -> list[dict] | None:
        """Gives the epochs in which a network of the cache was trained, one dict each; None where nobody knows."""
        try:
            return json.loads(self._history_path(trial).read_text())
        except (OSError, ValueError):
            return None

    def save(self, trial: Trial, model: keras.Model, history: list[dict]) -> None:
        """Keeps a trained network and its epochs in the cache, and forgets the checkpoint it came from."""
        # The model last: what is there has its epochs, whenever the process is killed.
        self._history_path(trial).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._history_path(trial)) as temporary:
            temporary.write_text(json.dumps(history))
        save_model(model, self.path(trial))
        checkpoints.forget(self.folder(trial))

    def path(self, trial: Trial) -> Path:
        """Where the cache has the network of a trial."""
        return self.cache / "networks" / f"{self.study.key(trial)}.keras"

    def files(self, trial: Trial) -> tuple[Path, Path]:
        """The files that the cache has of a trained network: itself, and its epochs."""
        return self.path(trial), self._history_path(trial)

    def folder(self, trial: Trial) -> Path:
        """Where the checkpoint of an unfinished trial is."""
        return self.cache / "trials" / self.study.key(trial)

    def _train(self, trial: Trial) -> keras.Model:
        finished = read_finished(finished_path(self.cache, self.study.key(trial), on_test=True))
        if finished is not None and finished.row.get("failure"):
            raise Diverged(f"{trial}: {finished.row['failure']}")
        try:
            trained = train_network(self.study, trial, self, folder=self.folder(trial), tick=self.tick)
        except Diverged as error:
            raise Diverged(f"{trial}: {error}") from error
        if trial.recalibrate:
            distill.recalibrate(trained.model, self.study.data(trial).train)
        self._compare(trial, trained.history)
        self.save(trial, trained.model, trained.history)
        return trained.model

    def _history_path(self, trial: Trial) -> Path:
        return self.path(trial).with_suffix(".json")

    def _compare(self, trial: Trial, history: list[dict]) -> None:
        """Says so where a network that was trained a second time, its file being lost, is another one."""
        before = self.history(trial)
        if not before or not history:
            return
        known, new = before[-1]["validation_loss"], history[-1]["validation_loss"]
        if not math.isclose(known, new, rel_tol=1e-4):
            print(
                f"trained again with another result ({trial}): validation loss {new:.6g}, {known:.6g} before; what it "
                "teaches from now on differs",
                file=sys.stderr,
            )

    def _read(self, trial: Trial) -> keras.Model | None:
        path = self.path(trial)
        if not self.has(trial):
            return None
        try:
            return load_model(path)
        except UsageError as error:
            print(f"{error}; it is trained again", file=sys.stderr)
            path.unlink()
            return None


def load_model(path: Path) -> keras.Model:
    """Loads a .keras file for inference.

    Raises:
        UsageError: there is no readable model at `path`.
    """
    try:
        return exporting.load_model(path)
    except CompressionError as error:
        raise UsageError(str(error)) from error


def save_model(model: keras.Model, path: Path) -> None:
    """Writes a .keras file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        model.save(temporary)
