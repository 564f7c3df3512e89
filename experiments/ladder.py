"""Study 4's ladder of networks: students of dense features, ensembles of them, and whom each learns from."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from experiments.trial import CosineTrial, Trial
from kdsuite import distill, models

FEATURES = 512
NETWORKS = {
    "vgg16": models.VGG_16,
    "s1": models.S1,
    "of_2": models.OF_2,
    "of_4": models.OF_4,
    "of_8": models.OF_8,
}
HEADS = {"s1": 512, "of_2": 256, "of_4": 128, "of_8": None}
SIZES = {1: "s1", 2: "of_2", 4: "of_4", 8: "of_8"}


@dataclass(frozen=True, kw_only=True)
class LadderTrial(CosineTrial):
    """A network of study 4; all are trained with Adam along a cosine.

    Attributes:
        rung: key of `NETWORKS`.
        regime: "hierarchical", "direct", "through S1", or the method's name.
    """

    rung: str
    regime: str = ""
    kept = True

    def columns(self) -> dict:
        return super().columns() | {"regime": self.regime or None}


@dataclass(frozen=True, kw_only=True)
class FeatureTrial(LadderTrial):
    """A student that learns a chunk of its guide's features.

    Attributes:
        guide: the teacher, S1, or another student.
        start, stop: of the guide's features.
        place: of the first of them in the teacher's vector.
        residual_of: a student whose remaining error is learned instead, or None (Gao et al. 2020).
        width: units of the layer that gives the features; None leaves it out.
    """

    guide: Trial
    start: int
    stop: int
    place: int
    width: int | None
    residual_of: "FeatureTrial | None" = None
    metrics = ()

    def distiller(self, model: keras.Model, *, taught: bool) -> keras.Model:
        return distill.FeatureDistiller(model)

    def columns(self) -> dict:
        return super().columns() | {
            "teacher": self.guide.network,
            "first_feature": self.place,
            "features": self.stop - self.start,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.regime} features {self.place}–{self.place + self.stop - self.start}"


@dataclass(frozen=True, kw_only=True)
class EnsembleTrial(LadderTrial):
    """Students side by side under an output layer, fine-tuned on labels.

    Attributes:
        members: whose features are concatenated; or added up, where `summed`.
        summed: whether features are added up (residual distillation).
    """

    members: tuple[FeatureTrial, ...]
    summed: bool = False

    def columns(self) -> dict:
        return super().columns() | {"members": len(self.members)}

    def __str__(self) -> str:
        return f"{super().__str__()} {self.regime} of {len(self.members)}"


def feature_students(regime: str, count: int, guides: list[Trial], settings: dict, seed: int) -> list[FeatureTrial]:
    """`count` students that share the teacher's vector among them, each a chunk of its guide's features.

    Args:
        regime: name of the regime.
        count: 1, 2, 4 or 8.
        guides: their guides, in the order of the vector; each gives an equal part of it.
        settings: fields of all trials.
        seed: of the first; the others follow.
    """
    size, rung = FEATURES // count, SIZES[count]
    part = FEATURES // len(guides)
    students = []
    for number in range(count):
        place = number * size
        guide = guides[place // part]
        start = place % part
        students.append(
            FeatureTrial(
                method="features",
                network=f"{rung}_{regime.replace(' ', '_')}_{number + 1}",
                rung=rung,
                regime=regime,
                seed=seed + 100 * number,
                guide=guide,
                start=start,
                stop=start + size,
                place=place,
                width=HEADS[rung],
                **settings,
            )
        )
    return students


def regimes(teacher: Trial, settings: dict, seed: int, s1: FeatureTrial) -> dict[str, dict[int, list[FeatureTrial]]]:
    """The study's three regimes: regime → number of students → the students.

    S1 is the same in all; below it two hierarchical students already learn through S1.
    """
    found: dict[str, dict[int, list[FeatureTrial]]] = {
        regime: {1: [s1]} for regime in ("hierarchical", "direct", "through S1")
    }
    for count in (2, 4, 8):
        guides = {"hierarchical": found["hierarchical"][count // 2], "direct": [teacher], "through S1": [s1]}
        for regime, own in guides.items():
            known = count == 2 and regime == "through S1"
            found[regime][count] = (
                found["hierarchical"][2] if known else feature_students(regime, count, own, settings, seed)
            )
    return found


def build_features(trial: FeatureTrial, input_shape) -> keras.Model:
    """The network of a feature student."""
    return models.vgg(
        NETWORKS[trial.rung], classes=None, features=trial.width, input_shape=input_shape, name=trial.network
    )


def feature_model(network: keras.Model) -> keras.Model:
    """The network up to its features: the layer "pool" of one that ends in logits, or itself."""
    if network.layers[-1].name != "logits":
        return network
    return keras.Model(network.input, network.get_layer("pool").output, name=f"{network.name}_features")


def ensemble(members: list[keras.Model], teacher: keras.Model, *, summed: bool, name: str) -> keras.Model:
    """Copies of the members side by side under the teacher's output layer, which has seen the features they imitate.

    Args:
        members: networks from images to features; left as they were.
        teacher: ends in the layer "logits" on 512 features.
        summed: add the features up instead of concatenating them.
    """
    inputs = keras.Input(members[0].input_shape[1:], name="image")
    parts = []
    for number, member in enumerate(members, 1):
        copy = keras.models.clone_model(member)
        copy.set_weights(member.get_weights())
        copy.name = f"student_{number}"
        parts.append(copy(inputs))
    if len(parts) == 1:
        x = parts[0]
    else:
        x = layers.Add(name="sum")(parts) if summed else layers.Concatenate(name="features")(parts)
    head = layers.Dense(teacher.output_shape[-1], name="logits")
    model = keras.Model(inputs, head(x), name=name)
    head.set_weights(teacher.get_layer("logits").get_weights())
    return model


def error(ours: np.ndarray, target: np.ndarray) -> float:
    """Mean squared difference of features (n, d)."""
    return float(np.mean(np.square(ours - target)))


@dataclass(frozen=True, kw_only=True)
class LogitTrial(LadderTrial):
    """A network of the ladder that ends in logits and learns from networks above it.

    Attributes:
        guides: whom it learns from, the teacher last; with equal weights.
        drop_rate: chance of each guide to be dropped in a batch (Son et al. 2021), or None for one guide.
    """

    guides: tuple[LadderTrial, ...] = ()
    drop_rate: float | None = None

    @property
    def teachers(self) -> tuple[tuple[float, Trial], ...]:
        return tuple((1 / len(self.guides), guide) for guide in self.guides)

    def prepared(self, batches, epoch: int):
        if self.drop_rate is None:
            return batches
        return distill.drop_guides(batches, self.temperature, self.drop_rate, seed=(self.seed, epoch))

    def columns(self) -> dict:
        return super().columns() | {
            "teacher": " ".join(guide.network for guide in self.guides) or None,
            "drop_rate": self.drop_rate,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} {self.regime}"


def logit_ladder(
    teacher: LadderTrial, settings: dict, seed: int, *, lambda_: float, temperature: float, drop_rate: float
) -> list[LogitTrial]:
    """The smallest network taught by nobody, by the teacher, through assistants, and densely guided.

    Assistants are S1 and the networks of 2 and of 4 students, each with an output layer of its own. Through assistants
    (Mirzadeh et al. 2019) each learns from the one above; densely guided (Son et al. 2021) from all above it. S1 has
    only the teacher above it, and is the same in both.
    """
    rungs = ("s1", "of_2", "of_4", "of_8")
    taught = {"method": "kd", "lambda_": lambda_, "temperature": temperature}

    def network(regime: str, rung: str, **own) -> LogitTrial:
        return LogitTrial(network=f"{rung}_logits", rung=rung, regime=regime, seed=seed, **settings, **own)

    chain = [teacher]
    for rung in rungs:
        chain.append(network("through assistants", rung, guides=(chain[-1],), **taught))
    dense = chain[:2]
    for rung in rungs[1:]:
        dense.append(network("densely guided", rung, guides=tuple(dense), drop_rate=drop_rate, **taught))
    return [
        network("alone", rungs[-1], method="plain", lambda_=0.0),
        network("from the teacher", rungs[-1], guides=(teacher,), **taught),
        *chain[1:],
        *dense[2:],
    ]


def residual(teacher: LadderTrial, settings: dict, seed: int) -> tuple[FeatureTrial, FeatureTrial]:
    """A student of the whole vector and an assistant that learns what is left of it (Gao et al. 2020, §3.1)."""
    usual = {
        "method": "features",
        "regime": "residual",
        "guide": teacher,
        "start": 0,
        "stop": FEATURES,
        "place": 0,
        "width": FEATURES,
        **settings,
    }
    student = FeatureTrial(network="of_4_residual_student", rung="of_4", seed=seed, **usual)
    assistant = FeatureTrial(
        network="of_8_residual_assistant", rung="of_8", seed=seed + 100, residual_of=student, **usual
    )
    return student, assistant
