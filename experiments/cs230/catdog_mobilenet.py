"""Study 1 (CS230) §4–5, Dogs vs. Cats: students of MobileNet with layers removed, with and without their teacher.

    make catdog-mobilenet ARGS="--profile full"        (python -m experiments catdog-mobilenet --profile full)

Claims: distillation helps when few layers go and hurts when many do; it converges faster; at equal parameters it is
more accurate, the more so the more parameters there are; some random layers weigh more than others. The teacher is a
new head on ImageNet features. Its students are cut from it (a unit is a convolution with its normalisation and
activation), and trained on 1,000 of its training images for 3 epochs, T = 1 as in the paper's loss.

Optimiser and learning rate are those of best mean validation accuracy over plain and distilled students of several cuts
and seeds, in candidates.csv. Then come the students of Figures 5, 6 and 8 for all seeds, those of Figure 7 (12 epochs,
each evaluated), random weights, the λ-sweep that the paper leaves as future work, and other T where `--temperatures`
asks for them: a run that is stopped early has what decides the main claims. A random cut has a number of its own; plain
and distilled students of a seed share it, and one that costs more than twice the teacher is drawn again. Batch-norm
statistics are recalibrated on the 1,000 images before the test; the accuracy without is a column of its own, and so is
what a student costs, as a share of its teacher's multiply-adds.

The networks are MobileNets of width 0.75, whose weights are at hand, on images of 160 × 160: the copy at hand has
pictures of 200 × 200, and 224 would take twice as long. The paper's have width 1 and 224 × 224 (profile paper);
`--alpha 0.25` is four times as fast (catdog-narrow). 4 to 8 hours on 2 cores with 9 seeds; profile quick, a narrow
teacher and 3 seeds, takes 10 minutes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd

from experiments.cs230.catdog import CatdogStudy
from experiments.cs230.catdog_config import LayersConfig
from experiments.cs230.cuts import LayersTrial
from experiments.cs230.pictures import mistakes_figure
from experiments.engine.networks import Networks
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from kdsuite import prune
from kdsuite.data.files import whole_file

THRESHOLDS = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
LAMBDA_COUNT = 2
TEMPERATURE_COUNTS = (2, 8)
DENSITIES = "zero_density.csv"
MISTAKES = "catdog-mistakes.jpg"
PICTURE_DPI = 100


class Layers(CatdogStudy):
    """Accuracy of students that lost layers, plain and distilled."""

    config: LayersConfig

    def student(self, seed: int, lambda_: float, **settings) -> LayersTrial:
        """A student; `settings` are fields of its trial that differ from the usual ones."""
        is_random = settings.get("prune_method") == "random"
        usual = self.student_settings(seed, lambda_) | {
            "sweep": "layers",
            "prune_method": "zero_density",
            "unit": self.config.unit,
            "threshold": self.config.threshold,
            "cut_number": seed % (self.config.random_cuts or seed + 1) if is_random else None,
            "dearest": self.config.dearest if is_random else None,
        }
        return LayersTrial(**usual | settings)

    def trials(self) -> list[Trial]:
        """The teacher, then sweep by sweep the students of all seeds: what decides the main claims comes first."""
        sweeps = (self.main, self.epochs, self.random_weights, self.lambdas, self.temperatures)
        students = [trial for sweep in sweeps for seed in self.config.seeds for trial in sweep(seed)]
        return [self.teacher(), *students]

    def pair(self, seed: int, **settings) -> Iterator[LayersTrial]:
        """A plain and a distilled student of the same cut."""
        for lambda_ in (0.0, self.config.lambda_):
            yield self.student(seed, lambda_, **settings)

    def main(self, seed: int) -> Iterator[LayersTrial]:
        """The students of Figures 5, 6 and 8."""
        for count in self.config.zero_density_counts:
            yield from self.pair(seed, units_removed=count)
        for count in self.config.random_counts:
            yield from self.pair(seed, units_removed=count, prune_method="random")

    def epochs(self, seed: int) -> Iterator[LayersTrial]:
        """The students of Figure 7, each epoch of which is evaluated with recalibrated statistics."""
        longer: dict[str, Any] = {"epochs": self.config.long_epochs, "evaluate_every_epoch": True, "sweep": "epochs"}
        for count in self.config.long_counts:
            yield from self.pair(seed, units_removed=count, **longer)

    def random_weights(self, seed: int) -> Iterator[LayersTrial]:
        """Students that start from random weights."""
        for count in self.config.random_weight_counts:
            yield from self.pair(seed, units_removed=count, weights="random", sweep="weights")

    def lambdas(self, seed: int) -> Iterator[LayersTrial]:
        """Students of other λ than the main ones."""
        for lambda_ in self.config.lambdas:
            if lambda_ not in (0.0, self.config.lambda_) or LAMBDA_COUNT not in self.config.zero_density_counts:
                yield self.student(seed, lambda_, units_removed=LAMBDA_COUNT, sweep="lambda")

    def temperatures(self, seed: int) -> Iterator[LayersTrial]:
        """Distilled students of other T than the main ones."""
        for temperature in self.config.temperatures:
            if temperature != self.config.temperature:
                for count in TEMPERATURE_COUNTS:
                    yield self.student(
                        seed, self.config.lambda_, units_removed=count, temperature=temperature, sweep="temperature"
                    )

    def finish(self, networks: Networks, folder: Path) -> None:
        """Writes the zero densities of the teacher's units, and a picture of what it and a student get wrong."""
        teacher = networks.get(self.teacher())
        with whole_file(folder / DENSITIES) as temporary:
            zero_densities(teacher, self.config.unit).to_csv(temporary, index=False, float_format="%.6g")
        if not (folder / MISTAKES).exists():
            self.draw_mistakes(teacher, networks, folder / MISTAKES)

    def draw_mistakes(self, teacher: keras.Model, networks: Networks, path: Path) -> None:
        """Draws the test images that the teacher gets wrong, and those that only a student of the smallest cut does."""
        student = self.student(
            self.config.seeds[0], self.config.lambda_, units_removed=min(self.config.zero_density_counts)
        )
        test = self.dataset.test
        by_teacher, by_student = (
            np.array(keras.ops.softmax(outputs(model, test))) for model in (teacher, networks.get(student))
        )
        figure = mistakes_figure(test.images, test.labels, by_teacher, by_student, self.dataset.class_names)
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=PICTURE_DPI, format="jpg")


def zero_densities(teacher: keras.Model, unit: Literal["layer", "block"]) -> pd.DataFrame:
    """The zero density of each unit of the teacher at several thresholds, with the unit's place in the model."""
    return pd.DataFrame(
        {"unit": name, "place": place, "threshold": threshold, "zero_density": density}
        for threshold in THRESHOLDS
        for place, (name, density) in enumerate(prune.zero_density(teacher, threshold, unit).items())
    )
