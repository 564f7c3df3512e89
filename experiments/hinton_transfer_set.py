"""Study 2, transfer sets without some classes, and the bias of classes that a student never saw.

    make hinton-transfer-set        (python -m experiments hinton-transfer-set [--protocol reproduction])

Claims (test errors of 10,000; wrong threes of 1,010): Hinton 2015 §3: without 3, 206 and 133; the bias of 3 raised by
3.5, 109 and 14; with only 7 and 8, 47.3%, those biases lowered by 7.6, 13.2%. The reproduction sets all ten biases to
3.5: 123 and 20. One teacher (seed 0 of hinton-mnist), students vary by seed. The bias is chosen on the validation
split, and, in columns of its own, on test as in the papers. `--ablation` as in hinton-mnist, without 3.

Found (5 seeds, mean ± 95%): without 3, 80.4 ± 6.3 errors and 21.4 ± 5.2 wrong threes; bias of 3 chosen on validation,
73.8 ± 5.7 and 9.0 ± 2.9. With only 7 and 8, 2.56 ± 0.08%; their biases chosen on validation, 1.44 ± 0.04%. Without
views 49.0 errors more [+29.6, +68.4], with a third of the epochs 30.7 [+14.1, +47.2], with SGD 11.7 [-8.3, +31.6] (3
seeds). The reproduction's protocol (3 seeds): without 3, 132.7 ± 2.9 and 25.7 ± 2.9; all biases at 3.5, 128.3 ± 2.9
and 21.0 ± 2.5; with only 7 and 8, 5.00 ± 0.73%.
"""

from dataclasses import dataclass

import keras
import numpy as np

from experiments import bias, hinton
from experiments.bias import Mistakes
from experiments.hinton import HintonConfig, HintonTrial
from experiments.rows import Table
from experiments.runner import Runner
from experiments.training import outputs
from experiments.trial import Trial
from kdsuite import distill, report
from kdsuite.data import Dataset

STUDY = "hinton-transfer-set"
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
CURVE_COLUMNS = ("study", "trial", "bias", "validation_errors", "test_errors", "omitted_errors")
PROFILES = {"smoke": hinton.SMOKE, "quick": hinton.QUICK, "paper": {}}


@dataclass(frozen=True)
class Config(HintonConfig):
    ablation: bool = False
    """Also train students without 3 that lack one of views, optimiser, epochs."""


def trials(config: Config) -> list[Trial]:
    """The teacher; for each transfer set the students of each seed; then the ablation."""
    teacher = hinton.teacher(config)
    grid = [teacher] + [
        student(config, seed, teacher, classes) for classes in (WITHOUT_3, ONLY_7_8) for seed in config.seeds
    ]
    if config.ablation:
        grid += [
            student(config, seed, teacher, WITHOUT_3, variant=variant, **changes)
            for variant, changes in hinton.ablations(epochs(config, WITHOUT_3)).items()
            for seed in config.seeds
        ]
    return grid


def epochs(config: Config, classes: tuple[int, ...]) -> int:
    """Epochs on a transfer set: more on 7s and 8s alone; the reproduction has as many on all."""
    longer = LONGER if config.protocol == "original" and classes == ONLY_7_8 else 1
    return longer * config.recipes.distilled.epochs


def student(config: Config, seed: int, teacher: Trial, classes: tuple[int, ...], **changes) -> HintonTrial:
    """A student of a transfer set."""
    changes = {"epochs": epochs(config, classes)} | changes
    return hinton.distilled(config, STUDY, seed, teacher, classes=classes, **changes)


def run(config: Config) -> None:
    """Trains what is missing, prints the table and draws the figures."""
    config.check()
    dataset = config.load(image_size=28, channels=1)
    curves = Table(config.results / f"{STUDY}-biases.csv", CURVE_COLUMNS)

    def details(trial: HintonTrial, parent, distiller, history) -> dict:
        if trial.classes is None:
            return {}
        splits = {"validation": dataset.validation, "test": dataset.test}
        logits = {name: outputs(distiller.student, split) for name, split in splits.items()}
        validation, test = (bias.mistakes(logits[name], splits[name].labels, trial.classes) for name in splits)
        curves.append(
            [
                {"study": STUDY, "trial": runner.key(trial), "bias": value}
                | {"validation_errors": chosen, "test_errors": errors, "omitted_errors": omitted}
                for value, chosen, errors, omitted in zip(
                    bias.BIASES, validation.errors, test.errors, test.omitted_errors, strict=True
                )
            ]
        )
        labels, own = dataset.test.labels, distiller.student.get_layer("logits").bias.numpy()
        reset = bias.mistakes(bias.set_to(logits["test"], own, REPRODUCTION_BIAS), labels, trial.classes)
        return bias_columns(validation, test, reset) | {
            f"test_accuracy_digit_{digit}": float(np.mean(logits["test"][labels == digit].argmax(-1) == digit))
            for digit in range(10)
        }

    runner = Runner(
        STUDY,
        config,
        dataset,
        hinton.build,
        dataset_of=lambda trial: hinton.dataset_of(dataset, trial),
        details=details,
        extra_columns=(*hinton.COLUMNS, *BIAS_COLUMNS),
    )
    runner.run_and_publish(trials(config))
    if not config.dry_run:
        teacher = hinton.teacher(config)
        shown = student(config, config.seeds[0], teacher, WITHOUT_3)
        networks = {"teacher": runner.network(teacher), "student without 3": runner.network(shown)}
        report.save(threes(networks, dataset, PICTURE_TEMPERATURE), f"{STUDY}-threes", config.results)


def threes(networks: dict[str, keras.Model], dataset: Dataset, temperature: float):
    """Figure of the first test images of a 3, and what each network sees in them."""
    rows = np.flatnonzero(dataset.test.labels == 3)[:PICTURES]
    images = dataset.test.images[rows]
    soft_targets = {
        name: np.array(distill.soft_targets(model(images, training=False), temperature))
        for name, model in networks.items()
    }
    return report.soft_targets_figure(images, soft_targets, temperature)


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
