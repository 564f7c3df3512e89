"""Study 2: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", §3, and its reproduction.

On MNIST a net of two hidden layers of 1200 units, trained with dropout, max-norm and images jittered by two pixels,
makes 67 test errors; one of 800 units without regularisation 146; the same net, taught by the soft targets of the
first at T = 20, 74. With 300 or more units a layer all temperatures above 8 do alike, with 30 units T from 2.5 to 4 is
best. A student whose transfer set has no 3 still makes only 206 errors, 109 with a better bias for the 3; one that saw
only 7s and 8s 47.3%, 13.2% with better biases. K. Arvind's blog post of 2020 reproduces this with weight decay instead
of dropout, 100 epochs of the teacher and 25 of its students: 119, 132 and 125 errors, 97% of the threes, and all
biases at 3.5 instead of one.
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=2,
    title="Hinton 2015 on MNIST, and its reproduction",
    notebooks=("4-hinton-mnist",),
    experiments=(
        Experiment(
            name="hinton-mnist",
            summary="teacher, student alone and distilled student, MNIST (Table 1)",
            module="mnist",
            trains="Table1",
            config="AblationConfig",
            report="MNIST",
            profile="quick",
        ),
        Experiment(
            name="hinton-transfer-set",
            summary="students that never see a 3, or anything but 7 and 8, MNIST (Table 3)",
            module="transfer_set",
            trains="TransferSets",
            config="AblationConfig",
            report="TRANSFER_SET",
            profile="full",
        ),
        Experiment(
            name="hinton-temperature",
            summary="temperature by width of the student, MNIST (Table 2)",
            module="temperature",
            trains="Temperatures",
            config="TemperatureConfig",
            report="TEMPERATURE",
            profile="full",
        ),
    ),
)
