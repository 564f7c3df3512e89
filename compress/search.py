"""Successive halving: all candidates are trained a little, the better ones longer, one or two to the end.

What a rung trains and for how many steps is decided from the clock when it begins, and written down: a killed run goes
on with the same candidates and the same steps.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from kdsuite import data, distill, prune
from kdsuite.compress.accuracy import divergence
from kdsuite.compress.candidates import Recipe, cut, recipes
from kdsuite.compress.choosing import Candidate, survivors
from kdsuite.compress.costs import ModelCosts, aimed_share, widths
from kdsuite.compress.errors import CompressionError
from kdsuite.compress.export_measuring import logits as outputs
from kdsuite.compress.goals import Goal
from kdsuite.compress.pace import pace_of
from kdsuite.compress.progress import Progress
from kdsuite.compress.proofs import Proof
from kdsuite.compress.recovery import STEPS_A_STRETCH, Training, train
from kdsuite.compress.scoring import Scores
from kdsuite.compress.work import Work
from kdsuite.models.fast import Precision
from kdsuite.prune import PruneError

RUNG_SHARES = (0.25, 0.3, 1.0)
"""Share of the seconds left that each rung takes."""
RUNG_EPOCHS = (2, 8, 40)
"""The most epochs that each rung trains, however much time there is."""
SURVIVORS = 3
"""Candidates in the middle rung."""
FEWEST_STEPS = 20
OVERHEAD_SHARE = 0.35
"""Share of the first rung that may go into cutting, tracing and judging: it limits the number of candidates."""
RANKING_IMAGES, RANKING_BATCH = 320, 32
CALIBRATION_BYTES, CALIBRATION_IMAGES = 64 << 20, 512
SEED = 0


@dataclass(frozen=True)
class Setting:
    """What all candidates share.

    Attributes:
        teacher: flat, ends in logits.
        whole: its costs.
        accuracy: its accuracy on validation.
        asked: the goal, as the user put it.
        goal: what the search takes it for.
        train: training images, with the views of the user's augmentation.
        validation: what candidates are judged on.
        train_outputs, validation_logits: the teacher's; on training images None where it has no weight.
        training: how candidates are trained.
    """

    teacher: keras.Model
    whole: ModelCosts
    accuracy: float
    asked: Goal
    goal: Goal
    train: data.Split
    validation: data.Split
    train_outputs: distill.TeacherOutputs | None
    validation_logits: np.ndarray
    training: Training

    @cached_property
    def scores(self) -> Scores:
        """Of channels, on a few training images."""
        return Scores(ranking_batches(self.train, RANKING_IMAGES))

    def teach(
        self,
        student: keras.Model,
        path: Path,
        *,
        precision: Precision,
        steps: int,
        seed: int,
        on_step: Callable[[int], None],
    ) -> None:
        """Trains a student as all candidates are; see `recovery.train`."""
        train(
            student,
            self.train,
            self.train_outputs,
            self.training,
            path=path,
            precision=precision,
            steps=steps,
            seed=seed,
            on_step=on_step,
        )

    def judge(self, student: keras.Model) -> tuple[np.ndarray, float]:
        """Recalibrates a trained student's batch norm; its validation logits, and its accuracy there as a fraction."""
        distill.recalibrate(student, calibration_images(self.train))
        logits = outputs(student, self.validation)
        return logits, float(np.mean(logits.argmax(-1) == self.validation.labels))


def search(setting: Setting, work: Work, progress: Progress, reserve: float) -> list[Candidate]:
    """All candidates after each of their rungs.

    Args:
        setting: of all candidates.
        work: where it goes on.
        progress: is told what is going on.
        reserve: seconds to leave for the export and the test.

    Raises:
        CompressionError: no candidate can be cut.
    """
    found = _first_rung(setting, work, progress, reserve)
    everything = list(found)
    for rung in range(1, len(RUNG_SHARES)):
        plan = work.once(f"rung-{rung}", lambda rung=rung, found=found: _plan(rung, found, setting, work, reserve))
        if not plan["steps"]:
            continue
        by_key = {one.recipe.key: one for one in found}
        found = [
            _trained(by_key[key].recipe, by_key[key], rung, steps, setting, work, progress)
            for key, steps in plan["steps"].items()
        ]
        everything += found
    return everything


