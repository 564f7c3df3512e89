"""Whom each network of study 4 learns from."""

from collections.abc import Callable, Sequence
from typing import Any

from experiments.assistants.networks import FEATURES, HEADS, SIZES
from experiments.assistants.trials import EnsembleTrial, FeatureTrial, LadderTrial, LogitTrial

HIERARCHICAL, DIRECT, THROUGH_S1 = "hierarchical", "direct", "through S1"
ALONE, FROM_TEACHER = "alone", "from the teacher"
THROUGH_ASSISTANTS, DENSELY_GUIDED = "through assistants", "densely guided"
RESIDUAL = "residual"
SEEDS_BETWEEN_MEMBERS = 100
Settings = Callable[[str], dict[str, Any]]


def students(
    regimes: tuple[str, ...], count: int, teachers: Sequence[LadderTrial], settings: Settings, seed: int
) -> tuple[FeatureTrial, ...]:
    """`count` students that share VGG-16's vector among them, each a chunk of its teacher's features.

    Args:
        regimes: they belong to.
        count: 1, 2, 4 or 8.
        teachers: in the order of the vector; each gives an equal part of it.
        settings: gives the fields that say how a network of a size is trained.
        seed: of the ensemble and its first member; the others follow, a hundred apart.
    """
    size, chunk, part = SIZES[count], FEATURES // count, FEATURES // len(teachers)
    return tuple(
        FeatureTrial(
            method="features",
            network=f"{size}_{regimes[0].replace(' ', '_')}_{number + 1}",
            size=size,
            regimes=regimes,
            seed=seed + SEEDS_BETWEEN_MEMBERS * number,
            teacher=teachers[number * chunk // part],
            start=number * chunk % part,
            stop=number * chunk % part + chunk,
            offset=number * chunk,
            members=count,
            member=number + 1,
            ensemble_seed=seed,
            units=HEADS[size],
            **settings(size),
        )
        for number in range(count)
    )


def by_regime(
    vgg: LadderTrial, settings: Settings, seed: int, s1_seed: int
) -> dict[str, dict[int, tuple[FeatureTrial, ...]]]:
    """The study's three regimes: regime → number of students → the students.

    S1 is the same in all; and two students below S1 are hierarchical and learn through S1.
    """
    s1 = students((DIRECT, HIERARCHICAL, THROUGH_S1), 1, [vgg], settings, s1_seed)
    two = students((HIERARCHICAL, THROUGH_S1), 2, s1, settings, seed)
    four = students((HIERARCHICAL,), 4, two, settings, seed)
    eight = students((HIERARCHICAL,), 8, four, settings, seed)
    return {
        HIERARCHICAL: {1: s1, 2: two, 4: four, 8: eight},
        DIRECT: {1: s1} | {count: students((DIRECT,), count, [vgg], settings, seed) for count in (2, 4, 8)},
        THROUGH_S1: {1: s1, 2: two} | {count: students((THROUGH_S1,), count, s1, settings, seed) for count in (4, 8)},
    }


def ensemble(members: tuple[FeatureTrial, ...], settings: Settings, *, summed: bool = False) -> EnsembleTrial:
    """The members under VGG-16's output layer, to be fine-tuned with these settings."""
    return EnsembleTrial(
        method="ensemble",
        network=f"ensemble_of_{len(members)}",
        size=members[0].size,
        regimes=members[0].regimes,
        seed=members[0].ensemble_seed,
        teacher=members[0].vgg,
        members=members,
        summed=summed,
        **settings(members[0].size),
    )


def logit_networks(
    vgg: LadderTrial, settings: Settings, seed: int, *, lambda_: float, temperature: float, drop_rate: float
) -> list[LogitTrial]:
    """The smallest network taught by no one, by VGG-16, through assistants, and densely guided.

    Assistants are S1 and the networks of 2 and of 4 students, each with an output layer. Through assistants (Mirzadeh
    et al. 2019) each learns from the one above; densely guided (Son et al. 2021) from all above it. S1 has only VGG-16
    above it, and is the same in both.
    """
    soft_targets = {"method": "kd", "lambda_": lambda_, "temperature": temperature}

    def network(regimes: tuple[str, ...], size: str, line: Sequence[LadderTrial], **own) -> LogitTrial:
        return LogitTrial(
            network=f"{size}_logits", size=size, regimes=regimes, line=tuple(line), seed=seed, **settings(size), **own
        )

    s1, *smaller = SIZES.values()
    chain = [vgg, network((THROUGH_ASSISTANTS, DENSELY_GUIDED), s1, [vgg], **soft_targets)]
    dense = list(chain)
    for size in smaller:
        chain.append(network((THROUGH_ASSISTANTS,), size, chain[-1:], **soft_targets))
        dense.append(network((DENSELY_GUIDED,), size, dense, drop_rate=drop_rate, **soft_targets))
    return [
        network((ALONE,), smaller[-1], [], method="plain", lambda_=0.0),
        network((FROM_TEACHER,), smaller[-1], [vgg], **soft_targets),
        *chain[1:],
        *dense[2:],
    ]


def residual_pair(vgg: LadderTrial, settings: Settings, seed: int) -> tuple[FeatureTrial, FeatureTrial]:
    """A student of the whole vector and an assistant that learns what is left of it (Gao et al. 2020, §3.1)."""
    usual = {
        "method": "features",
        "regimes": (RESIDUAL,),
        "teacher": vgg,
        "start": 0,
        "stop": FEATURES,
        "offset": 0,
        "members": 2,
        "ensemble_seed": seed,
        "units": FEATURES,
    }
    student = FeatureTrial(
        network="of_4_residual_student", size="of_4", member=1, seed=seed, **usual, **settings("of_4")
    )
    assistant = FeatureTrial(
        network="of_8_residual_assistant",
        size="of_8",
        member=2,
        seed=seed + SEEDS_BETWEEN_MEMBERS,
        residual_of=student,
        **usual,
        **settings("of_8"),
    )
    return student, assistant
