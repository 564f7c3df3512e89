"""Study 2's verdicts on made-up rows, where the right one is known."""

from functools import cache

import pytest

from experiments.hinton.claims import CLAIMS
from experiments.hinton.claims_shared import NINE
from kdsuite.report.named import settings_of
from kdsuite.report.verdicts import judge
from tests.report.made_up import results

SEEDS = (0, 1, 2)
BIASES = {
    f"{kind}_errors{suffix}": errors
    for kind, errors in (("test", 90), ("omitted", 7))
    for suffix in ("_bias_by_validation", "_bias_by_test", "_biases_3.5")
}
UNSEEN = {"omitted_errors": 20, "bias_by_validation": 2.0} | BIASES


def rows_of(errors, **columns):
    """A row a seed, with `errors` ± 1, and accuracies to fit."""
    usual = {"role": "student", "variant": None, "transfer_set": None, "temperature": 20.0, "epochs": 200}
    return [
        usual
        | columns
        | {"seed": seed, "test_errors": errors + step, "test_accuracy": 1 - (errors + step) / 10_000}
        | {"test_accuracy_digit_3": 0.97 + step / 1010}
        for seed, step in zip(SEEDS, (-1, 0, 1), strict=True)
    ]


def teacher(errors):
    return rows_of(errors, method="teacher", role="teacher")


def made_up(seeds=SEEDS):
    table_1 = {
        "original": teacher(65)
        + rows_of(146, method="plain")
        + rows_of(80, method="kd")
        + rows_of(95, method="kd", variant="without views"),
        "reproduction": teacher(100) + rows_of(140, method="plain") + rows_of(125, method="kd"),
    }
    transfer = {
        protocol: teacher(65)[:1]
        + rows_of(110, method="kd", transfer_set=NINE, **UNSEEN)
        + rows_of(350, method="kd", transfer_set="7 8", **UNSEEN | {"omitted_errors": 300})
        + more
        for protocol, more in (
            ("original", rows_of(104, method="kd", transfer_set=NINE, variant="SGD 0.01", **UNSEEN)),
            ("reproduction", []),
        )
    }
    by_width = [
        row
        for units, temperature, errors in (
            *((30, 1.0, 190), (30, 2.5, 200), (30, 8.0, 215), (30, 20.0, 230)),
            *((300, 8.0, 120), (300, 20.0, 120), (800, 8.0, 100), (800, 20.0, 100)),
        )
        for row in rows_of(errors, method="kd", units=units, temperature=temperature)
    ]
    temperature = dict.fromkeys(("original", "reproduction"), teacher(65)[:1] + by_width)
    return {
        f"hinton-{name} protocol={protocol}": results([row for row in rows if row["seed"] in seeds])
        for name, by_protocol in (("mnist", table_1), ("transfer-set", transfer), ("temperature", temperature))
        for protocol, rows in by_protocol.items()
    }


@cache
def judged(seeds=SEEDS):
    return {one.claim.tests: one for one in judge(CLAIMS, made_up(seeds))}


def test_claims_have_names_of_their_own_and_rows_of_six_settings():
    assert len({claim.tests for claim in CLAIMS}) == len(CLAIMS)
    assert set(settings_of(CLAIMS)) == set(made_up())


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ("teacher 1200–1200", "as published"),
        ("student 800–800 alone", "as published"),
        # Three seeds, 80 ± 2.5: a further one would lie within ± 5.
        ("student 800–800 distilled", "worse than published"),
        ("student 800–800 distilled without views", "worse than published"),
        ("distilled, the student makes fewer errors than alone", "reproduced"),
        ("distilled without views, the student makes fewer errors than alone", "reproduced"),
        ("distilled student: without views costs errors", "yes"),
        ("distilled student: SGD 0.01 costs errors", "not run"),
        ("saw no 3", "better than published"),
        ("saw 7 and 8 only", "better than published"),
        ("saw no 3: the bias of 3 that validation chooses lowers the errors", "reproduced"),
        ("saw no 3: SGD 0.01 costs errors", "no"),
        ("30 units: T from 2.5 to 4 makes fewer errors than T = 20", "reproduced"),
        ("30 units: T from 2.5 to 4 makes fewer errors than T = 1", "contradicted"),
        ("300 and 800 units: T = 20 does as T = 8", "reproduced"),
        ("reproduction: teacher 1200–1200", "better than published"),
        ("reproduction: student 800–800 alone", "worse than published"),
        ("reproduction: student 800–800 distilled", "as published"),
        ("reproduction: errors rise faster with T at 30 units than at 300 and 800", "reproduced"),
        ("reproduction: saw no 3, accuracy on threes", "as published"),
    ],
)
def test_verdicts(tests, verdict):
    assert judged()[tests].verdict == verdict


def test_each_change_is_paired_with_the_unchanged_student_of_its_seed():
    found = judged()
    assert found["distilled student: without views costs errors"].sample.values.to_list() == [15, 15, 15]
    assert found["saw no 3: SGD 0.01 costs errors"].sample.values.to_list() == [-6, -6, -6]


def test_one_seed_decides_nothing():
    found = judged(seeds=(0,))
    decided = {one.verdict for one in found.values()} - {"undecided", "not run"}
    assert not decided


def test_a_weak_teacher_and_short_students_test_nothing():
    rows = made_up()["hinton-mnist protocol=original"].rows
    short = rows.assign(epochs=5)
    weak = rows.assign(test_accuracy=rows.test_accuracy.where(rows.role != "teacher", 0.97))
    for table in (short, weak):
        found = judge(CLAIMS, {"hinton-mnist protocol=original": results(table.to_dict("records"))})
        by_name = {one.claim.tests: one.verdict for one in found}
        assert by_name["distilled, the student makes fewer errors than alone"] == "not tested at this size"
