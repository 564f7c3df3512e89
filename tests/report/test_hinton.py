"""Study 2's verdicts on made-up rows."""

from pathlib import Path

import pandas as pd

from kdsuite.report import hinton_tables
from kdsuite.report.rows import StudyRows

SEEDS = (0, 1, 2)
NINE = "0 1 2 4 5 6 7 8 9"
BIASES = {
    f"{kind}_errors{suffix}": errors
    for kind, errors in (("test", 90), ("omitted", 7))
    for suffix in ("_bias_by_validation", "_bias_by_test", "_biases_3.5")
}


def rows_of(errors, **columns):
    """A row a seed, with `errors` ± 1."""
    usual = {"variant": None, "transfer_set": None, "temperature": 20.0, "test_size": 10_000}
    return [
        usual | columns | {"seed": seed, "test_errors": errors + step}
        for seed, step in zip(SEEDS, (-1, 0, 1), strict=True)
    ]


def study(rows):
    return StudyRows(pd.DataFrame(rows), pd.DataFrame(), Path())


def made_up():
    table_1 = (
        rows_of(65, protocol="original", method="teacher")
        + rows_of(146, protocol="original", method="plain")
        + rows_of(80, protocol="original", method="kd")
        + rows_of(95, protocol="original", method="kd", variant="without views")
        + rows_of(100, protocol="reproduction", method="teacher")
        + rows_of(140, protocol="reproduction", method="plain")
        + rows_of(125, protocol="reproduction", method="kd")
    )
    transfer = [
        row
        for protocol in ("original", "reproduction")
        for row in (
            rows_of(110, protocol=protocol, method="kd", transfer_set=NINE, omitted_errors=20, **BIASES)
            + rows_of(350, protocol=protocol, method="kd", transfer_set="7 8", omitted_errors=300, **BIASES)
        )
    ] + rows_of(104, protocol="original", method="kd", transfer_set=NINE, variant="SGD 0.01", **BIASES)
    temperature = [
        row
        for protocol in ("original", "reproduction")
        for units, temperature, errors in (
            *((30, 1.0, 190), (30, 2.5, 200), (30, 20.0, 230)),
            *((300, 8.0, 120), (300, 20.0, 120)),
        )
        for row in rows_of(
            errors, protocol=protocol, method="kd", student=f"mlp_{units}_{units}", temperature=temperature
        )
    ]
    return [study(rows) for rows in (table_1, transfer, temperature)]


def found():
    return {claim.claim: claim for claim in hinton_tables.claims(*made_up())}


def test_errors_stand_beside_the_published_ones():
    claims = found()
    # t(0.975, 2) / √3 = 2.484.
    assert claims["teacher 1200–1200"].ours == "65.0 ± 2.5 errors"
    assert claims["teacher 1200–1200"].paper == "67"
    assert claims["teacher 1200–1200"].verdict == "as published: the interval holds it"
    assert claims["student 800–800 distilled"].verdict == "worse than published"
    assert claims["transfer set without 3"].verdict == "better than published"
    assert claims["transfer set of 7s and 8s"].ours == "3.50 ± 0.02%"


def test_the_reproductions_rows_stand_beside_the_reproductions_figures():
    claims = found()
    assert (claims["reproduction: teacher 1200–1200"].paper, claims["reproduction: teacher 1200–1200"].ours) == (
        "119",
        "100.0 ± 2.5 errors",
    )
    assert claims["reproduction: student 800–800 alone"].verdict == "worse than published"
    assert claims["reproduction: student 800–800 distilled"].verdict == "as published: the interval holds it"
    assert claims["reproduction: transfer set without 3, all biases set to 3.5"].paper == "123"
    assert claims["reproduction: wrong threes, transfer set without 3, all biases set to 3.5"].paper == "20"
    assert claims["reproduction: student 30–30 distilled at T = 2.5"].paper == "222"
    assert claims["reproduction: student 30–30 distilled at T = 2.5"].ours == "200.0 ± 2.5 errors"


def test_each_change_is_paired_with_the_unchanged_student_of_its_seed():
    claims = found()
    views = claims["distilled student: without views costs errors"]
    assert (views.ours, views.verdict) == ("+15.0 errors [+15.0, +15.0]", "yes")
    assert claims["transfer set without 3: SGD 0.01 costs errors"].ours == "-6.0 errors [-6.0, -6.0]"
    assert claims["transfer set without 3: SGD 0.01 costs errors"].verdict == "no"


def test_temperature_of_narrow_and_of_wide_students():
    claims = found()
    narrow = claims["30 units: T from 2.5 to 4 is better than 20"]
    assert (narrow.ours, narrow.verdict) == ("T = 20 makes +30.0 errors [+30.0, +30.0]", "reproduced")
    warm = claims["30 units: T from 2.5 to 4 is better than 1"]
    assert (warm.ours, warm.verdict) == ("T = 1 makes -10.0 errors [-10.0, -10.0]", "contradicted")
    wide = claims["300 units and more: temperatures of 8 and above do alike"]
    assert wide.verdict == "consistent: the interval holds 0"


def test_tables_have_both_papers_and_both_protocols():
    tables = hinton_tables.tables(*made_up()).set_index("network")
    assert tables.loc["teacher 1200–1200"].to_list() == [1, "67", "65.0 ± 2.5 errors", "119", "100.0 ± 2.5 errors"]
    assert tables.loc["transfer set of 7s and 8s"].to_list() == [3, "47.3%", "3.50 ± 0.02%", "", "3.50 ± 0.02%"]
    assert tables.loc["wrong threes, transfer set without 3"].to_list()[1:3] == ["133", "20.0 ± 0.0 errors of 1,010"]


def test_one_seed_decides_nothing():
    first = [study(own.rows[own.rows.seed == 0]) for own in made_up()]
    claims = {claim.claim: claim for claim in hinton_tables.claims(*first)}
    assert claims["teacher 1200–1200"].ours == "64.0 errors (one seed)"
    assert claims["transfer set of 7s and 8s"].ours == "3.49% (one seed)"
    for name in (
        "teacher 1200–1200",
        "30 units: T from 2.5 to 4 is better than 20",
        "300 units and more: temperatures of 8 and above do alike",
    ):
        assert claims[name].verdict == "undecided: one seed gives no interval"
