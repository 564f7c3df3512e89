"""Study 5, second half: small CNNs on CIFAR-10 that learn from stored responses.

    make offline-cifar10        (python -m experiments offline-cifar10)

Question: can a network of at most a million parameters come within 1 or 2 points of its teacher? Each student is
trained on labels alone and with the stored responses of the first teacher, under the same recipe and the same views of
each image; T and λ are those of best validation accuracy, for each size, and lie inside the values tried: from T = 4
and λ = 0.9 on, neighbours are tried until none is better, with one seed and a third of the epochs, as a whole grid
would cost as much as the experiment. One student also learns from the mean of all teachers, from label smoothing of the
entropy that the soft targets have, and on labels under fresh views. Needs the files of offline-responses, from its
folder, the reference (which has them, 27 MB) or `--responses`; the teachers themselves are not needed. What a live
teacher and other numbers of views give, offline-views measures.

`full`: 45,000 images for teacher and students alike, five students of 0.95 to 0.02 million parameters, 3 seeds, 16
epochs; about 5 hours on 2 cores with AMX after offline-responses: 1 for the choices, 3 for labels and responses, 1 for
what the compared student learns from besides. Students come one after the other, the largest first, each with all
its seeds, so that a run that is stopped has whole answers for the students it came to. `quick`: 10,000 images, two
students, T and λ given, 2 seeds, 8 epochs; about 10 minutes with its teacher. `paper`: convolutional and dense students
of the paper's teachers.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import keras

from experiments.engine.choice import mean_validation
from experiments.engine.networks import Networks
from experiments.engine.results import Results
from experiments.engine.study import Details, Targets
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from experiments.offline.calibration import calibration_columns, reliability
from experiments.offline.choice import Point, best, beyond, grid
from experiments.offline.config import Cifar10Config
from experiments.offline.networks import OfflineStudy, OfflineTrial, TeacherTrial
from experiments.offline.recipes import RECIPES
from experiments.offline.signals import soft_targets
from experiments.offline.stored import stored_responses
from experiments.offline.students import (
    ENSEMBLE,
    FRESH_LABELS,
    LABELS,
    RESPONSES,
    SMOOTHING,
    StudentTrial,
    student_trial,
)
from kdsuite import distill

COLUMNS = (
    *("views", "teacher_params", "params_share", "teacher_test_accuracy"),
    *("calibration_error", "scaling_temperature", "calibration_error_scaled"),
)


class OfflineCifar10(OfflineStudy):
    """Students one after the other, each with its own choice of T and λ; then the other signals."""

    COLUMNS: ClassVar[Sequence[str]] = COLUMNS
    TABLES: ClassVar[dict[str, Sequence[str]]] = {"reliability": ("trial", "bin", "share", "confidence", "accuracy")}
    READ: ClassVar[Sequence[str]] = (*OfflineStudy.READ, "responses")
    config: Cifar10Config

    def __init__(self, config: Cifar10Config):
        super().__init__(config)
        self._choosing: tuple[str, list[Point]] = ("", [])
        self._chosen: dict[str, Point] = {}

    @cached_property
    def responses(self) -> dict[str, distill.Responses]:
        """Responses on the transfer set by teacher: all that students need."""
        return {name: stored_responses(self.config, self, name) for name in self.config.teachers}

    def setting(self) -> dict[str, Any]:
        """The configuration and the first teacher's responses; all teachers too, where they are not the usual ones."""
        teachers = self.config.teachers
        known = {"teacher": teachers[0], "responses": self.responses[teachers[0]].fingerprint}
        # The mean of others is another signal under the same name.
        is_usual = len(teachers) == 1 or teachers == type(self.config).teachers
        return super().setting() | known | ({} if is_usual else {"teachers": list(teachers)})

    def candidates(self) -> list[Trial]:
        """Students at the points tried so far, of the one whose T and λ are being chosen."""
        name, points = self._choosing
        return [
            self.student(name, RESPONSES, seed, point, epochs=self.config.choice_epochs)
            for seed in self.config.choice_seeds
            for point in points
        ]

    def stages(self, results: Results) -> Iterator[Sequence[Trial]]:
        """Student by student its choice, then its trials on labels and responses; when all have these, all else."""
        for name in self._students():
            chooser = self.config.choose_for or name
            if chooser not in self._chosen:
                yield from self._choice(chooser, results)
            yield self.pairs(name)
        yield self.trials()

    def _choice(self, name: str, results: Results) -> Iterator[Sequence[Trial]]:
        """Yields candidates of one student, more of them while its best T or λ lies at the end of those tried."""
        points = grid(self.config.temperatures, self.config.lambdas)
        accuracy = dict.fromkeys(points, 0.0)
        further = points if self.config.expand or len(points) > 1 else []
        self._choosing = name, []
        while further:
            self._choosing = name, [*self._choosing[1], *further]
            yield self.candidates()
            accuracy = self._accuracy(results)
            further = beyond(accuracy) if self.config.expand else []
        temperature, lambda_ = self._chosen[name] = best(accuracy)
        print(f"chosen on validation for {name}: T = {temperature:g}, λ = {lambda_:g}")

    def _accuracy(self, results: Results) -> dict[Point, float]:
        """Validation accuracy of the candidates at each point, mean over the seeds of the choice."""
        rows = results.rows_of(self.candidates())
        means = mean_validation(rows, ["temperature", "lambda"])
        return {point: float(means[point]) for point in self._choosing[1]}

    def pairs(self, name: str) -> list[Trial]:
        """One student on labels and on responses, seed by seed: what the question is decided by."""
        pairs: list[Trial] = []
        for seed in self.config.seeds:
            pairs += [self.student(name, LABELS, seed), self.student(name, RESPONSES, seed, self._point(name))]
        return pairs

    def trials(self) -> list[Trial]:
        config, point = self.config, self._point(self.config.compared)
        found = [trial for name in self._students() for trial in self.pairs(name)]
        for signal in self._other_signals():
            own = None if signal == FRESH_LABELS else point
            found += [self.student(config.compared, signal, seed, own) for seed in config.seeds]
        return found

    def _other_signals(self) -> list[str]:
        """What the compared student learns from besides, as far as teachers and views allow."""
        has_views = RECIPES[self.config.recipe].shift is not None
        return [
            SMOOTHING,
            *([ENSEMBLE] if len(self.config.teachers) > 1 else []),
            *([FRESH_LABELS] if has_views else []),
        ]

    def _students(self) -> list[str]:
        return list(dict.fromkeys([*self.config.students, self.config.compared]))

    def _point(self, name: str) -> Point:
        return self._chosen[self.config.choose_for or name]

    def student(
        self, name: str, signal: str, seed: int, point: Point | None = None, *, epochs: int | None = None
    ) -> StudentTrial:
        """One student.

        Args:
            name: of its architecture.
            signal: what it learns from.
            seed: of its weights and batches.
            point: T and λ; None of a student on labels alone.
            epochs: by default the configuration's.
        """
        names = {LABELS: [], FRESH_LABELS: [], ENSEMBLE: self.config.teachers}.get(signal, self.config.teachers[:1])
        return student_trial(
            self.config,
            name,
            signal,
            seed,
            point,
            epochs=epochs or self.config.epochs,
            views=None if signal == FRESH_LABELS else self.config.views,
            responses=tuple((teacher, self.responses[teacher].fingerprint) for teacher in names),
        )

    def targets(self, trial: OfflineTrial, networks: Networks) -> Targets:
        if not isinstance(trial, StudentTrial) or trial.method != "kd":
            return super().targets(trial, networks)
        of_teachers = [self.responses[name].outputs for name, _ in trial.responses]
        return Targets(train=soft_targets(trial, of_teachers, self.data(trial).train))

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Gives the size against the first teacher."""
        if isinstance(trial, TeacherTrial):
            return Details()
        card = self.responses[self.config.teachers[0]].card
        against = {
            "teacher_params": card["parameters"],
            "params_share": distiller.student.count_params() / card["parameters"],
            "teacher_test_accuracy": card["test_accuracy"],
        }
        return Details(against)

    def test_details(self, trial: Trial, distiller: keras.Model) -> Details:
        """Measures calibration."""
        if isinstance(trial, TeacherTrial):
            return Details()
        validation, test = (
            (outputs(distiller.student, split), split.labels) for split in (self.dataset.validation, self.dataset.test)
        )
        return Details(calibration_columns(validation, test), {"reliability": reliability(*test)})
