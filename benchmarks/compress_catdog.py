"""`compress` against what one would do instead, on Dogs vs. Cats: a row a network, in the same minutes each.

    python -m benchmarks.compress_catdog --results results/reference        (five hours on 2 cores; resumes)

The teacher is study 1's, MobileNet 0.75 with a new head on ImageNet features. Each way gets the same budget, images,
flips, batch size and optimiser, and the test images once: `compress`; the network that it chose, from random weights;
the same share of each layer by L1 norm, and Torch-Pruning's global rankings by group L2 norm (Fang et al. 2023) and by
Taylor expansion, all three trained on labels. One more run of `compress` has the bytes of a file as its goal.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import keras
import tyro

from experiments.cs230.heads import train_head
from experiments.engine.rows import Table
from experiments.engine.settings import now, versions
from kdsuite import compress, data, distill, models, prune
from kdsuite.compress.candidates import Recipe, cut
from kdsuite.compress.goals import Goal
from kdsuite.compress.inputs import problem_of
from kdsuite.compress.pipeline import reserved, setting_of
from kdsuite.compress.recovery import Training
from kdsuite.compress.result import Result, paired_difference
from kdsuite.compress.search import SEED, Setting, seconds_a_step
from kdsuite.compress.work import Work

COLUMNS = (
    *("trial", "way", "target", "minutes", "seed", "params", "macs", "macs_share", "validation_accuracy", "test_size"),
    *("teacher_accuracy", "test_accuracy", "drop", "drop_low", "drop_high", "int8_bytes", "int8_accuracy", "steps"),
    *("minutes_spent", "keras", "tensorflow", "commit", "finished_at"),
)
ON_LABELS = {
    "uniform width by L1, labels": ("l1", "layer"),
    "Torch-Pruning, group L2, labels": ("l2", "global"),
    "Torch-Pruning, Taylor, labels": ("taylor", "global"),
}
SCRATCH = "from scratch, labels"


@dataclass(frozen=True)
class Config:
    """What to compare."""

    minutes: float = 30.0
    """Budget of each way."""
    targets: tuple[float, ...] = (0.5, 0.25)
    """Shares of the MACs."""
    file_bytes: float = 600_000
    """Goal of the run by bytes; 0 leaves it out."""
    results: Path = Path("results")
    """Folder of compress-catdog.csv; rows that are there are not run again."""
    cache: Path = Path(".cache")
    """Folder of images, teacher and candidates."""
    train_size: int | None = None
    """Training images; by default all that validation and test leave."""
    test_size: int = 2500
    """Test images."""
    head_epochs: int = 20
    """Epochs of the teacher's head."""


class Comparison:
    """The ways on one teacher and data set."""

    def __init__(self, config: Config):
        self.config = config
        self.rows = Table(config.results / "compress-catdog.csv", COLUMNS, ("trial",))
        self.folder = (
            config.cache / f"compress-catdog-{config.minutes:g}-{config.train_size or 'all'}-{config.test_size}"
        )
        sizes = {"train_size": config.train_size, "validation_size": 500, "test_size": config.test_size}
        self.dataset = data.load("cats_vs_dogs", image_size=224, channels=3, cache=config.cache, **sizes)

    @cached_property
    def teacher(self) -> Path:
        path = self.folder / "teacher.keras"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.set_random_seed(SEED)
            model = models.mobilenet(classes=2, alpha=0.75, image_size=224)
            train_head(model, self.dataset, epochs=self.config.head_epochs, learning_rate=1e-3, cache=self.config.cache)
            distill.save_student(model, path)
        return path

    def run(self) -> None:
        """Runs what has no row yet."""
        for target in self.config.targets:
            name = f"macs {target:g}"
            self._once("compress", name, partial(self._ours, {"target_macs": target}))
            for way, (criterion, scope) in ON_LABELS.items():
                recipe = Recipe(target, criterion, scope)
                self._once(way, name, partial(self._cut, way, recipe))
            self._once(SCRATCH, name, partial(self._from_scratch, target))
        if self.config.file_bytes:
            goal = {"target_bytes": self.config.file_bytes}
            self._once("compress", f"bytes {self.config.file_bytes:g}", partial(self._ours, goal))
        print(self.rows.path.read_text())

    def _once(self, way: str, target: str, run) -> None:
        named = {"way": way, "target": target, "minutes": self.config.minutes}
        trial = f"{way}, {target}, {self.config.minutes:g} min"
        if trial in self.rows.trials():
            return
        print(trial, flush=True)
        about = {"seed": SEED} | versions()
        measured = run()
        self.rows.append([{"trial": trial} | named | measured | about | {"finished_at": now()}])

    def _folder(self, goal: dict) -> Path:
        return self.folder / "-".join(f"{name}-{value:g}" for name, value in goal.items())

    def _compress(self, goal: dict) -> Result:
        return compress.compress(
            self.teacher,
            self.dataset,
            **goal,
            minutes=self.config.minutes,
            folder=self._folder(goal),
            views=data.Flip(),
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

    def _from_scratch(self, target: float) -> dict:
        setting, work = self._prepared(SCRATCH, target)
        keras.utils.set_random_seed(SEED)
        chosen = keras.models.load_model(self._folder({"target_macs": target}) / "student.keras", compile=False)
        return self._alone(keras.models.clone_model(chosen), setting, work)

    def _prepared(self, way: str, share: float) -> tuple[Setting, Work]:
        problem = problem_of(self.teacher, self.dataset, cache=self.config.cache)
        work = Work(self.folder / "alone", {"way": way, "share": share}, self.config.minutes)
        training = replace(Training(), lambda_=0.0)
        goal = Goal("macs", share)
        return setting_of(problem, goal, 0.0, data.Flip(), training, self.config.cache, work), work

    def _alone(self, student: keras.Model, setting: Setting, work: Work) -> dict:
        """Trains one network on labels for all of the time that `compress` has for training."""
        begin = [weight.numpy() for weight in student.weights]

        def planned() -> dict:
            a_step, first = seconds_a_step(student, setting, work)
            problem = problem_of(self.teacher, self.dataset, cache=self.config.cache)
            return {"steps": int((work.seconds_left - reserved(problem, setting.goal) - first) / a_step)}

        steps = max(1, work.once("plan", planned)["steps"])
        for weight, value in zip(student.weights, begin, strict=True):
            weight.assign(value)
        setting.teach(
            student,
            work.path("training.npz"),
            steps=steps,
            seed=SEED,
            on_step=lambda step: work.write("progress", step) if step % 100 == 0 else None,
        )
        _, accuracy = setting.judge(student)
        spent = {"steps": steps, "minutes_spent": f"{work.seconds / 60:.1f}"}
        return self._tested(student) | spent | {"validation_accuracy": accuracy}

    def _tested(self, student: keras.Model) -> dict:
        test = self.dataset.test
        teacher = keras.models.load_model(self.teacher, compile=False)
        right = [compress.logits(model, test).argmax(-1) == test.labels for model in (teacher, student)]
        drop, low, high = paired_difference(*right)
        return {
            "params": student.count_params(),
            "macs": prune.macs(student),
            "macs_share": prune.macs(student) / prune.macs(teacher),
            "test_size": len(test),
            "teacher_accuracy": float(right[0].mean()),
            "test_accuracy": float(right[1].mean()),
            "drop": drop,
            "drop_low": low,
            "drop_high": high,
        }


if __name__ == "__main__":
    Comparison(tyro.cli(Config)).run()
