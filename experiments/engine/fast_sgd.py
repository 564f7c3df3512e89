"""The optimizer of the fast CIFAR-10 recipe (Jordan 2024, arXiv 2404.00498, §3.4 and its code)."""

import keras
from keras import ops

AIRBENCH_RATE, MOMENTUM, WEIGHT_DECAY = 11.5, 0.85, 0.0153


@keras.saving.register_keras_serializable(package="kdsuite")
class Triangle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises in a line to its peak and falls in a line to its end.

    Args:
        peak: largest learning rate.
        steps: of the whole training; beyond them the rate stays at its end.
        start, end: first and last rate, as shares of the peak.
        peak_at: share of the steps at which the peak is reached.
    """

    def __init__(self, peak: float, steps: int, start: float = 0.2, end: float = 0.07, peak_at: float = 0.23):
        super().__init__()
        self.peak, self.steps, self.start, self.end, self.peak_at = peak, steps, start, end, peak_at

    def __call__(self, step):
        rising = max(1, int(self.steps * self.peak_at))
        falling = max(1, self.steps - rising)
        step = ops.cast(step, "float32")
        up = self.start + (1 - self.start) * step / rising
        down = 1 - (1 - self.end) * ops.minimum((step - rising) / falling, 1.0)
        return self.peak * ops.where(step < rising, up, down)

    def get_config(self):
        names = ("peak", "steps", "start", "end", "peak_at")
        return {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package="kdsuite")
class FastSGD(keras.optimizers.SGD):
    """SGD with Nesterov momentum, a rate of its own for batch norm's biases, L2 as PyTorch has it, and look-ahead.

    Look-ahead (Zhang et al. 2019, arXiv 1907.08610): every `LOOK_AHEAD_EVERY` steps a slow copy of the weights takes a
    share 1 − 0.95⁵ (t / T)³ of the way to the weights, which then continue from it.

    Args:
        learning_rate: a number or a schedule, for losses that are means over the batch.
        momentum: of Nesterov.
        l2: this much of a weight is added to its gradient, before momentum; Keras' `weight_decay` acts after it.
        bias_multiplier: factor of batch norm's `beta`'s learning rate; its decay stays that of other weights.
        look_ahead_steps: T, the steps of the whole training; None for none.
    """

    LOOK_AHEAD_EVERY = 5

    def __init__(
        self,
        learning_rate=0.01,
        momentum: float = 0.85,
        l2: float = 0.0,
        bias_multiplier: float = 64.0,
        look_ahead_steps: int | None = None,
        nesterov: bool = True,
        name: str = "fast_sgd",
        **kwargs,
    ):
        super().__init__(learning_rate, momentum, nesterov, name=name, **kwargs)
        self.l2, self.bias_multiplier, self.look_ahead_steps = l2, bias_multiplier, look_ahead_steps

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._multipliers = [self.bias_multiplier if variable.name == "beta" else 1.0 for variable in variables]
        self._slow = []
        if self.look_ahead_steps:
            self._slow = self.add_optimizer_variables(variables, "slow")
            for slow, variable in zip(self._slow, variables, strict=True):
                slow.assign(variable)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        multiplier = self._multipliers[index]
        gradient = gradient + (self.l2 / multiplier) * variable
        super().update_step(gradient, variable, learning_rate * multiplier)
        if self.look_ahead_steps:
            self._look_ahead(variable, self._slow[index])

    def _look_ahead(self, variable, slow):
        step = self.iterations + 1
        due = ops.logical_or(step % self.LOOK_AHEAD_EVERY == 0, step == self.look_ahead_steps)
        share = 1 - 0.95**self.LOOK_AHEAD_EVERY * (ops.cast(step, "float32") / self.look_ahead_steps) ** 3
        moved = slow + share * (variable - slow)
        self.assign(slow, ops.where(due, moved, slow))
        self.assign(variable, ops.where(due, moved, variable))

    def get_config(self):
        names = ("l2", "bias_multiplier", "look_ahead_steps")
        return super().get_config() | {name: getattr(self, name) for name in names}


def airbench_optimizer(learning_rate: float, batch_size: int, steps: int) -> FastSGD:
    """The optimizer of airbench94's code, look-ahead included.

    Args:
        learning_rate: in the units of that code, where it is 11.5: for losses that are sums over 1,024 images, and
            without the momentum's 1 + 1 / (1 − μ).
        batch_size: images a step.
        steps: of the whole training.
    """
    rate = learning_rate * batch_size / 1024 / (1 + 1 / (1 - MOMENTUM))
    return FastSGD(Triangle(rate, steps), MOMENTUM, l2=WEIGHT_DECAY / AIRBENCH_RATE, look_ahead_steps=steps)
