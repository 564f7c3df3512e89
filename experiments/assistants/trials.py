"""Study 4's trials: students of features, their ensembles, and networks that learn logits."""

from dataclasses import dataclass, field

from experiments.engine.trial import Trial


@dataclass(frozen=True, kw_only=True)
class LadderTrial(Trial):
    """A network of study 4; all are trained with Adam along a cosine.

    Attributes:
        size: key of `networks.BLOCKS`; of an ensemble, that of its members.
        regimes: the study's words for whom it learns from; several where one network is in several regimes.
    """

    size: str
    regimes: tuple[str, ...] = ()
    schedule: str = "cosine"

    @property
    def series(self) -> str:
        return self.regimes[0] if self.regimes else self.method

    @property
    def save_network(self) -> bool:
        return True

    def columns(self) -> dict:
        return super().columns() | {"regimes": ", ".join(self.regimes) or None, "size": self.size}


@dataclass(frozen=True, kw_only=True)
class FeatureTrial(LadderTrial):
    """A student that learns a chunk of its teacher's features.

    Attributes:
        teacher: VGG-16, S1, or a student of the next larger size.
        start, stop: the chunk, counted in the teacher's own features.
        offset: place of the chunk's first feature in VGG-16's vector.
        members: how many students share the vector.
        member: number of this one, from 1.
        ensemble_seed: seed of the ensemble it is for.
        units: of the layer that gives the features; None leaves that layer out.
        residual_of: a student whose remaining error is learned instead, or None (Gao et al. 2020).
    """

    teacher: LadderTrial = field()
    start: int
    stop: int
    offset: int
    members: int
    member: int
    ensemble_seed: int
    units: int | None
    residual_of: "FeatureTrial | None" = None
    metrics: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        return "member"

    @property
    def needs(self) -> tuple[Trial, ...]:
        residual_of = (self.residual_of,) if self.residual_of is not None else ()
        return (*super().needs, *residual_of)

    @property
    def vgg(self) -> LadderTrial:
        """The teacher at the head of the ladder."""
        return self.teacher.vgg if isinstance(self.teacher, FeatureTrial) else self.teacher

    def columns(self) -> dict:
        return super().columns() | {
            "ensemble_seed": self.ensemble_seed,
            "members": self.members,
            "member": self.member,
            "first_feature": self.offset,
            "features": self.stop - self.start,
        }

    def __str__(self) -> str:
        return f"{super().__str__()} features {self.offset}–{self.offset + self.stop - self.start}"


@dataclass(frozen=True, kw_only=True)
class EnsembleTrial(LadderTrial):
    """Students side by side under VGG-16's output layer, fine-tuned on labels.

    Attributes:
        teacher: VGG-16, which gives the output layer and teaches no more.
        members: their features are concatenated; or added up, where `summed`.
        summed: add features up (residual distillation).
    """

    teacher: LadderTrial = field()
    members: tuple[FeatureTrial, ...]
    summed: bool = False

    @property
    def role(self) -> str:
        return "ensemble"

    @property
    def teachers(self) -> tuple[tuple[float, Trial], ...]:
        return ()

    @property
    def needs(self) -> tuple[Trial, ...]:
        return (self.teacher, *self.members)

    def columns(self) -> dict:
        return super().columns() | {"ensemble_seed": self.seed, "members": len(self.members)}

    def __str__(self) -> str:
        return f"{super().__str__()} {', '.join(self.regimes)}"


@dataclass(frozen=True, kw_only=True)
class LogitTrial(LadderTrial):
    """A network that ends in logits and learns from networks above it on the ladder.

    Attributes:
        line: its teachers, with equal weights, VGG-16 first.
        drop_rate: chance of each teacher to be dropped in a batch (Son et al. 2021), or None for one teacher.
    """

    line: tuple[LadderTrial, ...] = ()
    drop_rate: float | None = None

    @property
    def teachers(self) -> tuple[tuple[float, Trial], ...]:
        return tuple((1 / len(self.line), teacher) for teacher in self.line)

    def columns(self) -> dict:
        return super().columns() | {"drop_rate": self.drop_rate}

    def __str__(self) -> str:
        return f"{super().__str__()} {', '.join(self.regimes)}"
