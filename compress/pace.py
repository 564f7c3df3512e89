"""How fast a student trains, and in which numbers it is faster."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from kdsuite.models.fast import Precision

TRIAL_STEPS = 10
SECOND_SHARE = 0.02
"""Bfloat16 is tried where the trial in float32 took at most this share of the seconds left."""


@dataclass(frozen=True)
class Pace:
    """How a student trains on this machine.

    Attributes:
        precision: numbers that it computes with.
        seconds_a_step: after the first steps.
        seconds_before: of building, tracing, and the first step.
    """

    precision: Precision
    seconds_a_step: float
    seconds_before: float


def pace_of(student: keras.Model, teach: Callable, seconds_left: float) -> Pace:
    """The faster of float32 and bfloat16, each timed over a few steps, that train the student a little.

    A network with an operation that cannot compute in bfloat16 trains in float32.

    Args:
        student: to train.
        teach: `Setting.teach`.
        seconds_left: of the budget; where there are few, float32 is all that is timed.
    """
    begin = time.monotonic()
    exact = timed("float32", student, teach)
    if time.monotonic() - begin > SECOND_SHARE * seconds_left:
        return exact
    try:
        fast = timed("bfloat16", student, teach)
    except (tf.errors.OpError, TypeError, ValueError):
        # An operation without a kernel for bfloat16, or one that takes its inputs to be float32.
        return exact
    return min(exact, fast, key=lambda pace: pace.seconds_a_step)


def timed(precision: Precision, student: keras.Model, teach: Callable, steps: int = TRIAL_STEPS) -> Pace:
    """The pace in one precision, from the second half of some steps: the first ones are slower.

    Args:
        precision: to train in.
        student, teach: as in `pace_of`.
        steps: at least 2.
    """
    times = [time.monotonic()]
    teach(
        student,
        None,
        precision=precision,
        steps=steps,
        seed=0,
        on_step=lambda step: times.append(time.monotonic()),
    )
    half = steps // 2
    return Pace(precision, (times[-1] - times[-1 - half]) / half, times[1] - times[0])
