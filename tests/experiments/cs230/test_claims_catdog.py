"""Study 1's claims on Dogs vs. Cats and CIFAR-10, on made-up rows where the right verdict of each is known."""

from dataclasses import replace

import pytest

from experiments.cs230.claims_catdog import CATDOG_CLAIMS, LAYERS
from experiments.cs230.claims_channels import CHANNELS, CHANNELS_CLAIMS
from experiments.cs230.claims_cifar import CIFAR_CLAIMS, TRANSFER
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

SEEDS = range(6)
# Six different values that add up to 0, so that intervals have a width and means are known.
JITTER = dict(zip(SEEDS, (-3e-4, -2e-4, -1e-4, 1e-4, 2e-4, 3e-4), strict=True))
TEACHER = {"role": "teacher", "method": "teacher", "seed": 0, "test_accuracy": 0.97, "train_size": 7000, "epochs": None}
SIZES = {"dataset": "cats_vs_dogs", "train_size": 1000, "test_size": 2500}
COUNTS = (1, 2, 4, 6, 8)


def student(seed, method, accuracy, **more):
    """A row; distilled students deviate from seed to seed, plain ones do not."""
    kd = method == "kd"
    usual = {"role": "student", "series": "distilled" if kd else "labels alone", "lambda": 0.5 * kd, "weights": "piped"}
    usual |= {"epochs": 3}
    moved = accuracy + kd * JITTER[seed]
    return usual | {"seed": seed, "method": method, "test_accuracy": moved, "macs_share": 0.5} | more


def layers(gain, few=0.0, many=0.0, long_epochs=12, **common) -> dict:
    """Rows of catdog-mobilenet: distillation adds `gain`, `few` more at 1 or 2 layers, `many` less at 6 or more."""
    rows, epochs = [TEACHER], []
    for seed in SEEDS:
        for method in ("plain", "kd"):
            kd = method == "kd"
            for way in ("zero_density", "random"):
                for count in COUNTS:
                    added = gain + few * (count <= 2) - many * (count >= 6)
                    cut = 0.0 if way == "zero_density" else 0.01 * (seed % 3)
                    accuracy = 0.955 - 0.01 * count + kd * added + cut
                    cut_of = {"prune_method": way, "units_removed": count, "params": 1.8e6 - 1e5 * count}
                    cut_of |= {"sweep": "layers", "cut_number": seed if way == "random" else None}
                    rows.append(student(seed, method, accuracy, test_accuracy_stale_batch_norm=0.5, **cut_of))
            two = {"prune_method": "zero_density", "units_removed": 2}
            rows.append(student(seed, method, 0.6, sweep="weights", **two | {"weights": "random"}))
            longer = student(seed, method, 0.95 + kd * gain, sweep="epochs", epochs=long_epochs, **two)
            rows.append(longer)
            epochs.append(SIZES | longer | {"epoch": 1, "validation_accuracy": 0.7 + kd * gain})
        rows.append(student(seed, "kd", 0.935 + gain + few, sweep="lambda", prune_method="zero_density",
                            units_removed=2) | {"lambda": 1.0})  # fmt: skip
    return {LAYERS: results(rows, LAYERS, epochs=epochs, **SIZES | common)}


def verdicts(claims, found) -> dict[str, str]:
    return {one.claim.tests: one.verdict for one in judge(claims, found)}


def ordinary(found: dict[str, str]) -> dict[str, str]:
    """Without the claims that a gain of distilled students does not touch."""
    fixed = ("the MobileNet teacher", "some random layers", "zero density keeps", "one layer less", "piped", "recalib")
    return {name: verdict for name, verdict in found.items() if not name.startswith(fixed)}


def test_the_papers_effects_are_reproduced():
    found = verdicts(CATDOG_CLAIMS, layers(gain=0.012, few=0.02, many=0.05))
    helped = ordinary(found)
    assert helped.pop("distilled students are more accurate at equal parameters (layers removed at random)") == (
        "no difference"
    )
    assert helped.pop("on Dogs vs. Cats λ > 0 beats labels alone (2 layers by zero density)") == "yes"
    assert set(helped.values()) == {"reproduced"}


def test_reversed_effects_are_contradicted():
    found = ordinary(verdicts(CATDOG_CLAIMS, layers(gain=-0.012, few=-0.02, many=-0.05)))
    del found["distilled students are more accurate at equal parameters (layers removed at random)"]
    assert found.pop("on Dogs vs. Cats λ > 0 beats labels alone (2 layers by zero density)") == "no"
    assert set(found.values()) == {"contradicted"}


def test_without_effects_there_is_no_difference():
    assert set(ordinary(verdicts(CATDOG_CLAIMS, layers(gain=0.0))).values()) == {"no difference"}


def test_what_a_gain_does_not_touch_has_its_own_verdict():
    found = verdicts(CATDOG_CLAIMS, layers(gain=0.0))
    assert found["the MobileNet teacher's accuracy is over 95%"] == "reproduced"
    assert found["zero density keeps more accuracy than chance"] == "contradicted"
    assert found["one layer less costs next to nothing"] == "reproduced"
    assert found["piped weights beat random ones (2 layers by zero density)"] == "yes"
    assert found["recalibrated batch-norm statistics raise test accuracy"] == "yes"


