"""Study 4 (teaching assistants), CIFAR-10: do students of features learn better from the teacher or from assistants?

    make assistants-cifar10        (python -m experiments assistants-cifar10 --profile quick|full|paper)

Claims: students that learn chunks of the teacher's 512 features and are put side by side reach 83 to 87%, the teacher
82.9%; learning directly from the teacher beats learning through assistants. Three regimes (hierarchical, direct,
through S1) × 1, 2, 4, 8 students; each ensemble gets the teacher's output layer and is fine-tuned on labels. The
study's future work is done on the same ladder of sizes: the smallest network taught by no one, by the teacher, through
assistants (Mirzadeh et al. 2019), densely guided (Son et al. 2021), and residual distillation (Gao et al. 2020).

`quick` takes about 13 minutes on 2 cores and shows 4 students, direct and hierarchical, on 1,500 images. `full` has
5,000 images, a teacher a seed, 7 epochs of teachers, 21 of students and 4 of fine-tuning: 3 to 5 hours for 3 seeds, one
after the other, and 1 more with the future work, which is left out as 3 seeds decide nothing there. `paper` has all
images and the paper's epochs: about 60 hours a seed.
"""

from functools import cached_property

import keras
import numpy as np

from experiments.assistants import ladder
from experiments.assistants.config import AssistantsConfig
from experiments.assistants.networks import TEACHER, ensemble, mean_squared_error, with_features, with_logits
from experiments.assistants.trials import EnsembleTrial, FeatureTrial, LadderTrial, LogitTrial
from experiments.engine.networks import Networks
from experiments.engine.study import Details, Study, Targets
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from kdsuite import distill
from kdsuite.data import Dataset, Split

IMAGE_SIZE, CHANNELS = 32, 3
FIRST_SEED = 0
FINE_TUNING_RATE = 0.1


class Assistants(Study):
    """Ensembles of students of features in three regimes, and the study's future work."""

    COLUMNS = (
        *("regimes", "size", "ensemble_seed", "members", "member", "first_feature", "features", "drop_rate"),
        *("training_loss", "feature_error", "teacher_feature_error"),
    )

    config: AssistantsConfig

    @cached_property
    def dataset(self) -> Dataset:
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    def trials(self) -> list[Trial]:
        """Seed by seed teacher, students, ensembles and future work, teachers before those who learn from them."""
        return list(dict.fromkeys(trial for seed in self.config.seeds for trial in self.of_seed(seed)))

    def of_seed(self, seed: int) -> list[Trial]:
        """All trials of one seed."""
        config, shared_seed = self.config, FIRST_SEED if self.config.one_teacher else seed
        vgg, settings = self.vgg(shared_seed), self._settings(config.epochs)
        fine_tuning = self._settings(config.fine_tune_epochs, FINE_TUNING_RATE)
        grid: list[Trial] = [vgg]
        regimes = ladder.by_regime(vgg, settings, seed, shared_seed)
        for members in (regimes[regime][count] for regime in config.regimes for count in config.counts):
            grid += [*_with_teachers(members), ladder.ensemble(members, fine_tuning)]
        if config.future_work:
            grid += ladder.logit_networks(
                vgg,
                settings,
                seed,
                lambda_=config.lambda_,
                temperature=config.temperature,
                drop_rate=config.drop_rate,
            )
            pair = ladder.residual_pair(vgg, settings, seed)
            grid += [*pair, ladder.ensemble(pair, fine_tuning, summed=True)]
        return grid

    def vgg(self, seed: int) -> LadderTrial:
        """VGG-16, on labels alone."""
        settings = self._settings(self.config.teacher_epochs)
        return LadderTrial(method="teacher", network=TEACHER, size=TEACHER, seed=seed, **settings(TEACHER))

    def build(self, trial: LadderTrial, networks: Networks) -> keras.Model:
        shape = self.dataset.train.images.shape[1:]
        if isinstance(trial, FeatureTrial):
            return with_features(trial.size, trial.units, shape, trial.network)
        if isinstance(trial, EnsembleTrial):
            members = [networks.get(member) for member in trial.members]
            return ensemble(members, networks.get(trial.teacher), summed=trial.summed, name=trial.network)
        return with_logits(trial.size, len(self.dataset.class_names), shape, trial.network)

    def targets(self, trial: LadderTrial, networks: Networks) -> Targets:
        if isinstance(trial, FeatureTrial):
            splits = {"train": self.dataset.train, "validation": self.dataset.validation, "test": self.dataset.test}
            return Targets(**{name: self._chunk(trial, split, networks) for name, split in splits.items()})
        if isinstance(trial, LogitTrial) and trial.drop_rate is not None:
            assert trial.temperature is not None
            given = [networks.outputs(teacher, self.dataset.train) for teacher in trial.line]
            return Targets(train=distill.stack_teachers(given, trial.temperature))
        return super().targets(trial, networks)

    def distiller(self, trial: LadderTrial, model: keras.Model, *, has_targets: bool) -> keras.Model:
        if isinstance(trial, FeatureTrial):
            return distill.FeatureDistiller(model)
        return super().distiller(trial, model, has_targets=has_targets)

    def prepare(self, trial: LadderTrial, batches, epoch: int):
        if isinstance(trial, LogitTrial) and trial.drop_rate is not None:
            assert trial.temperature is not None
            return distill.drop_teachers(batches, trial.temperature, trial.drop_rate, seed=(trial.seed, epoch))
        return batches

    def details(self, trial: LadderTrial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Errors on the test images' features: of what the student was to learn, and of VGG-16's own."""
        if not isinstance(trial, FeatureTrial):
            return Details()
        test = self.dataset.test
        given = outputs(distiller.student, test)
        goal = self._chunk(trial, test, networks).arrays["features"]
        of_vgg = _features(trial.vgg, test, networks)[:, trial.offset : trial.offset + given.shape[1]]
        return Details(
            {
                "training_loss": history[-1]["loss"] if history else None,
                "feature_error": mean_squared_error(given, goal),
                "teacher_feature_error": None if trial.residual_of else mean_squared_error(given, of_vgg),
            }
        )

    def _settings(self, epochs: int, rate: float = 1.0) -> ladder.Settings:
        config = self.config
        return lambda size: {
            "epochs": epochs,
            "batch_size": config.batch_size,
            "learning_rate": rate * config.learning_rate,
            "precision": "bfloat16" if size in config.bfloat16 else "float32",
        }

    def _chunk(self, trial: FeatureTrial, split: Split, networks: Networks) -> distill.TeacherOutputs:
        """What a student of features is to give on a split."""
        chunk = _features(trial.teacher, split, networks)[..., trial.start : trial.stop]
        if trial.residual_of is not None:
            chunk = chunk - _features(trial.residual_of, split, networks)
        return distill.TeacherOutputs({"features": chunk}, split.fingerprint)


def _features(trial: LadderTrial, split: Split, networks: Networks) -> np.ndarray:
    """What a network gives as features of a split, float32 (n, d)."""
    if isinstance(trial, FeatureTrial):
        return networks.outputs(trial, split).arrays["logits"]
    return networks.outputs(trial, split, layers=("pool",)).arrays["pool"]


def _with_teachers(members: tuple[FeatureTrial, ...]) -> list[Trial]:
    """Students after the students that they learn from."""
    teachers = dict.fromkeys(member.teacher for member in members)
    above = [trial for trial in teachers if isinstance(trial, FeatureTrial)]
    return [*(_with_teachers(tuple(above)) if above else []), *members]
