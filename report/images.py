"""The sampling error of the test images, beside the spread of seeds: McNemar's exact test and a paired bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from kdsuite.report.comparisons import Difference
from kdsuite.report.errors import NotRun, ReportError
from kdsuite.report.intervals import CONFIDENCE, Interval
from kdsuite.report.rows import Results
from kdsuite.report.samples import select

RESAMPLES = 2000


@dataclass(frozen=True)
class Predictions:
    """The class that each network gives each test image.

    Attributes:
        classes: unsigned integers (networks, images), one line a trial.
        labels: integers (images,).
        trials: keys, one a line of `classes`.
    """

    classes: np.ndarray
    labels: np.ndarray
    trials: tuple[str, ...]

    def correct(self, trials: pd.Series) -> np.ndarray:
        """Which images networks get right: bool (trials, images).

        Raises:
            NotRun: a trial has no predictions.
        """
        places = {trial: place for place, trial in enumerate(self.trials)}
        if missing := [trial for trial in trials if trial not in places]:
            raise NotRun(f"no predictions of {len(missing)} trials, such as {missing[0]}")
        return self.classes[[places[trial] for trial in trials]] == self.labels


def read_predictions(folder: Path) -> Predictions | None:
    """Read predictions.npz of a setting's folder; None where there is none.

    Raises:
        ReportError: the file is damaged, or its arrays do not fit each other.
    """
    path = folder / "predictions.npz"
    if not path.exists():
        return None
    try:
        # NumPy leaves a damaged file open if it opens it itself.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            trials, classes, labels = (file[name] for name in ("trial", "classes", "labels"))
    except Exception as error:  # A damaged zip raises nearly anything: BadZipFile, zlib.error, NotImplementedError, …
        raise ReportError(f"{path} cannot be read ({error}): remove it, a run writes it anew") from error
    if classes.shape != (len(trials), len(labels)):
        raise ReportError(f"{path}: classes are {classes.shape}, expected {(len(trials), len(labels))}")
    return Predictions(classes, labels, tuple(map(str, trials)))


@dataclass(frozen=True)
class OverImages:
    """A difference in accuracy over test images, given the trained networks.

    Attributes:
        interval: mean difference over seeds, with its 95% percentile bootstrap interval over images.
        p_by_seed: exact McNemar p, by seed; NaN where a seed has several networks a side.
        only_first, only_second: images that only one side gets right, summed over those seeds.
        p_summed: exact McNemar p of the sums; it takes the seeds' errors as independent, which they are not wholly.
    """

    interval: Interval
    p_by_seed: dict[object, float]
    only_first: int
    only_second: int
    p_summed: float


def over_images(claim, results: Mapping[str, Results]) -> OverImages | None:
    """The claim's difference over test images, if it compares test accuracies whose predictions were kept.

    Of the seeds that the claim's own interval is over.
    """
    compares = claim.compares
    if not isinstance(compares, Difference) or compares.measure != "test_accuracy" or compares.table != "rows":
        return None
    sides = []
    for group in (compares.first, compares.second):
        experiment = group.experiment or claim.experiment
        predictions = read_predictions(results[experiment].folder)
        if predictions is None or compares.match:
            return None
        rows = select(group, results, claim.experiment, "rows")
        try:
            by_seed = {seed: predictions.correct(own.trial) for seed, own in rows.groupby(compares.by)}
        except NotRun:
            return None
        sides.append((by_seed, group.shared, predictions.labels))
    if not np.array_equal(sides[0][2], sides[1][2]):
        raise ReportError(f"{claim.tests!r}: the predictions of its two groups have other test labels")
    judged = compares.sample(results, claim.experiment).values.index
    first, second = _paired(*(side[:2] for side in sides))
    return compare_images(*({seed: own[seed] for seed in judged} for own in (first, second)))


def compare_images(first: dict[object, np.ndarray], second: dict[object, np.ndarray]) -> OverImages:
    """Compare which images two groups get right, seed by seed.

    Args:
        first, second: seed → bool (networks, images), of the same seeds.
    """
    gains = np.mean([first[seed].mean(0) - second[seed].mean(0) for seed in first], axis=0)
    found = stats.bootstrap(
        (gains,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=100,
        method="percentile",
        confidence_level=CONFIDENCE,
        rng=np.random.default_rng(0),
    ).confidence_interval
    single = [seed for seed in first if len(first[seed]) == len(second[seed]) == 1]
    tables = {seed: _discordant(first[seed][0], second[seed][0]) for seed in single}
    by_seed = {seed: _exact(*tables[seed]) if seed in tables else np.nan for seed in first}
    only_first, only_second = (sum(table[side] for table in tables.values()) for side in (0, 1))
    summed = _exact(only_first, only_second) if tables else np.nan
    interval = Interval(float(gains.mean()), float(found.low), float(found.high))
    return OverImages(interval, by_seed, only_first, only_second, summed)


def _discordant(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    return int((first & ~second).sum()), int((~first & second).sum())


def _exact(only_first: int, only_second: int) -> float:
    if only_first + only_second == 0:
        return 1.0
    return float(mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def _paired(one: tuple[dict, bool], other: tuple[dict, bool]) -> tuple[dict, dict]:
    """Both sides for the seeds they share; a shared network stands for each seed of the other side."""
    (first, first_shared), (second, second_shared) = one, other
    if first_shared and len(first) == 1:
        first = dict.fromkeys(second, next(iter(first.values())))
    elif second_shared and len(second) == 1:
        second = dict.fromkeys(first, next(iter(second.values())))
    seeds = [seed for seed in first if seed in second]
    return {seed: first[seed] for seed in seeds}, {seed: second[seed] for seed in seeds}
