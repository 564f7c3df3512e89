"""Runs the trials of an experiment in this process: only those missing, one row each, with progress."""

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import keras
import psutil
import tensorflow as tf
from tqdm import tqdm

from experiments.engine import checkpoints, devices, estimate, stopping
from experiments.engine.errors import Restart, Stopped, UsageError
from experiments.engine.finished import Finished, finished_path, read_finished
from experiments.engine.launch import GROWTH_BYTES, Pool, Task
from experiments.engine.networks import Networks
from experiments.engine.results import Results
from experiments.engine.rows import check_writable
from experiments.engine.settings import now, versions
from experiments.engine.study import Details, Study
from experiments.engine.training import Diverged, measure, train_network, used_as_it_is
from experiments.engine.trial import Trial
from experiments.engine.worker import CHOOSE, FINISH, NETWORK
from kdsuite import distill

if TYPE_CHECKING:
    from experiments.engine.cluster import Session

LOG_SECONDS = 20


class Runner:
    """Trains what an experiment lacks.

    Args:
        experiment: its name.
        study: says what to train, under one configuration.
        results: root folder of the rows.
        cluster: trains there and not here.
    """

    def __init__(self, experiment: str, study: Study, results: Path, cluster: "Session | None" = None):
        self.study, self.config, self.cluster = study, study.config, cluster
        if self.config.deterministic:
            tf.config.experimental.enable_op_determinism()
        check_writable(results)
        check_writable(self.config.cache)
        if self.config.save_best is not None:
            check_writable(self.config.save_best.parent)
        self.results = Results(results, experiment, study)
        self.networks = Networks(study, self.config.cache, self._tick)
        self._bar = tqdm(disable=True)
        self._known: dict[str, Trial] = {}
        self._pool: Pool | None = None

    def run(self, options: Sequence[str] = ()) -> Sequence[Trial] | None:
        """Trains what is missing, stage by stage. Killed and started again, it loses at most the epoch it was in.

        Args:
            options: of the command line, for worker processes.

        Returns:
            All trials of the last stage, or None where a dry run cannot know them yet.

        Raises:
            Restart: the process has grown by GROWTH_BYTES since its first trial, and trials are left.
            Stopped: the user asked to stop.
        """
        dataset = self.study.dataset
        print(
            f"data: {dataset.name} from {dataset.source}: {len(dataset.train):,} train, "
            f"{len(dataset.validation):,} validation, {len(dataset.test):,} test images"
        )
        if not self.config.dry_run:
            self.results.setting.write(self.results.folder, self.config)
        checkpoints.sweep(self.config.cache)
        try:
            return self._run_stages(options)
        finally:
            self._close_pool()

    def _run_stages(self, options: Sequence[str]) -> Sequence[Trial] | None:
        trials: Sequence[Trial] = ()
        count = lost = 0
        for trials, candidate in self._stages():
            missing = self._missing(trials, candidates=candidate)
            if self.config.dry_run:
                for trial in trials:
                    print(f"{self.study.key(trial)}  {'missing' if trial in missing else 'done   '}  {trial}")
                if missing:
                    print(estimate.sentence(self.results.setting, self.study, missing))
                    return None
                continue
            count += len(trials)
            lost += self._complete(trials, candidate=candidate)
            if missing:
                self._say_done(count, count - len(missing), lost)
                print(estimate.sentence(self.results.setting, self.study, missing))
                self._train_all(missing, candidate=candidate, options=options)
                count = lost = 0
        if count:
            self._say_done(count, count, lost)
        return trials

    def _say_done(self, count: int, done: int, lost: int) -> None:
        if lost:
            print(f"{lost} trials have a row but lack epochs or predictions, and the cache no longer has them")
        print(f"{self.results.setting.experiment}: {count} trials, {done} done before")

    def find(self, key: str) -> Trial:
        """The trial of a key; the stages before it are done, and what they chose has been said where it was chosen."""
        if key not in self._known:
            with contextlib.redirect_stdout(None):
                self._read_stages(until=key)
        return self._known[key]

    def _read_stages(self, until: str) -> None:
        for trials, _ in self._stages():
            needed = [need for trial in trials for need in _all_needs(trial)]
            for trial in [*trials, *needed]:
                self._known.setdefault(self.study.key(trial), trial)
            if until in self._known:
                return

    def _stages(self) -> Iterator[tuple[list[Trial], bool]]:
        """The study's stages without doubles, and whether they are candidates of a choice."""
        for stage in self.study.stages(self.results):
            trials = list(dict.fromkeys(stage))
            yield trials, trials == list(dict.fromkeys(self.study.candidates()))

    def _missing(self, trials: Sequence[Trial], *, candidates: bool) -> list[Trial]:
        done = self.results.done(candidates=candidates)
        return [trial for trial in trials if self.study.key(trial) not in done]

    def _complete(self, trials: Sequence[Trial], *, candidate: bool) -> int:
        """Brings back epochs and predictions that were lost with a file, from the cache of finished trials.

        Returns:
            Of how many trials the cache does not have them.
        """
        lost = 0
        for trial in self.results.incomplete(trials):
            finished = self.known(trial, on_test=not candidate)
            if finished is None:
                lost += 1
            else:
                self.results.add(trial, finished, candidate=candidate)
        return lost

    def best_student(self, trials: Sequence[Trial]) -> Trial:
        """The student of best validation accuracy among those whose networks give classes; the smallest of several.

        Raises:
            UsageError: there is none.
        """
        students = [trial for trial in trials if trial.role != "teacher"]
        rows = self.results.rows_of(students) if students else None
        if rows is None or rows.validation_accuracy.isna().all():
            raise UsageError(f"{self.results.setting.experiment} has no student to save: leave out --save-best")
        best = rows.sort_values(["validation_accuracy", "params"], ascending=[False, True]).trial.iloc[0]
        return next(trial for trial in students if self.study.key(trial) == best)

    def save_best(self, trials: Sequence[Trial]) -> None:
        """Writes the best student to the file that the configuration names, if it names one."""
        if self.config.save_best is None:
            return
        best = self.best_student(trials)
        dataset, teacher_data = self.study.data(best), self.study.teacher_data
        also = () if teacher_data is dataset else (teacher_data.train,)
        distill.save_student(self.networks.get(best), self.config.save_best, dataset, also)
        print(f"best student: {self.config.save_best} ({best})")

    def _train_all(self, missing: list[Trial], *, candidate: bool, options: Sequence[str]) -> None:
        workers = min(self.config.worker_count, len(missing))
        is_here = workers == 1 and self.cluster is None
        devices.check(self.study, missing, here=self.cluster is None)
        networks = self._networks_only(missing)
        self._bar = tqdm(
            total=sum(trial.epochs for trial in [*networks, *missing]),
            unit="epoch",
            smoothing=0.1,
            mininterval=0.2 if sys.stderr.isatty() else LOG_SECONDS,
        )
        try:
            with self._bar:
                if is_here:
                    self._train_here(missing, candidate=candidate)
                else:
                    self._train_elsewhere(networks, missing, candidate=candidate, options=options, workers=workers)
        except Stopped:
            saved = len(missing) - len(self._missing(missing, candidates=candidate))
            rows = f"{saved} of {len(missing)} trials in {self.results.folder}"
            print(f"saved: {rows}, and the whole epochs of the others", file=sys.stderr)
            raise

    def _train_here(self, missing: list[Trial], *, candidate: bool) -> None:
        waiting, after_first = deque(missing), None
        while waiting:
            stopping.check()
            trial = waiting.popleft()
            self._bar.set_description(f"{len(missing) - len(waiting)} of {len(missing)}: {trial}")
            try:
                with self.networks.lock(trial).acquire(timeout=0):
                    if self.study.key(trial) not in self.results.done(candidates=candidate):
                        self.results.add(trial, self.finished(trial, on_test=not candidate), candidate=candidate)
            except filelock.Timeout:
                # Another process trains it: its row is there when the lock is free.
                waiting.append(trial)
                time.sleep(0.5)
                continue
            self.forget_models()
            after_first = after_first or memory()
            if memory() - after_first > GROWTH_BYTES and waiting:
                stopping.check()
                raise Restart

    def _networks_only(self, missing: list[Trial]) -> list[Trial]:
        """Trials that are done, but whose networks the missing ones need and the cache has lost."""
        needed = dict.fromkeys(need for trial in missing for need in _all_needs(trial))
        return [need for need in needed if need not in missing and not self.networks.has(need)]

    def _train_elsewhere(
        self, networks: list[Trial], missing: list[Trial], *, candidate: bool, options: Sequence[str], workers: int
    ) -> None:
        what = CHOOSE if candidate else FINISH
        by_key = {self.study.key(trial): trial for trial in [*networks, *missing]}
        tasks = [
            Task(key, self._keys(trial.needs), NETWORK if trial in networks else what) for key, trial in by_key.items()
        ]
        where, written = "cluster" if self.cluster else f"{workers} workers", 0
        self._bar.set_description(f"{where}, 0 of {len(missing)} trials")

        def write(task: Task) -> None:
            nonlocal written
            if task.what != NETWORK:
                written += 1
                trial, on_test = by_key[task.key], not candidate
                finished = self.known(trial, on_test=on_test) or self.finished(trial, on_test=on_test)
                self.results.add(trial, finished, candidate=candidate)
            self._bar.set_description(f"{where}, {written} of {len(missing)} trials")

        def is_done(task: Task) -> bool:
            if task.what != NETWORK:
                return self.known(by_key[task.key], on_test=not candidate) is not None
            return self.networks.has(by_key[task.key])

        if self.cluster is None:
            self._pool_of(workers, options).run(tasks, write)
        else:
            self._on_cluster(options, lambda key: self.networks.lock(by_key[key]), is_done, write, tasks)

    def _pool_of(self, workers: int, options: Sequence[str]) -> Pool:
        """So many processes, those of the stage before where they are as many: starting them takes seconds."""
        if self._pool is None or self._pool.workers != workers:
            self._close_pool()
            self._pool = Pool(self.results.setting.experiment, options, workers, self._tick)
        return self._pool

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _on_cluster(self, options: Sequence[str], lock: Callable, is_done: Callable, write: Callable, tasks) -> None:
        from experiments.engine import cluster

        assert self.cluster is not None
        job = cluster.job_of(self.config, self.results.setting.experiment, options)
        rows = cluster.texts(self.results.folder)
        cluster.ClusterPool(self.cluster, job, self.study, rows, lock, is_done, self._tick, write).run(tasks)

    def _keys(self, trials: Sequence[Trial]) -> frozenset[str]:
        return frozenset(self.study.key(trial) for trial in trials)

    def forget_models(self) -> None:
        """Frees what a trial held: a network and its compiled functions refer to each other."""
        keras.backend.clear_session()

    def known(self, trial: Trial, *, on_test: bool) -> Finished | None:
        """What a trial gave, from the cache of finished trials; None where it is not there."""
        known = read_finished(self._finished_path(trial, on_test=True))
        if not on_test:
            known = known.untested() if known else read_finished(self._finished_path(trial, on_test=False))
        if known is not None and self.results.is_reference and not known.is_of_commit:
            for path in self.networks.files(trial):
                path.unlink(missing_ok=True)
            return None
        return known

    def finished(self, trial: Trial, *, on_test: bool) -> Finished:
        """What a trial gives: from the cache, or trained and measured now."""
        known = self.known(trial, on_test=on_test)
        if known is not None:
            self._skip(trial)
            return known
        try:
            finished = self._train(trial, on_test=on_test)
        except Diverged as error:
            tqdm.write(f"failed: {trial}: {error}")
            finished = Finished(self._described(trial) | {"failure": str(error)}, [])
        finished.save(self._finished_path(trial, on_test=on_test))
        checkpoints.forget(self.networks.folder(trial))
        return finished

    def _finished_path(self, trial: Trial, *, on_test: bool) -> Path:
        return finished_path(self.config.cache, self.study.key(trial), on_test=on_test)

    def _train(self, trial: Trial, *, on_test: bool) -> Finished:
        dataset = self.study.data(trial)
        is_kept = trial.save_network and self.networks.has(trial)
        history = self.networks.history(trial) if is_kept else None
        if history is not None:
            trained = used_as_it_is(self.study, trial, self.networks, history)
            self._skip(trial)
        else:
            if is_kept:
                tqdm.write(f"the epochs of {trial} are lost: it is trained again", file=sys.stderr)
            folder = self.networks.folder(trial)
            trained = train_network(self.study, trial, self.networks, folder=folder, tick=self.networks.tick)
        measured = measure(trained, trial, dataset, on_test=on_test)
        details = self.study.details(trial, trained.distiller, trained.history, self.networks)
        tested = self.study.test_details(trial, trained.distiller) if on_test else Details()
        may_be_best = on_test and self.config.save_best is not None
        if trial.save_network or may_be_best:
            self.networks.save(trial, trained.model, trained.history)
        return Finished(
            self._described(trial) | measured.columns | details.columns | tested.columns,
            trained.history,
            details.tables | tested.tables,
            measured.predictions,
        )

    def _described(self, trial: Trial) -> dict:
        dataset = self.study.data(trial)
        return {
            **trial.columns(),
            "dataset": dataset.name,
            "source": dataset.source,
            "train_size": len(dataset.train),
            "test_size": len(dataset.test),
            **versions(),
            "finished_at": now(),
        }

    def _skip(self, trial: Trial) -> None:
        """Counts the epochs of a trial that need no training."""
        for _ in range(trial.epochs):
            self.networks.tick({})

    def _tick(self, epoch: dict) -> None:
        if epoch:
            shown = epoch.get("validation_accuracy", epoch["validation_loss"])
            self._bar.set_postfix(validation=f"{shown:.4f}", refresh=False)
        self._bar.update()


def _all_needs(trial: Trial) -> list[Trial]:
    """The trials whose networks a trial needs, and those that these need, first ones first."""
    needs = [deeper for need in trial.needs for deeper in [*_all_needs(need), need]]
    return list(dict.fromkeys(needs))


def memory() -> int:
    """Bytes of memory that this process has in use."""
    return psutil.Process().memory_info().rss
