"""Two worker processes of one thread against one process of two: whole trials a minute, as a user starts them.

    python -m benchmarks.workers        (over an hour on 2 cores; 45 minutes with --repeats 1)

Every run is a command line of its own, so that starting processes and compiling count. Before it, data, teacher and
teacher outputs are cached; each of the timed runs trains the same students anew, one process and two in turns.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import tyro

WARM_SEED = "100"


@dataclass(frozen=True)
class Study:
    """What is timed.

    Attributes:
        name: what to print.
        experiment: of the command line.
        options: that make its trials, but for the seeds.
        before: a run that writes what the experiment reads, or None.
        bar: trials a minute of two processes over those of one that must be reached.
        seeds: of each timed run.
    """

    name: str
    experiment: str
    options: tuple[str, ...]
    bar: float
    seeds: int
    before: tuple[str, ...] | None = None


DATA = ("--train-size", "5000", "--validation-size", "1000", "--test-size", "1000")
CATDOG = ("--profile", "quick", "--alpha", "0.75", "--train-size", "500", "--validation-size", "200", "--epochs", "1")
TEACHER = ("--profile", "smoke", *DATA, "--views", "4")
STUDIES = {
    "dense": Study("MNIST, dense students (mnist-dense)", "mnist-dense", ("--profile", "quick"), 1.0, 4),
    "cnn": Study(
        "MNIST, small CNNs (mnist-lambda-sweep)",
        "mnist-lambda-sweep",
        ("--profile", "quick", "--lambdas", "0", "0.5"),
        1.0,
        2,
    ),
    "catdog": Study(
        "Dogs vs. Cats, students of MobileNet 0.75 (catdog-mobilenet)",
        "catdog-mobilenet",
        (*CATDOG, "--test-size", "200", "--zero-density-counts", "2", "--random-counts", "2", "--long-counts"),
        1.2,
        2,
    ),
    "resnet": Study(
        "CIFAR-10, ResNet-20 (offline-cifar10)",
        "offline-cifar10",
        (*TEACHER, "--students", "resnet_20", "--compared", "resnet_20", "--epochs", "3"),
        1.4,
        1,
        before=("offline-responses", *TEACHER),
    ),
}


@dataclass(frozen=True)
class Config:
    """What to measure."""

    studies: tuple[Literal["dense", "cnn", "catdog", "resnet"], ...] = ("dense", "cnn", "catdog", "resnet")
    """What to time."""
    repeats: int = 2
    """Runs of each side; the ratio is that of the medians."""
    folder: Path = Path("build/workers")
    """Folder of caches and rows."""


def main(config: Config) -> bool:
    print(
        f"{os.cpu_count()} cores; trials a minute of whole command lines, {config.repeats} runs of each side in turns"
    )
    reached = True
    for study in (STUDIES[name] for name in config.studies):
        minutes: dict[int, list[float]] = {1: [], 2: []}
        before = warm(study, config.folder)
        trained: set[str] = set()
        for repeat in range(config.repeats):
            for workers in (1, 2) if repeat % 2 == 0 else (2, 1):
                spent, trials = timed(study, config.folder, workers)
                minutes[workers].append(spent)
                trained = trials - before
        one, two = (len(trained) / statistics.median(minutes[workers]) for workers in (1, 2))
        ratio = two / one
        reached &= ratio >= study.bar
        print(
            f"{study.name}: {len(trained)} trials, one process {one:.2f} a minute, two {two:.2f}: {ratio:.2f} times "
            f"(bar {study.bar:g}: {'reached' if ratio >= study.bar else 'NOT reached'})",
            flush=True,
        )
    return reached


def warm(study: Study, folder: Path) -> set[str]:
    """Caches data, teacher and its outputs, by one run of a seed that is not timed; gives the trials that it did."""
    if study.before:
        run(study.before[0], study.before[1:], folder / "cache", folder / "results")
    run(study.experiment, (*study.options, "--seeds", WARM_SEED), folder / "cache", folder / "results")
    return trials_in(folder / "results", study.experiment)


def timed(study: Study, folder: Path, workers: int) -> tuple[float, set[str]]:
    """Trains the timed seeds with the warm cache; gives minutes and all trials that have a row then."""
    results = folder / "timed"
    shutil.rmtree(results, ignore_errors=True)
    copied = folder / "copy"
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(folder / "cache", copied, copy_function=os.link)
    if study.before:
        shutil.copytree(folder / "results" / study.before[0], results / study.before[0])
    seeds = [str(seed) for seed in range(study.seeds)]
    begin = time.perf_counter()
    options = (*study.options, "--seeds", *seeds, "--workers", str(workers))
    run(study.experiment, options, copied, results)
    spent = (time.perf_counter() - begin) / 60
    return spent, trials_in(results, study.experiment)


def trials_in(results: Path, experiment: str) -> set[str]:
    """Keys of the trials that have a row."""
    (path,) = (results / experiment).glob("*/rows.csv")
    return set(pd.read_csv(path).trial)


def run(experiment: str, options: tuple[str, ...], cache: Path, results: Path) -> None:
    """Runs one command line; ends the benchmark where it fails."""
    command = [sys.executable, "-m", "experiments", experiment, *options]
    done = subprocess.run(
        [*command, "--cache", str(cache), "--results", str(results)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")


if __name__ == "__main__":
    raise SystemExit(0 if main(tyro.cli(Config)) else 1)