def test_layers_weigh_where_random_cuts_spread_more_than_one_cut():
    name = "some random layers weigh more than others when removed"
    spread = layers(gain=0.0)
    rows = spread[LAYERS].rows
    assert verdicts(CATDOG_CLAIMS, spread)[name] == "reproduced"
    alike = rows.test_accuracy.where(rows.role == "teacher", 0.9 + rows.seed.map(JITTER))
    even = {LAYERS: replace(spread[LAYERS], rows=rows.assign(test_accuracy=alike))}
    assert verdicts(CATDOG_CLAIMS, even)[name] == "no difference"


@pytest.mark.parametrize("smaller", [{"train_size": 300}, {"test_size": 500}, {"epochs": 2}])
def test_smaller_runs_test_nothing(smaller):
    smaller_rows = layers(gain=0.01)
    rows = smaller_rows[LAYERS].rows
    changed = {name: rows[name].where(rows.role == "teacher", value) for name, value in smaller.items()}
    if "test_size" in smaller:
        changed = smaller
    found = verdicts(CATDOG_CLAIMS, {LAYERS: replace(smaller_rows[LAYERS], rows=rows.assign(**changed))})
    found.pop("the MobileNet teacher's accuracy is over 95%")
    assert set(found.values()) == {"not tested at this size"}


def test_few_epochs_do_not_judge_what_far_more_than_3_would_bring():
    name = "distillation pays only after far more than 3 epochs"
    assert verdicts(CATDOG_CLAIMS, layers(gain=0.01, long_epochs=6))[name] == "not tested at this size"
    assert verdicts(CATDOG_CLAIMS, layers(gain=0.01, long_epochs=12))[name] == "reproduced"


def test_channels_are_compared_with_chance_with_layers_of_their_size_and_by_speed():
    order = {"l1": -0.1, "apoz": 0.05, "taylor": 0.0, "random": 0.0}
    rows = [TEACHER]
    for seed in SEEDS:
        for method in ("plain", "kd"):
            for criterion, ahead in order.items():
                for keep in (0.9, 0.5, 0.3):
                    accuracy = 0.85 + ahead + JITTER[seed]
                    rows.append(student(seed, method, accuracy, prune_method=criterion, keep=keep, speed_up=1.5))
    found = {CHANNELS: results(rows, CHANNELS, **SIZES)} | layers(gain=0.0)
    judged = {one.claim.tests: one for one in judge(CHANNELS_CLAIMS, found)}
    assert judged["L1 ranks better than chance (30% of the parameters left)"].verdict == "no"
    assert judged["APoZ ranks better than chance (50% of the parameters left)"].verdict == "yes"
    assert judged["Taylor ranks better than chance (50% of the parameters left)"].verdict == "no difference"
    assert judged["distillation helps students with channels removed"].verdict == "no difference"
    against = judged["removing channels (50% left, mean of criteria) beats removing 4 layers"]
    # 85% less the criteria's mean lead of −1.25 points, against 95.5% less 4.
    assert against.sample.interval.mean == pytest.approx(0.8375 - 0.915, abs=2e-4)
    speed = judged["the time of a forward pass falls with the MACs"]
    assert speed.sample.interval.mean == pytest.approx(0.75)
    assert speed.verdict == "measured"


def test_the_transfers_failure_and_its_causes():
    def rows(size, train, imagenet, recalibrated):
        return [
            {"role": "student", "seed": seed, "network_image_size": size, "train_accuracy": train + JITTER[seed],
             "test_accuracy_imagenet_statistics": imagenet - JITTER[seed], "test_accuracy": recalibrated}
            for seed in SEEDS
        ]  # fmt: skip

    lines = [*rows(32, 0.95, 0.16, 0.5), *rows(96, 0.95, 0.3, 0.7), *rows(224, 0.99, 0.165, 0.7)]
    data = {"dataset": "cifar10", "test_size": 1000, "train_size": 45_000}
    found = verdicts(CIFAR_CLAIMS, {TRANSFER: results(lines, TRANSFER, **data)})
    learns, fails = "the transfer learns its training images, at", "and fails the test with ImageNet's batch-norm"
    assert {found[name] for name in found if name.startswith(learns)} == {"reproduced"}
    assert [found[name] for name in found if name.startswith(fails)] == ["reproduced", "contradicted", "reproduced"]
    assert found["the cause is the size of the images: 224 × 224 mends it"] == "reproduced"
    assert {found[name] for name in found if name.startswith("the cause is batch norm")} == {"yes"}
    small = verdicts(CIFAR_CLAIMS, {TRANSFER: results(lines, TRANSFER, **data | {"train_size": 1500})})
    assert {small[name] for name in small if name.startswith((learns, fails))} == {"not tested at this size"}
