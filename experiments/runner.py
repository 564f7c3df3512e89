"""Runs the trials of a study: only those missing, one row each, with progress."""

import datetime
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import psutil
import tensorflow as tf
from tqdm import tqdm

from experiments import training
from experiments.config import Config
from experiments.errors import Restart, UsageError
from experiments.files import whole_file
from experiments.rows import COLUMNS, EPOCH_COLUMNS, Table, check_writable
from experiments.training import Taught
from experiments.trial import Trial
from kdsuite import distill, report
from kdsuite.data import Dataset

LOG_SECONDS = 20
GROWTH_BYTES = 1 << 29
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Runner:
    """What the trials of one run share.

    Attributes:
        study: name of the study, and of its CSV files.
        config: the run's parameters.
        dataset: what all trials train on and are tested on.
        build: trial, network of its parent or None → network, with fresh weights drawn from the trial's seed.
        dataset_of: trial → what it trains, validates and tests on, where that is not `dataset`.
        taught_of: trial → teacher outputs on its splits, where those are not its teachers' on its training split.
        live_teacher_of: trial → the network that teaches it live, where no outputs are cached for it, or None.
        on_test: whether networks are measured on the test split; candidates of a choice are not.
        details: trial, network of its parent or None, its Distiller after the test, its epochs → further columns of
            its row.
        extra_columns, extra_epoch_columns: of the study's own, after the common ones.
    """

    study: str
    config: Config
    dataset: Dataset
    build: Callable[[Trial, keras.Model | None], keras.Model]
    dataset_of: Callable[[Trial], Dataset] | None = None
    taught_of: Callable[[Trial], Taught] | None = None
    live_teacher_of: Callable[[Trial], keras.Model | None] = lambda trial: None
    on_test: bool = True
    details: Callable[[Trial, keras.Model | None, distill.Distiller, list[dict]], dict] = lambda *_: {}
    extra_columns: Sequence[str] = ()
    extra_epoch_columns: Sequence[str] = ()

    def __post_init__(self):
        self.config.check()
        check_writable(self.config.results)
        check_writable(self.config.cache)
        if self.config.save_best is not None:
            check_writable(self.config.save_best.parent)
        self.rows = Table(self.config.results / f"{self.study}.csv", (*COLUMNS, *self.extra_columns))
        self.epochs = Table(
            self.config.results / f"{self.study}-epochs.csv", (*EPOCH_COLUMNS, *self.extra_epoch_columns)
        )
        self._networks: dict[str, keras.Model] = {}

    @cached_property
    def commit(self) -> str:
        """Short hash of the code, with "-dirty" where tracked files other than results differ from it."""
        try:
            head = _git("rev-parse", "--short=12", "HEAD")
            dirty = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results", ":!notebooks")
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        return f"{head}-dirty" if dirty else head

    def run(self, trials: Sequence[Trial]) -> None:
        """Trains what is missing. Killed and started again, it loses at most the epoch it was in.

        Raises:
            Restart: the process has grown by half a gigabyte since its first trial, and trials are left.
        """
        split = self.dataset
        print(
            f"data: {split.name} from {split.source}: "
            f"{len(split.train):,} train, {len(split.validation):,} validation, {len(split.test):,} test images"
        )
        done = self.rows.trials()
        if self.config.dry_run:
            for trial in trials:
                print(f"{self.key(trial)}  {'done   ' if self.key(trial) in done else 'missing'}  {trial}")
            return
        missing = [trial for trial in trials if self.key(trial) not in done]
        print(f"{self.study}: {len(trials)} trials, {len(trials) - len(missing)} done before")
        after_first = None
        self._bar = tqdm(
            total=sum(trial.epochs for trial in missing),
            unit="epoch",
            smoothing=0.1,
            mininterval=0.2 if sys.stderr.isatty() else LOG_SECONDS,
            disable=not missing,
        )
        with self._bar:
            for number, trial in enumerate(missing, 1):
                self._bar.set_description(f"trial {number} of {len(missing)}: {trial}")
                if self.key(trial) not in self.rows.trials():
                    self._run_trial(trial)
                    # A network and its compiled functions refer to each other; memory must not grow with the trials.
                    keras.backend.clear_session()
                    after_first = after_first or _memory()
                    if _memory() - after_first > GROWTH_BYTES and number < len(missing):
                        raise Restart

    def run_and_publish(self, trials: Sequence[Trial]) -> None:
        """Runs the trials, then prints the study's table and writes its figures, of these trials only.

        Saves the best student too, where the run is to.

        Raises:
            UsageError: the best student is to be saved, and none of the trials has one.
        """
        students = [trial for trial in trials if trial.method != "teacher"]
        if self.config.save_best is not None and not students:
            raise UsageError(f"{self.study} has no student to save: leave out --save-best")
        self.run(trials)
        if self.config.dry_run:
            return
        report.publish(self.study, self.config.results, trials={self.key(trial) for trial in trials})
        if self.config.save_best is not None:
            best = self.best_student(students)
            _save_whole(self.network(best), self.config.save_best)
            print(f"best student: {self.config.save_best} ({best})")

    def best_student(self, students: Sequence[Trial]) -> Trial:
        """The trial of best validation accuracy among those whose networks give classes; the smallest of several."""
        rows = [(trial, self.rows.first(self.key(trial))) for trial in students]
        rows = [(trial, row) for trial, row in rows if row["validation_accuracy"]]
        return max(rows, key=lambda found: (float(found[1]["validation_accuracy"]), -int(found[1]["params"])))[0]

    def key(self, trial: Trial) -> str:
        splits = (self.dataset.train, self.dataset.validation, self.dataset.test)
        return trial.key(" ".join(split.fingerprint for split in splits))

    def network(self, trial: Trial) -> keras.Model:
        """The network of a trial, from memory, from the cache, or trained now (for a second time, if it has a row)."""
        key = self.key(trial)
        if key not in self._networks:
            path = self._network_path(trial)
            self._networks[key] = load_model(path) if path.exists() else self._run_trial(trial, keep=True)
        return self._networks[key]

    def has_network(self, trial: Trial) -> bool:
        """Whether the trained network of a trial is in the cache."""
        return self._network_path(trial).exists()

    def teacher_outputs(self, trial: Trial) -> distill.TeacherOutputs:
        """Outputs of a trial's teachers on its training split, softened at its temperature, and its hints' features."""
        layers = sorted({hint.teacher for hint in trial.hints})
        weighted = [
            (
                weight,
                distill.teacher_outputs(
                    self.network(teacher),
                    self._dataset(trial).train,
                    layers=() if number else layers,
                    cache=self.config.cache,
                    batch_size=training.EVALUATION_BATCH,
                ),
            )
            for number, (weight, teacher) in enumerate(trial.teachers)
        ]
        return distill.mixture(weighted, trial.temperature)

    def _taught(self, trial: Trial) -> Taught:
        if self.taught_of:
            return self.taught_of(trial)
        return Taught(train=self.teacher_outputs(trial) if trial.teachers else None)

    def _network_path(self, trial: Trial) -> Path:
        return self.config.cache / "networks" / f"{self.key(trial)}.keras"

    def _run_trial(self, trial: Trial, *, keep: bool = False) -> keras.Model:
        key, folder = self.key(trial), self.config.cache / "trials" / self.key(trial)
        dataset = self._dataset(trial)
        parent = self.network(trial.parent) if trial.parent is not None else None
        if trial.method == "teacher" and self._network_path(trial).exists():
            # Another study trained it; its epochs and seconds are in that study's files.
            model, history = load_model(self._network_path(trial)), []
            taught = Taught()
            distiller = training.compiled(model, trial, dataset, taught=False)
            self._bar.update(trial.epochs)
        else:
            taught = self._taught(trial)
            keras.utils.set_random_seed(trial.seed)
            model = self.build(trial, parent)
            live = self.live_teacher_of(trial)
            distiller = training.compiled(model, trial, dataset, taught=taught.train is not None or live is not None)
            if live is not None:
                distiller.set_teacher(live)
            history = training.train(
                distiller,
                trial,
                dataset,
                taught=taught,
                folder=folder,
                tick=self._tick,
                evaluate_recalibrated=trial.track,
            )
        measured = training.measure(distiller, trial, dataset, taught, on_test=self.on_test)
        measured |= self.details(trial, parent, distiller, history)
        measured["train_seconds"] = sum(epoch["seconds"] for epoch in history) if history else None
        if keep or trial.kept or trial.method == "teacher":
            _save_whole(model, self._network_path(trial))
        if history:
            self.epochs.append([{"study": self.study, "trial": key, **epoch} for epoch in history])
        if (recorded := self.rows.first(key)) is not None:
            _compare(trial, recorded, measured)
        self.rows.append([self._common(trial) | measured])
        training.forget(folder)
        return model

    def _common(self, trial: Trial) -> dict:
        return {
            **trial.columns(),
            "trial": self.key(trial),
            "dataset": self.dataset.name,
            "source": self.dataset.source,
            "train_size": len(self._dataset(trial).train),
            "test_size": len(self.dataset.test),
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "commit": self.commit,
            "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }

    def _dataset(self, trial: Trial) -> Dataset:
        return self.dataset_of(trial) if self.dataset_of else self.dataset

    def _tick(self, epoch: dict) -> None:
        if epoch:
            shown = epoch.get("validation_accuracy", epoch["validation_loss"])
            self._bar.set_postfix(validation=f"{shown:.4f}", refresh=False)
        self._bar.update()


def load_model(path: Path) -> keras.Model:
    """Loads a .keras file for inference.

    Raises:
        UsageError: there is no readable model at `path`.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"cannot load a model from {path} ({reason}): expected a .keras file") from error


def _save_whole(model: keras.Model, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        model.save(temporary)


def _compare(trial: Trial, recorded: dict[str, str], measured: dict) -> None:
    """Says so where a network that was trained a second time, its file being lost, is not the one its row tells of."""
    name = "test_loss" if "test_loss" in measured else "validation_accuracy"
    if recorded[name] and not math.isclose(float(recorded[name]), measured[name], rel_tol=1e-4):
        tqdm.write(
            f"trained again with another result ({trial}): {name.replace('_', ' ')} {measured[name]:.6g}, "
            f"{recorded[name]} in its row; what it teaches from now on differs"
        )


def _memory() -> int:
    return psutil.Process().memory_info().rss


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
