"""Study 5, second half: small CNNs on CIFAR-10 that learn from stored responses.

    make offline-cifar10        (python -m experiments offline-cifar10 [--profile quick])

Question: can a network of at most a million parameters come within 1 or 2 points of its teacher? T and λ are those of
best validation accuracy, mean over seeds, of one student; then a grid of depth × width × dense layers, each without a
teacher and with it, on the transfer set. The same student also learns from a live teacher (which must give the same),
from the mean of all teachers, and from label smoothing of the entropy that the soft targets have. Needs the files of
offline-responses.

Measured with `--profile quick` (teacher 76.02%, 2.4 M parameters; students on 2,000 of its 20,000 images, 3 seeds):
no; the best student has 59.03 ± 0.34% with 0.37 M. Responses beat labels alone by 3.08 points [2.47, 3.69] at 0.41 M
parameters and cost 3.34 [1.30, 5.37] at 6,530; they beat label smoothing by 1.61 [0.56, 2.67]; a live teacher gives the
same to the last digit.
"""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from experiments import offline
from experiments.calibration import calibration_error, reliability
from experiments.config import check_at_least
from experiments.errors import UsageError
from experiments.offline import OfflineConfig
from experiments.rows import Table
from experiments.runner import Runner
from experiments.training import EVALUATION_BATCH, Taught, outputs
from experiments.trial import CosineTrial
from kdsuite import distill, models, report
from kdsuite.data import Split

STUDY = "offline-cifar10"
SWEEP = "offline-sweep"
COLUMNS = (
    *("depth", "first_filters", "dense", "signal", "agreement", "divergence"),
    *("calibration_error", "teacher_calibration_error"),
)
RELIABILITY_COLUMNS = ("study", "trial", "network", "bin", "share", "confidence", "accuracy")
PROFILES = {
    "smoke": offline.SMOKE
    | {
        "depths": (2,),
        "widths": (4,),
        "denses": (0,),
        "sweep_student": (2, 4, 0),
        "temperatures": (4.0,),
        "lambdas": (0.5,),
        "epochs": 1,
        "seeds": (0,),
    },
    "quick": offline.QUICK
    | {
        "depths": (3,),
        "widths": (8, 16, 64),
        "denses": (0, 1),
        "sweep_student": (3, 16, 1),
        "temperatures": (1.0, 4.0, 8.0),
        "lambdas": (0.5, 0.9),
        "epochs": 30,
    },
    "paper": {},
}


