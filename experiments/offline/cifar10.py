"""Study 5, second half: small CNNs on CIFAR-10 that learn from stored responses.

    make offline-cifar10        (python -m experiments offline-cifar10)

Question: can a network of at most a million parameters come within 1 or 2 points of its teacher? Each student is
trained on labels alone and with the stored responses of the first teacher, under the same recipe and the same views of
each image; T and λ are those of best validation accuracy, for each size, and lie inside the values tried: from T = 4
and λ = 0.9 on, neighbours are tried until none is better, with one seed and a third of the epochs, as a whole grid
would cost as much as the experiment. One student also learns from a live teacher under the same views (which must give
the same) and under fresh ones, from the mean of all teachers, from label smoothing of the entropy that the soft targets
have, and from other numbers of views. Needs the files of offline-responses, from its folder, the reference or
`--responses`; where the teacher's network itself is in the cache, agreement with it and its calibration are measured,
and the live students trained, and students of other numbers of views where their responses are there (the reference
keeps those of 8 views, 27 MB).

`full`: 45,000 images for teacher and students alike, five students of 0.95 to 0.02 million parameters, 3 seeds, 16
epochs; about 7 hours on 2 cores with AMX after offline-responses: 1 for the choices, 3 for labels and responses, 2.5
for what the compared student learns from besides. Students come one after the other, the largest first, each with all
its seeds, so that a run that is stopped has whole answers for the students it came to. `quick`: 10,000 images, two
students, T and λ given, 2 seeds, 8 epochs; about 10 minutes with its teacher. `paper`: convolutional and dense students
of the paper's teachers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import keras

from experiments.engine.networks import Networks
from experiments.engine.results import Results
from experiments.engine.study import Details, Targets
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from experiments.offline.calibration import calibration_columns, calibration_error, reliability
from experiments.offline.choice import Point, best, beyond, grid
from experiments.offline.config import Cifar10Config
from experiments.offline.networks import OfflineStudy, OfflineTrial, TeacherTrial
from experiments.offline.recipes import RECIPES
from experiments.offline.signals import likeness, soft_targets
from experiments.offline.stored import responses_path, stored_responses
from experiments.offline.students import (
    ENSEMBLE,
    FRESH_LABELS,
    FRESH_LIVE,
    LABELS,
    LIVE,
    RESPONSES,
    SMOOTHING,
    StudentTrial,
)
from kdsuite import distill

COLUMNS = (
    *("views", "teacher_params", "params_share", "teacher_test_accuracy", "agreement", "divergence"),
    *("calibration_error", "scaling_temperature", "calibration_error_scaled", "teacher_calibration_error"),
)


class OfflineCifar10(OfflineStudy):
    """Students one after the other, each with its own choice of T and λ; then the other signals."""

    COLUMNS: ClassVar[Sequence[str]] = COLUMNS
    TABLES: ClassVar[dict[str, Sequence[str]]] = {
        "reliability": ("trial", "network", "bin", "share", "confidence", "accuracy")
    }
    READ: ClassVar[Sequence[str]] = (*OfflineStudy.READ, "responses", "has_live")
    config: Cifar10Config

    def __init__(self, config: Cifar10Config):
        super().__init__(config)
        self._choosing: tuple[str, list[Point]] = ("", [])
        self._chosen: dict[str, Point] = {}

    @cached_property
    def responses(self) -> dict[tuple[str, int], distill.Responses]:
        """Responses on the transfer set by teacher and number of views an image: all that students need."""
        config = self.config
        needed = [(name, config.views) for name in config.teachers]
        others = [(config.teachers[0], views) for views in config.view_counts]
        needed += [pair for pair in others if responses_path(config, self.responses_name(*pair)).exists()]
        return {pair: stored_responses(config, self, *pair) for pair in dict.fromkeys(needed)}

    def setting(self) -> dict[str, Any]:
        """The configuration and the first teacher's responses; all teachers too, where they are not the usual ones."""
        teachers = self.config.teachers
        known = {"teacher": teachers[0], "responses": self.responses[teachers[0], self.config.views].fingerprint}
        # The mean of others is another signal under the same name.
        is_usual = len(teachers) == 1 or teachers == type(self.config).teachers
        return self.config.setting() | known | ({} if is_usual else {"teachers": list(teachers)})

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
        means = rows.groupby(["temperature", "lambda"]).validation_accuracy.mean()
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
            # One seed shows whether a live teacher gives what its responses give; each step costs a pass of it.
            seeds = config.seeds[:1] if signal == LIVE else config.seeds
            own = None if signal == FRESH_LABELS else point
            found += [self.student(config.compared, signal, seed, own) for seed in seeds]
        found += [
            self.student(config.compared, RESPONSES, seed, point, views=views)
            for views in config.view_counts
            if views != config.views and (config.teachers[0], views) in self.responses
            for seed in config.seeds
        ]
        return found

    def _other_signals(self) -> list[str]:
        """What the compared student learns from besides, as far as teachers and views allow."""
        has_views = RECIPES[self.config.recipe].shift is not None
        return [
            SMOOTHING,
            *([ENSEMBLE] if len(self.config.teachers) > 1 else []),
            *([FRESH_LABELS] if has_views else []),
            *([LIVE] if self.has_live else []),
            *([FRESH_LIVE] if self.has_live and has_views else []),
        ]

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
        teacher = self.first_teacher
        card = self.responses[teacher.network, self.config.views].card
        return card["trial"] == self.key(teacher) and Networks(self, self.config.cache).has(teacher)

    def student(
        self,
        name: str,
        signal: str,
        seed: int,
        point: Point | None = None,
        *,
        views: int | None = None,
        epochs: int | None = None,
    ) -> StudentTrial:
        """One student.

        Args:
            name: of its architecture.
            signal: what it learns from.
            seed: of its weights and batches.
            point: T and λ; None of a student on labels alone.
            views: of each image, drawn once; by default the configuration's. Students of fresh views have none.
            epochs: by default the configuration's.
        """
        recipe = self.config.recipe_of(name)
        temperature, lambda_ = point or (None, 0.0)
        views = views or self.config.views
        names = {LABELS: [], FRESH_LABELS: [], ENSEMBLE: self.config.teachers}.get(signal, self.config.teachers[:1])
        fresh = signal in (FRESH_LABELS, FRESH_LIVE)
        return StudentTrial(
            method="kd" if point else "plain",
            network=name,
            seed=seed,
            epochs=epochs or self.config.epochs,
            lambda_=lambda_,
            temperature=temperature,
            teacher=self.first_teacher if signal in (LIVE, FRESH_LIVE) else None,
            signal=signal,
            responses=tuple((teacher, self.responses[teacher, views].fingerprint) for teacher in names),
            views=None if fresh or recipe.shift is None else views,
            other_views=signal == RESPONSES and views != self.config.views,
            **vars(replace(recipe, label_smoothing=0.0) if point else recipe),
        )

    def targets(self, trial: OfflineTrial, networks: Networks) -> Targets:
        if not isinstance(trial, StudentTrial) or trial.method != "kd":
            return super().targets(trial, networks)
        if trial.teacher is not None:
            return Targets(live=networks.get(trial.teacher))
        of_teachers = [self.responses[name, trial.views or 1].outputs for name, _ in trial.responses]
        return Targets(train=soft_targets(trial, of_teachers, self.data(trial).train))

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures calibration, size against the first teacher, and likeness to it where its network is at hand."""
        if isinstance(trial, TeacherTrial):
            return Details()
        card = self.responses[self.config.teachers[0], self.config.views].card
        against = {
            "teacher_params": card["parameters"],
            "params_share": distiller.student.count_params() / card["parameters"],
            "teacher_test_accuracy": card["test_accuracy"],
        }
        validation, test = self.dataset.validation, self.dataset.test
        logits = {"student": outputs(distiller.student, test)}
        measured = calibration_columns(
            (outputs(distiller.student, validation), validation.labels), (logits["student"], test.labels)
        )
        if self.has_live:
            logits["teacher"] = networks.outputs(self.first_teacher, test).arrays["logits"]
        diagrams = {network: reliability(own, test.labels) for network, own in logits.items()}
        if "teacher" in diagrams:
            measured["teacher_calibration_error"] = calibration_error(diagrams["teacher"])
        lines = [{"network": network} | line for network, diagram in diagrams.items() for line in diagram]
        return Details(against | measured | likeness(**logits), {"reliability": lines})