def student_path(work: Work, candidate: Candidate) -> Path:
    """File of a candidate's network after its rung; ends in logits."""
    return work.path(f"{candidate.recipe.key}/rung-{candidate.rung}.keras")


def cut_path(work: Work, recipe: Recipe) -> Path:
    """File of a candidate's network as it was cut."""
    return work.path(f"{recipe.key}/cut.keras")


def proof_of(work: Work, recipe: Recipe) -> Proof:
    """The proof that a candidate's cut touched no other channel's work."""
    return Proof(**work.read(f"{recipe.key}/cut")["proof"])


def _first_rung(setting: Setting, work: Work, progress: Progress, reserve: float) -> list[Candidate]:
    planned = recipes(setting.goal, aimed_share(setting.goal, setting.whole))
    seconds = (work.seconds_left - reserve) * RUNG_SHARES[0]
    found, plan, cuts = [], work.read("rung-0"), []
    for recipe in planned:
        if plan is not None and len(found) >= plan["candidates"]:
            break
        if plan is None and recipe is not planned[0] and work.seconds_left <= reserve:
            raise CompressionError(
                f"no way leads to {setting.asked} in {work.minutes:g} minutes: give a goal that is easier to reach, or "
                "more time"
            )
        progress.now(f"cutting {recipe}")
        begin = time.monotonic()
        try:
            _cut_once(recipe, setting, work)
        except PruneError as error:
            progress.done(f"left out: {recipe}: {error}")
            continue
        described = {name: work.read(f"{recipe.key}/cut")[name] for name in ("removed", "channels")}
        if described in cuts:
            progress.done(f"left out: {recipe} is the same network as one before it")
            continue
        cuts.append(described)
        if plan is None:
            plan = _first_plan(recipe, len(planned), seconds, time.monotonic() - begin, setting, work)
            work.write("rung-0", plan)
        found.append(_trained(recipe, None, 0, plan["steps"], setting, work, progress))
    if not found:
        raise CompressionError(f"no way leads to {setting.asked}: no channels or units of the model can go so far")
    return found


def _first_plan(recipe: Recipe, count: int, seconds: float, cutting: float, setting: Setting, work: Work) -> dict:
    """How many candidates, and how many steps each: from the time that the first one takes for a few batches."""
    student = keras.models.load_model(cut_path(work, recipe), compile=False)
    pace = pace_of(student, setting.teach, work.seconds_left)
    begin = time.monotonic()
    outputs(student, setting.validation)
    overhead = cutting + pace.seconds_before + time.monotonic() - begin
    candidates = int(min(count, max(2, OVERHEAD_SHARE * seconds / overhead)))
    most = RUNG_EPOCHS[0] * _steps_an_epoch(setting)
    steps = int((seconds / candidates - overhead) / pace.seconds_a_step)
    return {
        "candidates": candidates,
        "precision": pace.precision,
        "steps": max(FEWEST_STEPS, min(most, steps)),
        "seconds_a_step": pace.seconds_a_step,
        "seconds_beside_steps": overhead,
    }


def _plan(rung: int, found: list[Candidate], setting: Setting, work: Work, reserve: float) -> dict:
    """Steps of each candidate that goes on, by key, in equal seconds; none where the next rung trains the only one."""
    seconds = (work.seconds_left - reserve) * RUNG_SHARES[rung]
    beside = work.read("rung-0")["seconds_beside_steps"]
    last = rung == len(RUNG_SHARES) - 1
    count = SURVIVORS if not last else 1 if setting.goal.target else 2
    count = max(1, min(count, int(OVERHEAD_SHARE * seconds / beside)))
    if count == 1 and not last:
        return {"steps": {}}
    chosen = survivors(found, setting.goal, setting.accuracy, setting.whole, count)
    most = RUNG_EPOCHS[rung] * _steps_an_epoch(setting)
    steps = {one.recipe.key: int((seconds / len(chosen) - beside) * one.steps / one.seconds) for one in chosen}
    return {"steps": {key: max(FEWEST_STEPS, min(most, count)) for key, count in steps.items()}}


