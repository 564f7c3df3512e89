"""What study 5's experiments share: data under views, networks by name, and teachers."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import keras
import numpy as np
from scipy.stats import entropy

from experiments.engine.errors import UsageError
from experiments.engine.networks import Networks
from experiments.engine.study import Study, Targets
from experiments.engine.trial import Trial
from experiments.offline.architectures import parse
from experiments.offline.config import ResponsesConfig
from experiments.offline.recipes import RECIPES
from kdsuite import distill, models
from kdsuite.data import Dataset, ShiftFlip, Split

IMAGE_SIZE, CHANNELS = 32, 3
TEACHER_SEED = VIEWS_SEED = 0
WHITENED_ON = 5000


@dataclass(frozen=True, kw_only=True)
class OfflineTrial(Trial):
    """A network of study 5.

    Attributes:
        label_smoothing, shift, flip: as in a Recipe.
        views: how many views of each image are drawn once, or None for a fresh one in each epoch.
    """

    label_smoothing: float = 0.0
    shift: int | None = None
    flip: str | None = None
    views: int | None = None


@dataclass(frozen=True, kw_only=True)
class TeacherTrial(OfflineTrial):
    """A teacher trained on labels.

    Attributes:
        upscaled_to: size to which it resizes its images, or None.
        weights: what it starts from ("imagenet", or a file's name and digest), or None for new weights.
    """

    upscaled_to: int | None
    weights: str | None


@dataclass(frozen=True, kw_only=True)
class TogetherTrial(TeacherTrial):
    """Several trained teachers as one, whose probabilities are their mean; nothing is trained.

    Attributes:
        members: the teachers.
    """

    members: tuple[TeacherTrial, ...]

    @property
    def series(self) -> str:
        return "teachers together"

    @property
    def needs(self) -> tuple[Trial, ...]:
        return self.members


class OfflineStudy(Study):
    """Teachers and students on the same images, or students on a part of them: the transfer set."""

    config: ResponsesConfig

    @cached_property
    def dataset(self) -> Dataset:
        """The transfer set as training split."""
        return self.config.load(image_size=IMAGE_SIZE, channels=CHANNELS)

    @cached_property
    def teacher_data(self) -> Dataset:
        size = self.config.teacher_size
        if size in (None, self.config.train_size):
            return self.dataset
        return self.config.load(train_size=size, image_size=IMAGE_SIZE, channels=CHANNELS)

    @cached_property
    def initialisation(self) -> str | None:
        """What pretrained teachers start from, a file by its name and what it holds: "w.h5@1f2e3d4c5b6a".

        Raises:
            UsageError: there is no such file.
        """
        weights = self.config.weights
        if weights is None or weights == "imagenet":
            return weights
        if not Path(weights).is_file():
            raise UsageError(f"weights {weights!r}: no such file; expected imagenet, or a weights file without top")
        with Path(weights).open("rb") as file:
            return f"{Path(weights).name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"

    def setting(self) -> dict[str, Any]:
        return self.config.setting() | {"weights": self.initialisation}

    def data(self, trial: OfflineTrial) -> Dataset:
        dataset = super().data(trial)
        return replace(dataset, train=self.shown(dataset.train, trial.shift, trial.flip, trial.views))

    def shown(self, split: Split, shift: int | None, flip: str | None, views: int | None) -> Split:
        """A split under a recipe's shifts and flips: `views` of them an image, drawn once, or all."""
        if shift is None:
            return split
        key = (split.fingerprint, shift, flip, views)
        if key not in self._shown:
            # Half of an image's views are mirrored where flips alternate, which takes an even number of them.
            alternate = flip == "alternating" and (views is None or views % 2 == 0)
            self._shown[key] = split.with_views(
                ShiftFlip(shift), drawn=views, seed=VIEWS_SEED, alternate_flip=alternate
            )
        return self._shown[key]

    @cached_property
    def _shown(self) -> dict[tuple, Split]:
        return {}

    def transfer_set(self, views: int) -> Split:
        """The training split under `views` views an image, as students of responses see it."""
        recipe = RECIPES[self.config.recipe]
        return self.shown(self.dataset.train, recipe.shift, recipe.flip, views)

    def teacher(self, network: str) -> TeacherTrial:
        """A teacher, the same in both experiments."""
        pretrained = parse(network).pretrained
        return TeacherTrial(
            method="teacher",
            network=network,
            seed=TEACHER_SEED,
            epochs=self.config.transfer_epochs if pretrained else self.config.teacher_epochs,
            upscaled_to=self.config.upscaled_to if pretrained else None,
            weights=self.initialisation if pretrained else None,
            **vars(self.config.recipe_of_teacher(network)),
        )

    def together(self, members: tuple[TeacherTrial, ...]) -> TogetherTrial:
        """Several teachers as one."""
        return TogetherTrial(
            method="teacher",
            network=" + ".join(member.network for member in members),
            seed=TEACHER_SEED,
            epochs=0,
            batch_size=members[0].batch_size,
            learning_rate=members[0].learning_rate,
            upscaled_to=None,
            weights=None,
            members=members,
        )

    def build(self, trial: OfflineTrial, networks: Networks) -> keras.Model:
        if isinstance(trial, TogetherTrial):
            return mean_of([networks.get(member) for member in trial.members])
        return build(trial, self.data(trial).train, len(self.dataset.class_names), self.config.weights)

    def targets(self, trial: OfflineTrial, networks: Networks) -> Targets:
        """Smoothed labels, for networks on labels alone whose recipe has them; else its teacher's outputs."""
        if not trial.label_smoothing:
            return super().targets(trial, networks)
        return Targets(train=smoothed(self.data(trial).train, len(self.dataset.class_names), trial.label_smoothing))

    def distiller(self, trial: OfflineTrial, model: keras.Model, *, has_targets: bool) -> keras.Model:
        if trial.method != "kd" and has_targets:
            # Cross entropy with smoothed labels is, up to a constant, their KL divergence at λ = 1 and T = 1.
            return distill.Distiller(student=model, lambda_=1.0, temperature=1.0)
        return super().distiller(trial, model, has_targets=has_targets)

    def responses_name(self, network: str) -> str:
        """File name of a teacher's responses on the transfer set under the configuration's views."""
        return f"{network}-{self.dataset.name}-{self.transfer_set(self.config.views).fingerprint[:8]}.npz"


def build(trial: OfflineTrial, split: Split, classes: int, weights: str | None = None) -> keras.Model:
    """A new network of a trial.

    Args:
        trial: names it.
        split: its training images; the fast network's first filters whiten them.
        classes: number of logits.
        weights: "imagenet", or the file that the trial names by its digest; of teachers that start from either.
    """
    architecture = parse(trial.network)
    shape = split.images.shape[1:]
    numbers = tuple(int(number) for number in architecture.numbers)
    common = {"classes": classes, "name": trial.network}
    if architecture.family == "airbench":
        model = models.airbench(numbers, input_shape=shape, **common)
        models.set_whitening(model, np.asarray(split.images[np.arange(min(len(split), WHITENED_ON))]))
        return model
    if architecture.family == "cnn":
        return models.small_cnn(*numbers, input_shape=shape, **common)
    if architecture.family == "resnet":
        return models.resnet(*numbers, input_shape=shape, **common)
    if architecture.family == "vgg_small":
        return models.vgg(models.S1, input_shape=shape, **common)
    assert isinstance(trial, TeacherTrial) and trial.upscaled_to is not None, "networks of ImageNet are teachers"
    if architecture.family == "mobilenet":
        return models.mobilenet(
            alpha=architecture.numbers[0],
            image_size=shape[0],
            upscaled_to=trial.upscaled_to,
            imagenet=trial.weights == "imagenet",
            **common,
        )
    return models.imagenet_teacher(
        cast(Literal["resnet50", "inception_v3"], trial.network),
        classes=classes,
        image_size=shape[0],
        upscaled_to=trial.upscaled_to,
        weights=weights if trial.weights is not None else None,
    )


def mean_of(models_: list[keras.Model]) -> keras.Model:
    """One model whose softmax is the mean of those of several models."""
    inputs = keras.Input(models_[0].input_shape[1:], name="image")
    probabilities = keras.layers.Average(name="mean")([keras.ops.softmax(model(inputs)) for model in models_])
    return keras.Model(inputs, keras.ops.log(probabilities + keras.config.epsilon()), name="together")


def smoothed(split: Split, classes: int, epsilon: float) -> distill.TeacherOutputs:
    """Targets at T = 1 of 1 − ε on the label plus ε spread over all classes, for every view of every image."""
    probabilities = np.full(classes, epsilon / classes)
    probabilities[0] += 1 - epsilon
    return smoothed_to(split, classes, float(entropy(probabilities)), 1.0)


def smoothed_to(split: Split, classes: int, nats: float, temperature: float) -> distill.TeacherOutputs:
    """Smoothed labels of a given entropy in nats, as a teacher's soft targets at T, for every view of every image."""
    arrays = distill.smoothed_labels(split.labels, classes, nats, temperature)
    if split.views:
        shape = (len(split), split.views.count)
        arrays = {name: np.broadcast_to(array[:, None], (*shape, *array.shape[1:])) for name, array in arrays.items()}
    return distill.TeacherOutputs(arrays, split.fingerprint)


def responses_folder(setting: Path) -> Path:
    """The responses in a setting's folder."""
    return setting / "responses"
