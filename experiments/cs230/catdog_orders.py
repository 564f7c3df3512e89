"""Study 1 (CS230) §4: is zero density a good reason to remove a layer? MobileNet on Dogs vs. Cats.

    make catdog-orders ARGS="--profile full"        (python -m experiments catdog-orders --profile full)

The paper believes zero density "the most promising approach", and compares it with chance at equal numbers of layers.
Here units go one after the other until about 75 or 50% of the teacher's multiply-adds are left, in five orders: by zero
density; at random; at random among units without which all other weights still fit ("fitting"), since a layer behind
a removed change of width is drawn anew; by sensitivity, the loss without a unit; and by block influence, how little a
unit turns its input. In every order units that would save nothing are passed over. Students are trained on labels
alone, as in catdog-mobilenet; random orders have a number of their own.

About 1.2 hours on 2 cores with 9 seeds; profile quick takes 8 minutes.
"""

import keras

from experiments.cs230.catdog import CatdogStudy
from experiments.cs230.catdog_config import OrdersConfig
from experiments.cs230.cuts import CutTrial, OrderTrial, descent, ranked_units, units_to_share
from experiments.engine.trial import Trial
from kdsuite import prune

DRAWN = ("random", "fitting")


class Orders(CatdogStudy):
    """Accuracy of plain students that lost units in several orders, at equal multiply-adds."""

    config: OrdersConfig

    def __init__(self, config: OrdersConfig):
        super().__init__(config)
        self._descents: dict[tuple, list[tuple[prune.Unit, float]]] = {}

    def trials(self) -> list[Trial]:
        students = [
            OrderTrial(
                **self.student_settings(seed, 0.0),
                sweep="orders",
                prune_method=order,
                keep=share,
                threshold=self.config.threshold,
                ranking_size=self.config.ranking_size,
                cut_number=seed if order in DRAWN else None,
            )
            for seed in self.config.seeds
            for share in self.config.shares
            for order in self.config.orders
        ]
        return [self.teacher(), *students]

    def cut(self, trial: CutTrial, parent: keras.Model) -> keras.Model:
        if not isinstance(trial, OrderTrial):
            return super().cut(trial, parent)
        # An order takes a minute to measure; it is the same for all shares, and for all seeds unless it is drawn.
        order = (trial.prune_method, trial.cut_number)
        if order not in self._descents:
            ranked = ranked_units(trial, parent, self.dataset)
            self._descents[order] = descent(parent, ranked, min(self.config.shares))
        # Descents draw layers too.
        keras.utils.set_random_seed(trial.seed)
        return prune.remove(parent, units_to_share(self._descents[order], trial.keep))
