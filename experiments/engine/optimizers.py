"""Optimizers and learning-rate schedules by name."""

import keras

from experiments.engine.fast_sgd import FastSGD, Triangle, airbench_optimizer
from experiments.engine.trial import Trial

NESTEROV_MOMENTUM, NESTEROV_L2 = 0.9, 5e-4


def make_optimizer(trial: Trial, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Makes a new optimizer of the trial's kind, schedule and learning rate.

    Args:
        trial: `optimizer` is "adam", "sgd" with momentum 0.9, "nesterov", which is SGD with Nesterov momentum 0.9 and
            an L2 of 5e-4, as residual networks are usually trained on CIFAR-10, or "fast_sgd", see
            `fast_sgd.airbench_optimizer`, whose schedule is "triangle"; `schedule` is "constant", "cosine", which falls
            to 0 at the end, "steps", which multiplies by 0.1 every 30 epochs, or "triangle", see `fast_sgd.Triangle`.
        steps_per_epoch: optimiser steps.
    """
    if trial.optimizer == "fast_sgd" and trial.schedule == "triangle":
        return airbench_optimizer(trial.learning_rate, trial.batch_size, trial.epochs * steps_per_epoch)
    rate = _rate(trial, steps_per_epoch)
    if trial.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9)
    if trial.optimizer == "nesterov":
        return FastSGD(rate, NESTEROV_MOMENTUM, l2=NESTEROV_L2, bias_multiplier=1.0)
    if trial.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    raise ValueError(
        f"optimizer {trial.optimizer!r}: expected 'adam', 'sgd', 'nesterov' or, with schedule 'triangle', 'fast_sgd'"
    )


def _rate(trial: Trial, steps_per_epoch: int):
    schedules = keras.optimizers.schedules
    if trial.schedule == "cosine":
        return schedules.CosineDecay(trial.learning_rate, trial.epochs * steps_per_epoch)
    if trial.schedule == "steps":
        return schedules.ExponentialDecay(trial.learning_rate, 30 * steps_per_epoch, 0.1, staircase=True)
    if trial.schedule == "triangle":
        return Triangle(trial.learning_rate, trial.epochs * steps_per_epoch)
    if trial.schedule == "constant":
        return trial.learning_rate
    raise ValueError(f"schedule {trial.schedule!r}: expected 'constant', 'cosine', 'steps' or 'triangle'")
