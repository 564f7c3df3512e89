from pathlib import Path

import pandas as pd
import pytest

from kdsuite.report import assistants
from kdsuite.report.rows import StudyRows

ACCURACY = {
    ("direct", 2): 0.60,
    ("direct", 4): 0.58,
    ("direct", 8): 0.57,
    ("hierarchical", 2): 0.59,
    ("hierarchical", 4): 0.59,
    ("hierarchical", 8): 0.50,
    ("through S1", 4): 0.56,
    ("through S1", 8): 0.53,
}
LOGITS = {"alone": 0.40, "from the teacher": 0.42, "through assistants": 0.45, "densely guided": 0.44}


def ensemble(seed, regime, members, accuracy):
    return {"method": "ensemble", "seed": seed, "regime": regime, "members": members, "test_accuracy": accuracy}


def member(seed, regime, student="student", features=64, **errors):
    return {
        "method": "features",
        "seed": seed,
        "regime": regime,
        "student": student,
        "features": features,
    } | errors


@pytest.fixture
def claims():
    lines = [{"method": "teacher", "test_accuracy": 0.575}]
    for seed in (0, 1):
        shift = seed / 100
        lines += [ensemble(seed, *kind, accuracy + shift) for kind, accuracy in ACCURACY.items()]
        lines += [
            {"method": "kd", "student": "of_8_logits", "seed": seed, "regime": regime, "test_accuracy": own + shift}
            for regime, own in LOGITS.items()
        ]
        # The members of an ensemble differ by a hundred in their seeds.
        for number, error in enumerate((0.050, 0.070)):
            lines.append(member(seed + 100 * number, "hierarchical", teacher_feature_error=error + shift))
            lines.append(member(seed + 100 * number, "direct", teacher_feature_error=0.040 + shift))
        lines.append(member(seed, "residual", "of_4_residual_student", 512, feature_error=0.030 + shift))
        lines.append(member(seed + 100, "residual", "of_8_residual_assistant", 512, feature_error=0.031 + shift))
    study = StudyRows(pd.DataFrame(lines), pd.DataFrame(), Path())
    return {claim.claim: claim for claim in assistants.claims(study)}


def test_ensembles_against_teacher_and_assistants(claims):
    two = claims["2 students taught directly beat the teacher"]
    assert two.paper == "+3.68 points"
    assert two.ours.startswith("+3.00 points")
    for regime, paper in (("hierarchical", "+1.01 points"), ("through S1", "+1.25 points")):
        # Two students through S1 are the hierarchical ones.
        claim = claims[f"2 students taught directly beat 2 taught {regime}"]
        assert (claim.paper, claim.ours, claim.verdict) == (paper, "+1.00 points [+1.00, +1.00]", "reproduced")
    assert claims["4 students taught directly beat 4 taught hierarchical"].verdict == "contradicted"
    assert claims["accuracy falls down the hierarchy: 2 students − 8"].ours == "+9.00 points [+9.00, +9.00]"
    eight = claims["8 students taught through S1 beat 8 taught hierarchically"]
    assert (eight.paper, eight.ours) == ("+0.85 points", "+3.00 points [+3.00, +3.00]")


def test_errors_are_paired_by_the_seed_of_the_ensemble(claims):
    avalanche = claims["features of 8 hierarchical students are further from the teacher's than 8 direct ones'"]
    assert avalanche.ours == "+20.00 thousandths [+20.00, +20.00]"
    residual = claims["residual assistant lowers its student's feature error"]
    assert (residual.ours, residual.verdict) == ("-1.00 thousandths [-1.00, -1.00]", "no")


def test_future_work(claims):
    assert claims["smallest network: through assistants beats from the teacher"].ours.startswith("+3.00 points")
    assert claims["smallest network: densely guided beats through assistants"].verdict == "no"
