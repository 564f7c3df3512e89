"""Channel surgery in Keras 3 against the way through kerassurgeon and tf_keras: seconds for MobileNet 0.75.

    python -m benchmarks.surgery        (about a minute on 2 cores)

Both surgeons delete the same random channels, half of the parameters, in one process, in turns; the ratio is the median
over the turns.
"""

import statistics
import time
from dataclasses import dataclass

import keras
import tyro

from kdsuite import prune

SURGEONS = ("keras", "kerassurgeon")
KEEP = 0.5


@dataclass(frozen=True)
class Config:
    """What to measure."""

    turns: int = 5
    """Turns; the median is reported, with the lowest and the highest ratio."""


def main(config: Config) -> None:
    model = keras.applications.MobileNet(weights=None, alpha=0.75)
    deleted = prune.channels_to_delete(model, keep=KEEP, criterion="random")
    # The first deletion imports kerassurgeon and tf_keras.
    for surgeon in SURGEONS:
        seconds(model, deleted, surgeon)
    turns = [[seconds(model, deleted, surgeon) for surgeon in SURGEONS] for _ in range(config.turns)]
    for surgeon, own in zip(SURGEONS, zip(*turns, strict=True), strict=True):
        print(f"{surgeon:14}{statistics.median(own):>8.2f} s")
    ratios = [theirs / ours for ours, theirs in turns]
    print(f"{'ratio':14}{statistics.median(ratios):>8.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


def seconds(model: keras.Model, deleted: dict[str, list[int]], surgeon: str) -> float:
    begin = time.perf_counter()
    prune.delete_channels(model, deleted, surgeon=surgeon)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(tyro.cli(Config))
