"""Study 5, second half: small CNNs on CIFAR-10 that learn from stored responses.

    make offline-cifar10        (python -m experiments offline-cifar10)

Question: can a network of at most a million parameters come within 1 or 2 points of its teacher? Each student is
trained on labels alone and with the stored responses of the first teacher, on the transfer set; T and λ are those of
best validation accuracy. One of them also learns from a live teacher (which must give the same), from the mean of all
teachers, and from label smoothing of the entropy that the soft targets have. Needs the files of offline-responses,
from its folder, the reference or `--responses`; where the teacher's network itself is in the cache, agreement with it
and its calibration are measured, and the live student trained. `full` takes 40 minutes on 2 cores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np

from experiments.engine.networks import Networks
from experiments.engine.results import Results
from experiments.engine.study import Details, Targets
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from experiments.offline.calibration import calibration_error, reliability
from experiments.offline.choice import Point, best, beyond, grid
from experiments.offline.config import Cifar10Config
from experiments.offline.networks import OfflineStudy, TeacherTrial
from experiments.offline.stored import stored_responses
from experiments.offline.students import convolutions
from kdsuite import distill, models
from kdsuite.data import Split

LABELS, RESPONSES, LIVE, ENSEMBLE, SMOOTHING = "labels alone", "responses", "live", "ensemble", "label smoothing"
COLUMNS = (
    *("teacher_params", "params_share", "teacher_test_accuracy"),
    *("agreement", "divergence", "calibration_error", "teacher_calibration_error"),
)


@dataclass(frozen=True, kw_only=True)
class StudentTrial(Trial):
    """A small network.

    Attributes:
        signal: what it learns from: LABELS, RESPONSES, LIVE, ENSEMBLE or SMOOTHING.
        responses: (teacher's name, fingerprint of its file) of each of its teachers.
    """

    signal: str
    responses: tuple[tuple[str, str], ...] = ()

    @property
    def series(self) -> str:
        return self.signal

    def columns(self) -> dict[str, Any]:
        return super().columns() | {"teacher": " ".join(name for name, _ in self.responses) or None}

    def __str__(self) -> str:
        return f"{super().__str__()} {self.signal}"


class OfflineCifar10(OfflineStudy):
    """Candidates for T and λ, then students on labels and responses, then the other signals."""

    COLUMNS: ClassVar[Sequence[str]] = COLUMNS
    TABLES: ClassVar[dict[str, Sequence[str]]] = {
        "reliability": ("trial", "network", "bin", "share", "confidence", "accuracy")
    }
    READ: ClassVar[Sequence[str]] = (*OfflineStudy.READ, "responses", "has_live")
    config: Cifar10Config

    def __init__(self, config: Cifar10Config):
        super().__init__(config)
        self._tried = {
            name: grid(config.temperatures, config.lambdas)
            for name in ([config.choose_for] if config.choose_for else self._students())
        }
        self._chosen: dict[str, Point] = {}

    @cached_property
    def responses(self) -> dict[str, distill.Responses]:
        """Teacher's name → its responses on the transfer set."""
        return stored_responses(self.config, self)

    def setting(self) -> dict[str, Any]:
        """The configuration, and which responses are learned from."""
        prints = {name: responses.fingerprint for name, responses in self.responses.items()}
        return self.config.setting() | {"responses": prints}

    def candidates(self) -> list[Trial]:
        return [
            self.student(name, RESPONSES, seed, point)
            for name, points in self._tried.items()
            for seed in self.config.choice_seeds
            for point in points
        ]

    def stages(self, results: Results) -> Iterator[Sequence[Trial]]:
        """Yields candidates, more of them while the best T or λ lies at the end of those tried, and then all else."""
        more = True
        while more:
            yield self.candidates()
            accuracy = self._accuracy(results)
            further = {name: beyond(own) if self.config.expand else [] for name, own in accuracy.items()}
            more = any(further.values())
            for name, points in further.items():
                self._tried[name] = [*self._tried[name], *points]
        for name, own in accuracy.items():
            self._chosen[name] = best(own)
            print(f"chosen on validation for {name}: T = {best(own)[0]:g}, λ = {best(own)[1]:g}")
        yield self.trials()

    def _accuracy(self, results: Results) -> dict[str, dict[Point, float]]:
        """Validation accuracy of each student at each point tried, mean over the seeds of the choice."""
        rows = results.rows_of(self.candidates())
        means = rows.groupby(["student", "temperature", "lambda"]).validation_accuracy.mean()
        return {name: {point: float(means[(name, *point)]) for point in points} for name, points in self._tried.items()}

    def trials(self) -> list[Trial]:
        grid: list[Trial] = []
        for seed in self.config.seeds:
            for name in self._students():
                grid += [self.student(name, LABELS, seed), self.student(name, RESPONSES, seed, self._point(name))]
            others = [SMOOTHING, *([ENSEMBLE] if len(self.responses) > 1 else []), *([LIVE] if self.has_live else [])]
            point = self._point(self.config.compared)
            grid += [self.student(self.config.compared, signal, seed, point) for signal in others]
        return grid

    def _students(self) -> list[str]:
        return list(dict.fromkeys([*self.config.students, self.config.compared]))

    def _point(self, name: str) -> Point:
        return self._chosen[self.config.choose_for or name]

    @property
    def first_teacher(self) -> TeacherTrial:
        """The trial of the teacher that teaches alone."""
        return self.teacher(self.config.teachers[0])

    @cached_property
    def has_live(self) -> bool:
        """Whether the network that gave the first teacher's responses is in the cache."""
        card = self.responses[self.config.teachers[0]].card
        return card["trial"] == self.key(self.first_teacher) and Networks(self, self.config.cache).has(
            self.first_teacher
        )

    def student(self, name: str, signal: str, seed: int, point: Point | None = None) -> StudentTrial:
        """One student; `point` is T and λ, None of a student on labels alone."""
        temperature, lambda_ = point or (None, 0.0)
        teachers = {LABELS: [], ENSEMBLE: list(self.responses)}.get(signal, [self.config.teachers[0]])
        return StudentTrial(
            method="plain" if signal == LABELS else "kd",
            network=name,
            seed=seed,
            epochs=self.config.epochs,
            batch_size=self.config.batch_size,
            learning_rate=self.config.learning_rate,
            schedule="cosine",
            lambda_=lambda_,
            temperature=temperature,
            teacher=self.first_teacher if signal == LIVE else None,
            signal=signal,
            responses=tuple((teacher, self.responses[teacher].fingerprint) for teacher in teachers),
        )

    def build(self, trial: Trial, networks: Networks) -> keras.Model:
        if isinstance(trial, TeacherTrial):
            return super().build(trial, networks)
        depth, width, dense = convolutions(trial.network)
        shape = self.dataset.train.images.shape[1:]
        return models.small_cnn(depth, width, dense, classes=len(self.dataset.class_names), input_shape=shape)

    def targets(self, trial: Trial, networks: Networks) -> Targets:
        if not isinstance(trial, StudentTrial) or trial.method != "kd":
            return Targets()
        if trial.teacher is not None:
            return Targets(live=networks.get(trial.teacher))
        of_teachers = [self.responses[name].outputs for name, _ in trial.responses]
        return Targets(train=soft_targets(trial, of_teachers, self.dataset.train))

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures calibration and size against the first teacher, and likeness where its network is at hand."""
        if isinstance(trial, TeacherTrial):
            return Details()
        card = self.responses[self.config.teachers[0]].card
        against = {
            "teacher_params": card["parameters"],
            "params_share": distiller.student.count_params() / card["parameters"],
            "teacher_test_accuracy": card["test_accuracy"],
        }
        logits = {"student": outputs(distiller.student, self.dataset.test)}
        if self.has_live:
            logits["teacher"] = networks.outputs(self.first_teacher, self.dataset.test).arrays["logits"]
        diagrams = {network: reliability(own, self.dataset.test.labels) for network, own in logits.items()}
        lines = [{"network": network} | line for network, diagram in diagrams.items() for line in diagram]
        return Details(against | calibration(diagrams) | likeness(**logits), {"reliability": lines})


def soft_targets(
    trial: StudentTrial, responses: list[distill.TeacherOutputs], transfer_set: Split
) -> distill.TeacherOutputs:
    """The mean of the teachers' soft targets at T, or smoothed labels of the same mean entropy.

    Args:
        trial: a student whose signal is RESPONSES, ENSEMBLE or SMOOTHING.
        responses: of its teachers on the transfer set.
        transfer_set: n images with labels.
    """
    assert trial.temperature is not None, "a student of soft targets has a temperature"
    mean = distill.mixture([(1 / len(responses), own) for own in responses], trial.temperature)
    if trial.signal != SMOOTHING:
        return mean
    entropy = float(np.mean(mean.arrays[distill.softened_names(trial.temperature)[1]]))
    classes = responses[0].arrays["logits"].shape[-1]
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
