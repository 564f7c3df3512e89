"""Verdicts on channel pruning, on made-up rows."""

import pandas as pd

from kdsuite.report import channels
from kdsuite.report.rows import StudyRows

SEEDS = (0, 1, 2)
TEACHER = {"method": "teacher", "macs": 1000, "test_accuracy": 0.98}


def students(accuracy, **columns):
    """A row a seed, plain and distilled, with `accuracy` and one point more for each seed."""
    usual = {"macs": 500, "speed_up": 1.5, "weights": "piped", "epochs": 3, "keep": None, "units_removed": None}
    return [
        usual | columns | {"seed": seed, "method": method, "lambda": lambda_, "test_accuracy": accuracy + 0.01 * seed}
        for seed in SEEDS
        for method, lambda_ in (("plain", 0.0), ("kd", 0.5))
    ]


def found(folder):
    layers = (
        students(0.7, prune_method="zero_density", units_removed=4, params=920)
        + students(0.9, prune_method="zero_density", units_removed=1, params=1100)
        + students(0.5, prune_method="random", units_removed=2, params=900)
    )
    pd.DataFrame([*layers, TEACHER]).to_csv(folder / "catdog-mobilenet.csv", index=False)
    pruned = students(0.85, prune_method="l1", params=900, keep=0.5) + students(
        0.8, prune_method="random", params=900, keep=0.5
    )
    study = StudyRows(pd.DataFrame([TEACHER, *pruned]), pd.DataFrame(), folder)
    return {claim.claim: claim for claim in channels.claims(study)}


def test_channels_are_compared_with_layers_of_about_the_same_size_alone(in_empty_folder):
    claims = found(in_empty_folder)
    (against,) = [claim for name, claim in claims.items() if "beats removing" in name]
    assert against.claim == "removing channels (50% kept, mean of criteria) beats removing 4 layers"
    assert "+12.50 points [+12.50, +12.50]" in against.ours
    assert against.verdict == "yes"


def test_criteria_are_compared_with_chance_and_speed_with_macs(in_empty_folder):
    claims = found(in_empty_folder)
    assert claims["L1 ranks better than chance (50% kept)"].ours == "+5.00 points [+5.00, +5.00]"
    assert claims["distillation helps students with channels removed"].ours.startswith("distilled − plain +0.00 points")
    speed = claims["the time of a forward pass falls with the MACs"]
    assert speed.ours == "speed-up / saving in MACs 0.75 [0.75, 0.75]"
