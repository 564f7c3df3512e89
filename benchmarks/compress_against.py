"""`compress` against what one would do instead: a row a network, in the same minutes each.

    python -m benchmarks.compress_against catdog --results results/reference                 (5.5 hours on 2 cores)
    python -m benchmarks.compress_against cifar10 --results results/reference                (3 hours)

On Dogs vs. Cats the teacher is study 1's, MobileNet 0.75 with a new head on ImageNet features; on CIFAR-10 it is
study 5's fast network of 2 million parameters. Each way gets the same budget, images, batch size and optimiser, and
the test images once: `compress`; the network that it chose, from random weights; the same share of each layer by L1
norm, and Torch-Pruning's global rankings by group L2 norm (Fang et al. 2023) and by Taylor expansion, all three
trained on labels. Those on labels see all views of the augmentation, `compress` as many of each image as its teacher
has time for. On Dogs vs. Cats one more run of `compress` has the bytes of a file as its goal. All runs of `compress`
come first, then the others at the smallest share. A run that was stopped goes on where it was.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import keras
import tyro

from benchmarks.compress_tasks import TaskName, task_of
from experiments.engine.errors import UsageError
from experiments.engine.rows import Table
from experiments.engine.settings import now, versions
from kdsuite import compress, distill, prune
from kdsuite.compress.candidates import Recipe, cut
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import problem_of
from kdsuite.compress.pace import pace_of, timed
from kdsuite.compress.pipeline import reserved, setting_of
from kdsuite.compress.recovery import Training
from kdsuite.compress.result import Result, paired_difference
from kdsuite.compress.search import SEED, Setting
from kdsuite.compress.work import Work

COLUMNS = (
    *("trial", "data", "way", "target", "minutes", "seed", "train_size"),
    *("params", "params_share", "macs", "macs_share", "validation_accuracy", "test_size"),
    *("teacher_accuracy", "test_accuracy", "drop", "drop_low", "drop_high"),
    *("int8_bytes", "int8_accuracy", "precision", "steps", "minutes_spent"),
    *("keras", "tensorflow", "commit", "finished_at"),
)
ON_LABELS = {
    "uniform width by L1, labels": ("l1", "layer"),
    "Torch-Pruning, group L2, labels": ("l2", "global"),
    "Torch-Pruning, Taylor, labels": ("taylor", "global"),
}
SCRATCH = "from scratch, labels"
TIMED_STEPS = 60
"""Steps by which a way on labels plans all of its own: unlike `compress`, it has no later rung to plan by."""


@dataclass(frozen=True)
class Config:
    """What to compare."""

    task: tyro.conf.Positional[TaskName]
    """Teacher and data."""
    minutes: float = 30.0
    """Budget of each way."""
    compress_only: bool = False
    """Leave out what one would do instead."""
    results: Path = Path("results")
    """Folder of compress.csv; rows that are there are not run again."""
    cache: Path = Path(".cache")
    """Folder of images, teacher and candidates."""
    train_size: int | None = None
    """Training images; by default all that validation and test leave."""
    teacher_epochs: int | None = None
    """Epochs of the teacher; by default those of its study."""


class Comparison:
    """The ways on one teacher and data set."""

    def __init__(self, config: Config):
        self.config = config
        self.rows = Table(config.results / "compress.csv", COLUMNS, ("trial",))
        self.task = task_of(config.task, config.train_size, config.teacher_epochs, config.cache)
        size = config.train_size or "all"
        self.folder = config.cache / f"compress-{config.task}-{config.minutes:g}-{size}-{config.teacher_epochs}"

    @cached_property
    def teacher(self) -> Path:
        path = self.folder / "teacher.keras"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            distill.save_student(self.task.teacher(SEED), path)
        return path

    def run(self) -> None:
        """Runs what has no row yet."""
        cost, shares = self.task.cost, self.task.shares
        for share in shares:
            self._once("compress", f"{cost} {share:.3g}", partial(self._ours, {f"target_{cost}": share}))
        if self.task.file_bytes:
            goal = {"target_bytes": self.task.file_bytes}
            self._once("compress", f"bytes {self.task.file_bytes:g}", partial(self._ours, goal))
        for share in () if self.config.compress_only else sorted(shares):
            for way, (criterion, scope) in ON_LABELS.items():
                recipe = Recipe(share, criterion, scope)
                self._once(way, f"{cost} {share:.3g}", partial(self._cut, way, recipe))
            self._once(SCRATCH, f"{cost} {share:.3g}", partial(self._from_scratch, share))
        print(self.rows.path.read_text())

    def _once(self, way: str, target: str, run) -> None:
        named = {"data": self.config.task, "way": way, "target": target, "minutes": self.config.minutes}
        trial = f"{self.config.task}: {way}, {target}, {self.config.minutes:g} min"
        train_size = len(self.task.dataset.train)
        rows = self.rows.read()
        known = rows[rows.trial == trial]
        if len(known):
            if set(known.train_size) != {train_size}:
                raise UsageError(
                    f"{self.rows.path} has {trial!r} of {known.train_size.iloc[0]:,} training images, this run has "
                    f"{train_size:,}: give another --results"
                )
            return
        print(trial, flush=True)
        about = {"seed": SEED, "train_size": train_size} | versions()
        measured = run()
        self.rows.append([{"trial": trial} | named | measured | about | {"finished_at": now()}])

    def _folder(self, goal: dict) -> Path:
        return self.folder / "-".join(f"{name}-{value:.3g}" for name, value in goal.items())

    def _compress(self, goal: dict) -> Result:
        return compress.compress(
            self.teacher,
            self.task.dataset,
            **goal,
            minutes=self.config.minutes,
            folder=self._folder(goal),
            views=self.task.views,
            cache=self.config.cache,
        )

    def _ours(self, goal: dict) -> dict:
        result = self._compress(goal)
        (int8,) = [row for row in result.files if row.name == "litert-int8"]
        student = keras.models.load_model(self._folder(goal) / "student.keras", compile=False)
        return self._tested(student) | {
            "validation_accuracy": result.chosen.accuracy,
            "int8_bytes": int8.file_bytes,
            "int8_accuracy": int8.accuracy,
            "precision": result.chosen.precision,
            "steps": sum(one.steps for one in result.candidates),
            "minutes_spent": f"{result.minutes:.1f}",
        }

    def _cut(self, way: str, recipe: Recipe) -> dict:
        setting, work = self._prepared(way, recipe.share)
        path = work.path("cut.keras")
        if not path.exists():
            made = cut(setting.teacher, recipe, setting.goal, setting.whole, setting.scores)
            distill.save_student(made.model, path)
        return self._alone(keras.models.load_model(path, compile=False), setting, work)

    def _from_scratch(self, share: float) -> dict:
        setting, work = self._prepared(SCRATCH, share)
        keras.utils.set_random_seed(SEED)
        folder = self._folder({f"target_{self.task.cost}": share})
        chosen = keras.models.load_model(folder / "student.keras", compile=False)
        anew = keras.models.clone_model(chosen)
        for name in self.task.given:
            anew.get_layer(name).set_weights(chosen.get_layer(name).get_weights())
        return self._alone(anew, setting, work)

    def _prepared(self, way: str, share: float) -> tuple[Setting, Work]:
        problem = problem_of(self.teacher, self.task.dataset, cache=self.config.cache)
        work = Work(self.folder / "alone", {"way": way, "share": share}, self.config.minutes)
        training = replace(Training(), lambda_=0.0)
        goal = Goal(self.task.cost, share)
        return setting_of(problem, goal, 0.0, self.task.views, training, self.config.cache, work), work

    def _alone(self, student: keras.Model, setting: Setting, work: Work) -> dict:
        """Trains one network on labels for all of the time that `compress` has for training."""
        begin = [weight.numpy() for weight in student.weights]

        def planned() -> dict:
            precision = pace_of(student, setting.teach, work.seconds_left).precision
            pace = timed(precision, student, setting.teach, TIMED_STEPS)
            problem = problem_of(self.teacher, self.task.dataset, cache=self.config.cache)
            seconds = work.seconds_left - reserved(problem, setting.goal) - pace.seconds_before
            return {"precision": pace.precision, "steps": max(1, int(seconds / pace.seconds_a_step))}

        plan = work.once("plan", planned)
        for weight, value in zip(student.weights, begin, strict=True):
            weight.assign(value)
        setting.teach(
            student,
            work.path("training.npz"),
            **plan,
            seed=SEED,
            on_step=lambda step: work.write("progress", step) if step % 100 == 0 else None,
        )
        _, accuracy = setting.judge(student)
        spent = plan | {"minutes_spent": f"{work.seconds / 60:.1f}"}
        return self._tested(student) | spent | {"validation_accuracy": accuracy}

    def _tested(self, student: keras.Model) -> dict:
        test = self.task.dataset.test
        teacher = keras.models.load_model(self.teacher, compile=False)
        right = [compress.logits(model, test).argmax(-1) == test.labels for model in (teacher, student)]
        drop, low, high = paired_difference(*right)
        params, macs = student.count_params(), prune.macs(student)
        return {
            "params": params,
            "params_share": params / teacher.count_params(),
            "macs": macs,
            "macs_share": macs / prune.macs(teacher),
            "test_size": len(test),
            "teacher_accuracy": float(right[0].mean()),
            "test_accuracy": float(right[1].mean()),
            "drop": drop,
            "drop_low": low,
            "drop_high": high,
        }


if __name__ == "__main__":
    Comparison(tyro.cli(Config)).run()
