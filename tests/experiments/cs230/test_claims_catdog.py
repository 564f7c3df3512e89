"""Study 1's claims on Dogs vs. Cats and CIFAR-10, on made-up rows where the right verdict of each is known."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.cs230.claims_catdog import CATDOG_CLAIMS, LAYERS, first_epoch
from experiments.cs230.claims_channels import CHANNELS, CHANNELS_CLAIMS
from experiments.cs230.claims_cifar import CIFAR_CLAIMS, TRANSFER
from experiments.cs230.claims_future import FUTURE_CLAIMS, HINTS, IMAGES, NARROW, ORDERS
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

SEEDS = range(6)
# Six different values that add up to 0, so that intervals have a width and means are known.
JITTER = dict(zip(SEEDS, (-3e-4, -2e-4, -1e-4, 1e-4, 2e-4, 3e-4), strict=True))
TEACHER = {"role": "teacher", "method": "teacher", "teacher": "mobilenet_0.25", "seed": 0, "test_accuracy": 0.97}
TEACHER |= {"train_size": 7000, "epochs": None}
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
            for count in (2, 8):
                longer = student(seed, method, 0.95 + kd * gain, sweep="epochs", epochs=long_epochs,
                                 **two | {"units_removed": count})  # fmt: skip
                rows.append(longer)
                epochs.append(SIZES | longer | {"epoch": 1, "validation_accuracy": 0.7 + kd * gain})
        rows.append(student(seed, "kd", 0.935 + gain + few, sweep="lambda", prune_method="zero_density",
                            units_removed=2) | {"lambda": 1.0})  # fmt: skip
    return {LAYERS: results(rows, LAYERS, epochs=epochs, **SIZES | common)}


def verdicts(claims, found) -> dict[str, str]:
    return {one.claim.tests: one.verdict for one in judge(claims, found)}


def verdict_of(name: str, found) -> str:
    (claim,) = (claim for claim in CATDOG_CLAIMS if claim.tests == name)
    return verdicts([claim], found)[name]


def ordinary(found: dict[str, str]) -> dict[str, str]:
    """Without the claims that a gain of distilled students does not touch."""
    fixed = ("the MobileNet teacher", "some random layers", "zero density keeps", "one layer less", "piped", "recalib")
    return {name: verdict for name, verdict in found.items() if not name.startswith((*fixed, "it matters how"))}


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


def test_without_effects_there_is_no_difference_and_what_a_gain_does_not_touch_has_its_own_verdict():
    found = verdicts(CATDOG_CLAIMS, layers(gain=0.0))
    assert set(ordinary(found).values()) == {"no difference"}
    assert found["the MobileNet teacher's accuracy is over 95%"] == "reproduced"
    assert found["zero density keeps more accuracy than chance"] == "contradicted"
    assert found["it matters how layers are chosen: zero density and chance differ"] == "reproduced"
    assert found["one layer less costs next to nothing"] == "reproduced"
    assert found["piped weights beat random ones (2 layers by zero density)"] == "yes"
    assert found["recalibrated batch-norm statistics raise test accuracy"] == "yes"


def test_layers_weigh_where_random_cuts_spread_more_than_one_cut():
    name = "some random layers weigh more than others when removed"
    spread = layers(gain=0.0)
    rows = spread[LAYERS].rows
    assert verdict_of(name, spread) == "reproduced"
    alike = rows.test_accuracy.where(rows.role == "teacher", 0.9 + rows.seed.map(JITTER))
    even = {LAYERS: replace(spread[LAYERS], rows=rows.assign(test_accuracy=alike))}
    assert verdict_of(name, even) == "no difference"
    assert verdict_of("it matters how layers are chosen: zero density and chance differ", even) == "no difference"


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
    name = "distillation pays after far more than 3 epochs where many layers are gone (12 epochs)"
    assert verdict_of(name, layers(gain=0.01, long_epochs=6)) == "not tested at this size"
    assert verdict_of(name, layers(gain=0.01, long_epochs=12)) == "reproduced"


def test_claims_on_named_numbers_of_layers_and_seeds_take_no_others():
    found = layers(gain=0.01)
    rows, epochs = found[LAYERS].rows, found[LAYERS].epochs
    only_2 = {LAYERS: replace(found[LAYERS], epochs=epochs[epochs.units_removed == 2])}
    assert verdict_of(first_epoch().tests, found) != "not run" == verdict_of(first_epoch().tests, only_2)
    two_seeds = {LAYERS: replace(found[LAYERS], rows=rows[(rows.seed < 2)])}
    weigh = "some random layers weigh more than others when removed"
    assert verdict_of(weigh, two_seeds) == "not tested at this size"
    warm = rows.assign(temperature=np.where(rows.method == "kd", 8.0, np.nan))
    t_4 = "T = 4 beats T = 1 (2 or 8 layers by zero density)"
    assert verdicts(FUTURE_CLAIMS, {LAYERS: replace(found[LAYERS], rows=warm)})[t_4] == "not run"


def channel_rows(order: dict[str, float]) -> list[dict]:
    """Students whose criteria are so far ahead of 85%."""
    return [TEACHER] + [
        student(seed, method, 0.85 + ahead + JITTER[seed], prune_method=criterion, speed_up=1.5,
                keep=keep, target=target, scope=scope)
        for seed in SEEDS
        for method in ("plain", "kd")
        for criterion, ahead in order.items()
        for keep in (0.5, 0.3)
        for target, scope in (("params", "global"), ("macs", "global"), ("params", "layer"))
    ]  # fmt: skip


def test_channels_are_compared_with_chance_with_layers_of_their_size_and_by_speed():
    rows = channel_rows({"l1": -0.1, "apoz": 0.05, "taylor": 0.0, "random": 0.0})
    found = {CHANNELS: results(rows, CHANNELS, **SIZES)} | layers(gain=0.0)
    judged = {one.claim.tests: one for one in judge(CHANNELS_CLAIMS, found)}
    for cost in ("parameters", "multiply-adds"):
        assert judged[f"L1 ranks better than chance (30% of the {cost} left)"].verdict == "no"
        assert judged[f"APoZ ranks better than chance (50% of the {cost} left)"].verdict == "yes"
        assert judged[f"Taylor ranks better than chance (50% of the {cost} left)"].verdict == "no difference"
    name = "L1 ranks better than chance (50% of the parameters left, the same share of each layer)"
    assert judged[name].verdict == "no"
    assert judged["distillation helps students with channels removed"].verdict == "no difference"
    for cost, count in (("parameters", 4), ("multiply-adds", 6)):
        against = judged[f"at equal {cost} removing channels (mean of criteria) beats removing {count} layers"]
        # 85% less the criteria's mean lead of −1.25 points, against 95.5% less a point a layer.
        assert against.sample.interval.mean == pytest.approx(0.8375 - (0.955 - 0.01 * count), abs=2e-4)
    speed = judged["the time of a forward pass falls with the MACs"]
    # 1.5 times as fast takes a third less time, of half the multiply-adds.
    assert speed.sample.interval.mean == pytest.approx(2 / 3)
    assert speed.verdict == "measured"


def test_the_transfers_failure_and_its_causes():
    def rows(size, images, train, imagenet, recalibrated):
        return [
            {"role": "student", "seed": seed, "network_image_size": size, "train_accuracy": train + JITTER[seed],
             "test_accuracy_imagenet_statistics": imagenet - JITTER[seed], "test_accuracy": recalibrated,
             "images": images, "train_size": 45_000 if images == "all" else 1500}
            for seed in SEEDS
        ]  # fmt: skip

    few = [*rows(32, "few", 0.95, 0.16, 0.5), *rows(96, "few", 0.95, 0.3, 0.7), *rows(224, "few", 0.99, 0.165, 0.7)]
    data = {"dataset": "cifar10", "test_size": 1000}
    learns, fails, *causes = [claim.tests for claim in CIFAR_CLAIMS]
    found = verdicts(CIFAR_CLAIMS, {TRANSFER: results(few + rows(96, "all", 0.95, 0.3, 0.8), TRANSFER, **data)})
    assert (found[learns], found[fails]) == ("reproduced", "contradicted")
    assert [found[name] for name in causes] == ["reproduced", *["yes"] * 4]
    found = verdicts(CIFAR_CLAIMS, {TRANSFER: results(few, TRANSFER, **data)})
    assert (found[learns], found[fails]) == ("not run", "not run")


def test_orders_hints_and_images_are_compared_within_seeds():
    orders = {"zero_density": 0.0, "random": 0.05, "fitting": 0.1, "sensitivity": 0.0, "block_influence": 0.1}
    hints = {None: 0.0, "conv_pw_3_relu": 0.0, "conv_pw_5_relu": 0.02, "conv_pw_11_relu": -0.02, "pool": 0.03}
    rows = {
        ORDERS: [
            student(seed, "plain", 0.7 + ahead + JITTER[seed], sweep="orders", prune_method=order, keep=keep)
            for seed in SEEDS for keep in (0.75, 0.5) for order, ahead in orders.items()
        ],
        HINTS: [
            student(seed, "kd", 0.6 + ahead, sweep="hints", hint=hint, validation_accuracy=0.6 + ahead)
            | {"weights": weights}
            for seed in SEEDS for weights in ("random", "piped") for hint, ahead in hints.items()
        ],
        IMAGES: [
            student(seed, method, 0.8 + (method == "kd") * (0.02 if size == 7000 else -0.02), sweep="images")
            | {"train_size": size, "units_removed": 2}
            for seed in SEEDS for size in (1000, 7000) for method in ("plain", "kd")
        ],
        NARROW: layers(gain=0.012, few=0.02, many=0.05)[LAYERS].rows.to_dict("records"),
    }  # fmt: skip
    found = {
        name: results([TEACHER, *lines] if name != NARROW else lines, name, **SIZES) for name, lines in rows.items()
    }
    found[NARROW] = replace(found[NARROW], epochs=layers(gain=0.012)[LAYERS].epochs)
    judged = verdicts(FUTURE_CLAIMS, found)
    assert [judged[name] for name in judged if "equal multiply-adds" in name] == [
        *("no", "yes", "no difference", "yes", "no difference"),
    ]
    assert [judged[name] for name in judged if name.startswith("a hint at")] == ["no difference", "yes", "no", "yes"]
    assert judged["where a hint stands matters (random weights): validation's best depth beats its worst"] == "yes"
    assert [judged[name] for name in judged if "students of" in name] == ["no", "yes"]
    assert {judged[name] for name in judged if name.startswith("width 0.25")} == {"yes"}
    assert judged["T = 4 beats T = 1 (2 or 8 layers by zero density)"] == "not run"
