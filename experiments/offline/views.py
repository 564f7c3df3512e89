"""Study 5, beside the paper: what stored views of each image cost and give, against a teacher that runs in each step.

    make offline-views        (python -m experiments offline-views)

Question: responses are stored for a few views of each image (shifts, mirrored or not), drawn once, where a live teacher
answers for a fresh view in each epoch: consistent teaching (Beyer et al. 2022, "Knowledge distillation: A good teacher
is patient and consistent"). How many views are worth storing? The teacher is trained first and answers for 1, 4, 8 and
16 views of each image; what each of these passes takes is measured. Students of one size learn from each of them, from
the live teacher under the same 8 views (which should give the same) and under fresh ones, and from labels alone. As the
teacher is at hand, its agreement with students is measured too.

`full`: 20,000 images, a teacher of 0.55 million parameters, a student of 0.14 million, 16 epochs each, 3 seeds: about
two hours on 2 cores with AMX. `quick`: 5,000 images, 1 and 8 views, 2 seeds; about 10 minutes. `paper`: all images.
"""

import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import keras
import numpy as np

from experiments.engine.networks import Networks
from experiments.engine.study import Details, Targets
from experiments.engine.training import EVALUATION_BATCH, outputs
from experiments.engine.trial import Trial
from experiments.offline.config import ViewsConfig
from experiments.offline.networks import OfflineStudy, OfflineTrial, TeacherTrial
from experiments.offline.signals import likeness
from experiments.offline.students import FRESH_LIVE, LABELS, LIVE, RESPONSES, StudentTrial, student_trial
from kdsuite import distill
from kdsuite.data import Split

COLUMNS = ("views", "teacher_params", "teacher_test_accuracy", "agreement", "divergence")


class OfflineViews(OfflineStudy):
    """A teacher; then seed by seed a student on labels, on each number of stored views, and of the live teacher."""

    COLUMNS: ClassVar[Sequence[str]] = COLUMNS
    TABLES: ClassVar[dict[str, Sequence[str]]] = {"passes": ("trial", "views_drawn", "pass_seconds")}
    config: ViewsConfig

    def trials(self) -> list[Trial]:
        config = self.config
        found: list[Trial] = [self.own_teacher]
        for seed in config.seeds:
            found.append(self.student(LABELS, seed, config.views))
            found += [self.student(RESPONSES, seed, views) for views in config.view_counts]
            found += [self.student(LIVE, seed, config.views), self.student(FRESH_LIVE, seed, None)]
        return found

    @property
    def own_teacher(self) -> TeacherTrial:
        """The trial of the one teacher."""
        return self.teacher(self.config.teachers[0])

    def student(self, signal: str, seed: int, views: int | None) -> StudentTrial:
        """One student.

        Args:
            signal: what it learns from.
            seed: of its weights and batches.
            views: of each image, drawn once; None for fresh ones in each epoch.
        """
        point = None if signal == LABELS else (self.config.temperature, self.config.lambda_)
        return student_trial(
            self.config,
            self.config.student,
            signal,
            seed,
            point,
            epochs=self.config.epochs,
            views=views,
            teacher=self.own_teacher if point else None,
            other_views=signal == RESPONSES,
        )

    def targets(self, trial: OfflineTrial, networks: Networks) -> Targets:
        if isinstance(trial, StudentTrial) and trial.signal in (LIVE, FRESH_LIVE):
            return Targets(live=networks.get(self.own_teacher))
        return super().targets(trial, networks)

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures a student's likeness to the teacher, or how long the teacher's passes over the views take."""
        model = distiller.student
        if isinstance(trial, TeacherTrial):
            counts = dict.fromkeys([self.config.views, *self.config.view_counts])
            passes = [
                {"views_drawn": views, "pass_seconds": pass_seconds(model, self.transfer_set(views))}
                for views in counts
            ]
            return Details(tables={"passes": passes})
        test = self.dataset.test
        of_teacher = networks.outputs(self.own_teacher, test).arrays["logits"]
        against: dict[str, Any] = {
            "teacher_params": networks.get(self.own_teacher).count_params(),
            "teacher_test_accuracy": float(np.mean(of_teacher.argmax(-1) == test.labels)),
        }
        return Details(against | likeness(outputs(model, test), of_teacher))


def pass_seconds(teacher: keras.Model, split: Split) -> float:
    """Seconds in which a teacher answers for every drawn view of a split, written to an empty cache."""
    with TemporaryDirectory() as cache:
        start = time.perf_counter()
        distill.teacher_outputs(teacher, split, cache=cache, batch_size=EVALUATION_BATCH)
        return time.perf_counter() - start
