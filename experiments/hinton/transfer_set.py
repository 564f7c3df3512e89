"""Study 2 (Hinton 2015 §3, Table 3 of the reproduction), MNIST: what does a student know of classes it never saw?

    make hinton-transfer-set        (python -m experiments hinton-transfer-set [--protocol reproduction])

Claims (test errors of 10,000; wrong threes of 1,010): Hinton: without 3, 206 and 133; the bias of 3 raised by 3.5, 109
and 14; with only 7 and 8, 47.3%, those biases lowered by 7.6, 13.2%. The reproduction: 97% of the threes; all ten
biases set to 3.5, 123 and 20. One teacher, that of seed 0 of hinton-mnist; students vary by seed. The bias is chosen
on the validation split, and, in columns of its own, on test as in the papers; table `biases` holds the errors at every
bias. `--ablation` as in hinton-mnist, on the students without 3. Takes 1.7 hours on 2 cores with its teacher; the
reference of the reproduction's protocol is `--profile full --protocol reproduction --ablation`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np

from experiments.engine.networks import Networks
from experiments.engine.study import Details
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from experiments.hinton import bias
from experiments.hinton.bias import Mistakes
from experiments.hinton.config import AblationConfig
from experiments.hinton.networks import COLUMNS, HintonStudy, HintonTrial
from experiments.hinton.protocols import Recipe, ablations
from kdsuite import distill
from kdsuite.data.files import whole_file

WITHOUT_3 = (0, 1, 2, 4, 5, 6, 7, 8, 9)
ONLY_7_8 = (7, 8)
# Passes over 7s and 8s for one over all digits. Errors of 5,000 validation images after 80, 200 and 400 epochs are 546,
# 182 and 134, with the bias 128, 72 and 64; λ = 1 instead of 0.9 changes nothing. Without 3, 120 epochs do as 80: 46.
LONGER = 5
REPRODUCTION_BIAS = 3.5
PICTURES, PICTURE_TEMPERATURE = 6, 4.0
BIAS_COLUMNS = (
    "omitted_errors",
    *("bias_by_validation", "test_errors_bias_by_validation", "omitted_errors_bias_by_validation"),
    *("bias_by_test", "test_errors_bias_by_test", "omitted_errors_bias_by_test"),
    *("test_errors_biases_3.5", "omitted_errors_biases_3.5"),
    *(f"test_accuracy_digit_{digit}" for digit in range(10)),
)


class TransferSets(HintonStudy):
    """One teacher; for each transfer set the students of each seed; then the ablation."""

    COLUMNS: ClassVar[Sequence[str]] = (*COLUMNS, *BIAS_COLUMNS)
    TABLES: ClassVar[dict[str, Sequence[str]]] = {
        "biases": ("trial", "bias", "validation_errors", "test_errors", "omitted_errors")
    }
    config: AblationConfig

    def trials(self) -> list[Trial]:
        students = [self.student(seed, classes) for classes in (WITHOUT_3, ONLY_7_8) for seed in self.config.seeds]
        changed = [
            self.student(seed, WITHOUT_3, recipe, variant=words)
            for words, recipe in ablations(self.recipe(WITHOUT_3)).items()
            for seed in self.config.ablation
        ]
        return [self.teacher(), *students, *changed]

    def recipe(self, classes: tuple[int, ...]) -> Recipe:
        """The protocol's recipe, with more epochs on 7s and 8s alone; the reproduction has as many on all."""
        recipe = self.config.recipes.distilled
        longer = LONGER if self.config.protocol == "original" and classes == ONLY_7_8 else 1
        return replace(recipe, epochs=longer * recipe.epochs)

    def student(
        self, seed: int, classes: tuple[int, ...], recipe: Recipe | None = None, variant: str = ""
    ) -> HintonTrial:
        """A student of a transfer set."""
        recipe = recipe or self.recipe(classes)
        return self.distilled(seed, self.teacher(), recipe, classes=classes, variant=variant)

    def details(self, trial: HintonTrial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures errors by bias of the output layer, and accuracy by digit."""
        if trial.classes is None:
            return Details()
        splits = {"validation": self.dataset.validation, "test": self.dataset.test}
        logits = {name: outputs(distiller.student, split) for name, split in splits.items()}
        validation, test = (bias.mistakes(logits[name], splits[name].labels, trial.classes) for name in splits)
        lines = [
            {"bias": float(value), "validation_errors": int(chosen), "test_errors": int(errors)}
            | {"omitted_errors": int(omitted)}
            for value, chosen, errors, omitted in zip(
                bias.BIASES, validation.errors, test.errors, test.omitted_errors, strict=True
            )
        ]
        labels, biases = self.dataset.test.labels, distiller.student.get_layer("logits").bias.numpy()
        reset = bias.mistakes(bias.set_to(logits["test"], biases, REPRODUCTION_BIAS), labels, trial.classes)
        by_digit = {
            f"test_accuracy_digit_{digit}": float(np.mean(logits["test"][labels == digit].argmax(-1) == digit))
            for digit in range(10)
        }
        return Details(bias_columns(validation, test, reset) | by_digit, {"biases": lines})

    def finish(self, networks: Networks, folder: Path) -> None:
        """Writes threes.npz: the first test images of a 3, and the soft targets that teacher and student give them."""
        picture = folder / "threes.npz"
        if picture.exists():
            return
        rows = np.flatnonzero(self.dataset.test.labels == 3)[:PICTURES]
        images = self.dataset.test.images[rows]
        shown = {"teacher": self.teacher(), "student": self.student(self.config.seeds[0], WITHOUT_3)}
        targets: dict[str, Any] = {
            name: np.array(distill.soft_targets(networks.get(trial)(images, training=False), PICTURE_TEMPERATURE))
            for name, trial in shown.items()
        }
        with whole_file(picture) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, images=images, temperature=PICTURE_TEMPERATURE, **targets)


def bias_columns(validation: Mistakes, test: Mistakes, reset: Mistakes) -> dict:
    """Errors as trained, with the bias chosen on validation, with that of fewest test errors, and with all reset."""
    columns = {"omitted_errors": test.at(0)[1]}
    for name, value in (("validation", validation.best()), ("test", test.best())):
        errors, omitted = test.at(value)
        columns |= {
            f"bias_by_{name}": value,
            f"test_errors_bias_by_{name}": errors,
            f"omitted_errors_bias_by_{name}": omitted,
        }
    errors, omitted = reset.at(0)
    return columns | {"test_errors_biases_3.5": errors, "omitted_errors_biases_3.5": omitted}
