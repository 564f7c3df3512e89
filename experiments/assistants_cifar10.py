"""Study 4: dense features, teacher-class networks and teaching assistants, on CIFAR-10.

    make assistants-cifar10        (python -m experiments assistants-cifar10 --profile quick)

Claims: students that learn chunks of the teacher's 512 features and are put side by side reach 83 to 87%, the teacher
82.9%; learning directly from the teacher beats learning through assistants. Three regimes (hierarchical, direct,
through S1) × 1, 2, 4, 8 students; each ensemble gets the teacher's output layer and is fine-tuned on labels. Teacher 10
epochs, students 60, fine-tuning 10. The study's future work is done on the same ladder: the smallest network taught
by nobody, by the teacher, through assistants (Mirzadeh et al. 2019), densely guided (Son et al. 2021), and residual
distillation (Gao et al. 2020). One teacher and one S1, all else varies by seed. `quick` takes 2,000 training images,
8 epochs of students and 2 of fine-tuning.

Measured with `--profile quick`, 3 seeds: no ensemble reaches its teacher (48.72%), the best, 8 taught directly, has
46.05 ± 1.24%. Direct beats hierarchical by 1.16 points [0.21, 2.11] with 2 students, 4.49 [2.52, 6.47] with 4 and 6.80
[6.37, 7.23] with 8; against all through S1 it is undecided with 4 and with 8. Future work: the smallest network has
45.49 ± 3.52% alone, 45.85% from the teacher, 46.44% through assistants and 46.51% densely guided, all undecided; so is
what the residual assistant takes from its student's feature error.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from experiments import ladder
from experiments.config import CosineConfig, SoftTargetConfig, check_at_least
from experiments.errors import UsageError
from experiments.ladder import EnsembleTrial, FeatureTrial, LadderTrial, LogitTrial
from experiments.runner import Runner
from experiments.training import EVALUATION_BATCH, Taught
from experiments.trial import Trial
from kdsuite import distill, models
from kdsuite.data import Split

STUDY = "assistants-cifar10"
FIRST_SEED = 0
COLUMNS = (
    *("regime", "members", "first_feature", "features", "drop_rate"),
    *("training_loss", "feature_error", "teacher_feature_error"),
)
PROFILES = {
    "smoke": {
        "seeds": (0,),
        "train_size": 60,
        "validation_size": 40,
        "test_size": 40,
        "teacher_epochs": 1,
        "epochs": 1,
        "fine_tune_epochs": 1,
        "counts": (1, 2),
        "regimes": ("hierarchical",),
        "future_work": False,
        "results": Path(".cache/smoke"),
    },
    "quick": {
        "train_size": 2000,
        "validation_size": 500,
        "test_size": 2500,
        "epochs": 8,
        "fine_tune_epochs": 2,
        "results": Path("results/quick"),
    },
    "paper": {},
}


@dataclass(frozen=True)
class Config(SoftTargetConfig, CosineConfig):
    data: str = "cifar10"
    """A TFDS name, or a folder of images with one sub-folder a class."""
    counts: tuple[int, ...] = (1, 2, 4, 8)
    """Numbers of students."""
    regimes: tuple[str, ...] = ("hierarchical", "direct", "through S1")
    """Whom students learn from."""
    future_work: bool = True
    """Also the networks that learn logits through assistants or densely guided, and residual distillation."""
    teacher_epochs: int = 10
    """Epochs of the teacher."""
    epochs: int = 60
    """Epochs of each student."""
    fine_tune_epochs: int = 10
    """Epochs of each ensemble on labels."""
    learning_rate: float = 1e-3
    """Of Adam, falling to 0 along a cosine; a tenth of it for fine-tuning."""
    drop_rate: float = 0.25
    """Chance of each guide to be dropped in a batch."""

    def check(self) -> None:
        super().check()
        check_at_least(
            1,
            epochs=self.epochs,
            teacher_epochs=self.teacher_epochs,
            fine_tune_epochs=self.fine_tune_epochs,
        )
        if not set(self.counts) <= set(ladder.SIZES):
            raise UsageError(f"counts {self.counts}: expected some of 1, 2, 4, 8")
        if not set(self.regimes) <= {"hierarchical", "direct", "through S1"}:
            raise UsageError(f"regimes {self.regimes}: expected some of hierarchical, direct, through S1")
        if not 0 <= self.drop_rate < 1:
            raise UsageError(f"drop rate {self.drop_rate}: expected a number from 0 to below 1")


def teacher_trial(config: Config) -> LadderTrial:
    """VGG-16 on labels alone."""
    return LadderTrial(
        study=STUDY,
        method="teacher",
        network="vgg16",
        rung="vgg16",
        seed=FIRST_SEED,
        epochs=config.teacher_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
    )


def trials(config: Config) -> list[Trial]:
    """The teacher, then seed by seed students, ensembles and future work, guides before those that they guide."""
    teacher = teacher_trial(config)
    settings = {
        "study": STUDY,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
    }
    (s1,) = ladder.feature_students("direct", 1, [teacher], settings, FIRST_SEED)
    grid: list[Trial] = [teacher]
    for seed in config.seeds:
        for regime, by_count in ladder.regimes(teacher, settings, seed, s1).items():
            if regime not in config.regimes:
                continue
            for count in config.counts:
                members = by_count[count]
                grid += [*members, ensemble_trial(config, members[0].regime, members, seed)]
        if config.future_work:
            grid += ladder.logit_ladder(
                teacher,
                settings,
                seed,
                lambda_=config.lambda_,
                temperature=config.temperature,
                drop_rate=config.drop_rate,
            )
            pair = ladder.residual(teacher, settings, seed)
            grid += [*pair, ensemble_trial(config, "residual", list(pair), seed, summed=True)]
    return list(dict.fromkeys(grid))


def ensemble_trial(
    config: Config, regime: str, members: list[FeatureTrial], seed: int, *, summed: bool = False
) -> EnsembleTrial:
    """The members under the teacher's output layer, fine-tuned."""
    return EnsembleTrial(
        study=STUDY,
        method="ensemble",
        network=f"ensemble_of_{len(members)}",
        rung=members[0].rung,
        regime=regime,
        seed=seed if len(members) > 1 else FIRST_SEED,
        epochs=config.fine_tune_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate / 10,
        members=tuple(members),
        summed=summed,
    )


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figures."""
    config.check()
    dataset = config.load(image_size=32, channels=3)
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    shape, classes = dataset.train.images.shape[1:], len(dataset.class_names)
    teacher = teacher_trial(config)

    def build(trial: Trial, parent) -> keras.Model:
        if isinstance(trial, FeatureTrial):
            return ladder.build_features(trial, shape)
        if isinstance(trial, EnsembleTrial):
            members = [runner.network(member) for member in trial.members]
            keras.utils.set_random_seed(trial.seed)
            return ladder.ensemble(members, runner.network(teacher), summed=trial.summed, name=trial.network)
        blocks = ladder.NETWORKS[trial.rung]
        head = ladder.HEADS.get(trial.rung)
        return models.vgg(blocks, classes=classes, features=head, input_shape=shape, name=trial.network)

    def features(trial: Trial, split: Split) -> np.ndarray:
        """What a network gives as features of a split, float32 (n, d)."""
        model = ladder.feature_model(runner.network(trial))
        return distill.teacher_outputs(model, split, cache=config.cache, batch_size=EVALUATION_BATCH).arrays["logits"]

    def target(trial: FeatureTrial, split: Split) -> distill.TeacherOutputs:
        chunk = features(trial.guide, split)[:, trial.start : trial.stop]
        if trial.residual_of is not None:
            chunk = chunk - features(trial.residual_of, split)
        return distill.TeacherOutputs({"features": chunk}, split.fingerprint)

    def taught_of(trial: Trial) -> Taught:
        if isinstance(trial, FeatureTrial):
            return Taught(**{name: target(trial, split) for name, split in splits.items()})
        if isinstance(trial, LogitTrial) and trial.drop_rate is not None:
            outputs = [
                distill.teacher_outputs(runner.network(guide), dataset.train, cache=config.cache)
                for guide in trial.guides
            ]
            return Taught(train=distill.guides(outputs, trial.temperature))
        return Taught(train=runner.teacher_outputs(trial) if trial.teachers else None)

    def details(trial: Trial, parent, distiller, history) -> dict:
        if not isinstance(trial, FeatureTrial):
            return {}
        own = distill.teacher_outputs(distiller.student, dataset.test, cache=config.cache).arrays["logits"]
        goal = target(trial, dataset.test).arrays["features"]
        whole = features(teacher, dataset.test)[:, trial.place : trial.place + own.shape[1]]
        return {
            "training_loss": history[-1]["loss"] if history else None,
            "feature_error": ladder.error(own, goal),
            "teacher_feature_error": None if trial.residual_of else ladder.error(own, whole),
        }

    runner = Runner(STUDY, config, dataset, build, taught_of=taught_of, details=details, extra_columns=COLUMNS)
    runner.run_and_publish(trials(config))