@dataclass(frozen=True)
class Config(OfflineConfig):
    depths: tuple[int, ...] = (2, 3, 4)
    """Convolutions of the students."""
    widths: tuple[int, ...] = (8, 16, 32, 64)
    """Filters of their first convolution."""
    denses: tuple[int, ...] = (0, 1, 2)
    """Hidden dense layers."""
    sweep_student: tuple[int, int, int] = (3, 32, 1)
    """Depth, width and dense layers of the student by which T and λ are chosen."""
    temperatures: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Temperatures T to choose from."""
    lambdas: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9, 1.0)
    """Weights λ of the soft targets to choose from."""
    epochs: int = 30
    """Epochs of each student."""

    def check(self) -> None:
        super().check()
        check_at_least(1, epochs=self.epochs, depth=min(self.depths), width=min(self.widths))
        check_at_least(0, dense=min(self.denses))
        for temperature in self.temperatures:
            distill.check_temperature(temperature)
        for lambda_ in self.lambdas:
            distill.check_lambda(lambda_)
            if lambda_ == 0:
                raise UsageError("lambda 0: the students without a teacher are always trained; give numbers above 0")


@dataclass(frozen=True, kw_only=True)
class StudentTrial(CosineTrial):
    """A small CNN.

    Attributes:
        depth, width, dense: of `models.small_cnn`.
        signal: "labels", "responses", "live", "ensemble" or "label smoothing".
        taught_by: names of its teachers.
        responses: fingerprints of their files.
    """

    depth: int
    width: int
    dense: int
    signal: str
    taught_by: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()

    def columns(self) -> dict:
        return super().columns() | {
            "teacher": " ".join(self.taught_by) or None,
            "depth": self.depth,
            "first_filters": self.width,
            "dense": self.dense,
            "signal": self.signal,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.signal}"


def student(config: Config, study: str, seed: int, size: tuple[int, int, int], signal: str, **settings) -> StudentTrial:
    """One student."""
    depth, width, dense = size
    return StudentTrial(
        study=study,
        method="plain" if signal == "labels" else "kd",
        network=f"cnn_{depth}_{width}_{dense}",
        seed=seed,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        depth=depth,
        width=width,
        dense=dense,
        signal=signal,
        **{"lambda_": 0.0} | settings,
    )


def sweep(config: Config, taught: dict) -> list[StudentTrial]:
    """The student by which T and λ are chosen, for each of both and each seed."""
    return [
        student(
            config, SWEEP, seed, config.sweep_student, "responses", temperature=temperature, lambda_=lambda_, **taught
        )
        for seed in config.seeds
        for temperature in config.temperatures
        for lambda_ in config.lambdas
    ]


def chosen(rows: pd.DataFrame) -> dict[str, float]:
    """T and λ of best validation accuracy, mean over seeds."""
    means = rows.groupby(["temperature", "lambda"]).validation_accuracy.mean()
    temperature, lambda_ = means.idxmax()
    print(f"chosen on validation: T = {temperature:g}, lambda = {lambda_:g}")
    return {"temperature": float(temperature), "lambda_": float(lambda_)}


def trials(config: Config, taught: dict, both: dict, all_taught: dict, *, live: bool) -> list[StudentTrial]:
    """The grid without and with responses, then the other signals on the student of the sweep.

    Args:
        taught: fields that name the first teacher.
        both: T and λ.
        all_taught: fields that name all teachers.
        live: whether the first teacher itself is at hand.
    """
    sizes = [(depth, width, dense) for depth in config.depths for width in config.widths for dense in config.denses]
    sizes = list(dict.fromkeys([*sizes, config.sweep_student]))
    grid = []
    for seed in config.seeds:
        for size in sizes:
            grid.append(student(config, STUDY, seed, size, "labels"))
            grid.append(student(config, STUDY, seed, size, "responses", **taught, **both))
        grid.append(student(config, STUDY, seed, config.sweep_student, "label smoothing", **taught, **both))
        if len(all_taught["taught_by"]) > 1:
            grid.append(student(config, STUDY, seed, config.sweep_student, "ensemble", **all_taught, **both))
        if live:
            grid.append(student(config, STUDY, seed, config.sweep_student, "live", **taught, **both))
    return grid


def soft_targets(
    trial: StudentTrial, responses: list[distill.TeacherOutputs], transfer_set: Split
) -> distill.TeacherOutputs:
    """The mean of the teachers' soft targets at T, or smoothed labels of the same mean entropy.

    Args:
        trial: a student whose signal is "responses", "ensemble" or "label smoothing".
        responses: of its teachers on the transfer set.
        transfer_set: n images with labels.
    """
    mean = distill.mixture([(1 / len(responses), own) for own in responses], trial.temperature)
    if trial.signal != "label smoothing":
        return mean
    entropy = float(np.mean(mean.arrays[distill.softened_names(trial.temperature)[1]]))
    classes = responses[0].arrays["logits"].shape[1]
    arrays = distill.smoothed_labels(transfer_set.labels, classes, entropy, trial.temperature)
    return distill.TeacherOutputs(arrays, transfer_set.fingerprint)


def calibration(diagrams: dict[str, list[dict]]) -> dict[str, float]:
    """Columns of the expected calibration errors of the student and, where it is at hand, its teacher."""
    prefixes = {"student": "", "teacher": "teacher_"}
    return {f"{prefixes[name]}calibration_error": calibration_error(diagram) for name, diagram in diagrams.items()}


def likeness(student: np.ndarray, teacher: np.ndarray | None = None) -> dict[str, float]:
    """Columns of how alike a student and its teacher answer; none without the teacher.

    Args:
        student, teacher: logits on the same images, float32 (n, classes).

    Returns:
        agreement: share of images on which both name one class; divergence: KL(teacher ‖ student) at T = 1, nats.
    """
    if teacher is None:
        return {}
    return {
        "agreement": float(np.mean(student.argmax(-1) == teacher.argmax(-1))),
        "divergence": float(np.mean(distill.soft_target_loss(teacher, student, 1.0))),
    }


def run(config: Config) -> None:
    """Chooses T and λ, trains what is missing, prints the table and draws the figures."""
    config.check()
    whole, dataset = offline.load_data(config)
    shape, classes = dataset.train.images.shape[1:], len(dataset.class_names)
    responses = {network: offline.load_responses(config, network, dataset) for network in config.teachers}
    first = config.teachers[0]
    prints = {name: own.fingerprint for name, own in responses.items()}
    taught = {"taught_by": (first,), "responses": (prints[first],)}
    all_taught = {"taught_by": tuple(prints), "responses": tuple(prints.values())}
    teacher_trial = offline.teacher_trial(config, first)
    teachers = Runner(
        offline.RESPONSES_STUDY, config, whole, lambda trial, parent: offline.build_teacher(trial, classes, shape)
    )
    live = teachers.has_network(teacher_trial)
    bins = Table(config.results / f"{STUDY}-reliability.csv", RELIABILITY_COLUMNS)

    def build(trial: StudentTrial, parent) -> keras.Model:
        return models.small_cnn(trial.depth, trial.width, trial.dense, classes=classes, input_shape=shape)

    def taught_of(trial: StudentTrial) -> Taught:
        if trial.signal in ("labels", "live"):
            return Taught()
        return Taught(train=soft_targets(trial, [responses[name].outputs for name in trial.taught_by], dataset.train))

    def live_teacher_of(trial: StudentTrial) -> keras.Model | None:
        return teachers.network(teacher_trial) if trial.signal == "live" else None

    def details(trial, parent, distiller, history) -> dict:
        logits = {"student": outputs(distiller.student, dataset.test)}
        if live:
            theirs = distill.teacher_outputs(
                teachers.network(teacher_trial), dataset.test, cache=config.cache, batch_size=EVALUATION_BATCH
            )
            logits["teacher"] = theirs.arrays["logits"]
        diagrams = {network: reliability(own, dataset.test.labels) for network, own in logits.items()}
        names = {"study": STUDY, "trial": runner.key(trial)}
        bins.append([names | {"network": network} | line for network, diagram in diagrams.items() for line in diagram])
        return calibration(diagrams) | likeness(**logits)

    def runner_of(study: str) -> Runner:
        return Runner(
            study,
            config,
            dataset,
            build,
            taught_of=taught_of,
            live_teacher_of=live_teacher_of,
            on_test=study != SWEEP,
            details=details if study != SWEEP else (lambda *_: {}),
            extra_columns=COLUMNS,
        )

    runner = runner_of(STUDY)
    candidates = sweep(config, taught)
    sweeper = runner_of(SWEEP)
    sweeper.run(candidates)
    keys = {sweeper.key(trial) for trial in candidates}
    if not keys <= sweeper.rows.trials():
        print("the other trials follow once these have chosen T and lambda")
        return
    if not config.dry_run:
        report.publish(SWEEP, config.results, trials=keys)
    rows = pd.read_csv(sweeper.rows.path)
    runner.run_and_publish(trials(config, taught, chosen(rows[rows.trial.isin(keys)]), all_taught, live=live))
