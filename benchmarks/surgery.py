"""Channel surgery in Keras 3 against the way through kerassurgeon and tf_keras: seconds for MobileNet 0.75.

    python -m benchmarks.surgery        (about a minute on 2 cores)

Both surgeons delete the same random channels, half of the parameters, in one process, in turns; the ratio is the median
over the turns.
"""

from functools import partial

import keras
import tyro

from benchmarks.turns import Turns, print_seconds, seconds
from kdsuite import prune

KEEP = 0.5


def main(config: Turns) -> None:
    model = keras.applications.MobileNet(weights=None, alpha=0.75)
    deleted = prune.channels_to_delete(model, keep=KEEP, criterion="random")
    ours, theirs = (
        (surgeon, partial(seconds, partial(prune.delete_channels, model, deleted, surgeon=surgeon)))
        for surgeon in ("keras", "kerassurgeon")
    )
    print_seconds(ours, theirs, config.turns)


if __name__ == "__main__":
    main(tyro.cli(Turns))
