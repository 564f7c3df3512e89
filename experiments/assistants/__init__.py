"""Study 4: "Knowledge Distillation using Teaching Assistant", an unpublished report on CIFAR-10.

Teacher-class networks (Malik et al. 2021): 1, 2, 4 or 8 students share a teacher's 512 features among them, each learns
its chunk by mean squared error, and the ensemble gets the teacher's output layer and is fine-tuned on labels. Teaching
assistants (Mirzadeh et al. 2019) stand between: hierarchically each student teaches two of the next size; or all learn
directly from the teacher; or all through S1, the one student of the whole vector. The teacher is VGG-16, trained for 10
epochs, students for 60, ensembles for 10. Published: the teacher has 82.9%, S1 85.6%, direct ensembles 86.6, 85.1 and
84.9%, which is more than those through assistants; down the hierarchy accuracy falls from 85.6 to 83.1%. Future work
names densely guided (Son et al. 2021) and residual distillation (Gao et al. 2020), which we run too.
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=4,
    title="dense features and teaching assistants",
    notebooks=("6-assistants",),
    experiments=(
        Experiment(
            name="assistants-cifar10",
            summary="1, 2, 4 and 8 students of the teacher's features, directly and through assistants, CIFAR-10",
            module="cifar10",
            trains="Assistants",
            config="AssistantsConfig",
            report="ASSISTANTS",
        ),
    ),
)