def _steps_an_epoch(setting: Setting) -> int:
    return len(setting.train) // min(setting.training.batch_size, len(setting.train))


def _cut_once(recipe: Recipe, setting: Setting, work: Work) -> None:
    def make() -> dict:
        # What is drawn anew behind a removed unit is drawn the same way in each run.
        keras.utils.set_random_seed(SEED)
        made = cut(setting.teacher, recipe, setting.goal, setting.whole, setting.scores)
        prune.reconstruct(setting.teacher, made.model, made.channels, calibration_images(setting.train))
        distill.save_student(made.model, cut_path(work, recipe))
        return {
            "removed": list(made.removed),
            "channels": made.channels,
            "costs": asdict(made.costs),
            "widths": widths(made.model),
            "proof": asdict(made.proof),
        }

    work.once(f"{recipe.key}/cut", make)


def _trained(
    recipe: Recipe,
    before: Candidate | None,
    rung: int,
    steps: int,
    setting: Setting,
    work: Work,
    progress: Progress,
) -> Candidate:
    """A candidate after this rung, trained or read; it goes on from where it was before, or as it was cut."""
    name = f"{recipe.key}/rung-{rung}"
    start = cut_path(work, recipe) if before is None else student_path(work, before)
    label = f"{recipe} · rung {rung + 1}" + ("" if before is None else f" · {before.accuracy:.2%} on validation so far")
    trained = work.once(name, lambda: _train(recipe, start, rung, steps, setting, work, progress, label))
    made = work.read(f"{recipe.key}/cut")
    candidate = Candidate(recipe, ModelCosts(**made["costs"]), made["widths"], tuple(made["removed"]), rung, **trained)
    progress.done(
        f"{recipe} · rung {rung + 1} · {candidate.accuracy:.2%} on validation (teacher {setting.accuracy:.2%}) · "
        f"{candidate.costs.params:,} parameters, {candidate.costs.macs / setting.whole.macs:.2f} of the MACs"
    )
    return candidate


def _train(
    recipe: Recipe, start: Path, rung: int, steps: int, setting: Setting, work: Work, progress: Progress, label: str
) -> dict:
    student = keras.models.load_model(start, compile=False)
    checkpoint = work.path(f"{recipe.key}/rung-{rung}.npz")
    precision = work.read("rung-0")["precision"]
    keras.utils.set_random_seed(SEED)
    begin, spent = time.monotonic(), []

    def on_step(step: int) -> None:
        spent.append(time.monotonic())
        if step % 10 == 0 or step == steps:
            progress.now(f"{label} · {student.count_params():,} parameters · step {step:,} of {steps:,}")
        if step % STEPS_A_STRETCH == 0:
            work.tick()

    setting.teach(student, checkpoint, precision=precision, steps=steps, seed=SEED + 1 + rung, on_step=on_step)
    # The first step traces.
    seconds = (spent[-1] - spent[0]) / max(1, len(spent) - 1) * steps if len(spent) > 1 else time.monotonic() - begin
    logits, accuracy = setting.judge(student)
    distill.save_student(student, work.path(f"{recipe.key}/rung-{rung}.keras"))
    checkpoint.unlink(missing_ok=True)
    return {
        "precision": precision,
        "steps": steps,
        "seconds": seconds,
        "accuracy": accuracy,
        "divergence": divergence(setting.validation_logits, logits),
    }


def ranking_batches(split: data.Split, count: int):
    """Batches of (images, labels) by which channels and units are ranked, about `count` images."""
    size = min(RANKING_BATCH, len(split))
    return split.batches(size, seed=SEED, epoch=0).take(max(1, count // size))


def calibration_images(split: data.Split) -> np.ndarray:
    """Some training images, float32, as batch norm and int8 are calibrated on them."""
    size = int(np.prod(split.images.shape[1:]))
    count = min(len(split), CALIBRATION_IMAGES, max(32, CALIBRATION_BYTES // size))
    images, _ = next(iter(split.batches(count, seed=SEED, epoch=0)))
    return images.numpy().astype(np.float32)
