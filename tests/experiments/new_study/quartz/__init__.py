"""Study 9: a study of the tests: does a wider network tell stripes from checks better?

It is the smallest study that has everything: options, trials, a claim, a table and a figure.
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=9,
    title="stripes and checks",
    notebooks=("9-quartz",),
    experiments=(
        Experiment(
            name="quartz-sweep",
            summary="accuracy against the width of the only hidden layer",
            module="quartz_sweep",
            trains="QuartzSweep",
            config="QuartzConfig",
            report="QUARTZ_SWEEP",
        ),
    ),
)
