import dataclasses
import io

import pandas as pd
import pytest
from rich.console import Console

from kdsuite.report.claims import OURS, Claim
from kdsuite.report.comparisons import Difference, Level
from kdsuite.report.groups import where
from kdsuite.report.intervals import Interval
from kdsuite.report.measures import Measure, estimate, measure_of
from kdsuite.report.tables import (
    Summary,
    as_html,
    claims_table,
    counts,
    counts_line,
    markdown,
    show,
    smaller,
    verdict_lines,
)
from kdsuite.report.verdicts import judge
from tests.report.made_up import groups, results


def claim(method, kind="claimed by the paper"):
    compares = Difference("test_accuracy", where(method=method), where(method="plain"))
    return Claim(tests=f"{method} | wins", says="it wins", where="§1", experiment="e", compares=compares, kind=kind)


FOUND = groups(plain=[0.9] * 3, good=[0.95, 0.952, 0.951], same=[0.9, 0.9001, 0.9], noise=[0.95, 0.8, 0.9])
JUDGED = judge([claim("noise"), claim("same"), claim("good"), claim("good", OURS), claim("never")], FOUND)


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (Interval(93.579, 93.286, 93.872), "93.58 ± 0.29"),
        (Interval(71.4, 56.2, 86.6), "71 ± 15"),
        (Interval(0.123456, 0.113556, 0.133356), "0.1235 ± 0.0099"),
        (Interval(5.0, 4.00351, 5.99649), "5.0 ± 1.0"),
        (Interval(12_345, 12_000, 12_690), "12,345 ± 345"),
        (Interval(99.31, float("nan"), float("nan")), "99.31"),
        (Interval(-0.46, -0.82, -0.1), "−0.46 ± 0.36"),
        (Interval(-0.46, float("nan"), float("nan")), "−0.46"),
    ],
)
def test_two_significant_digits_of_the_half_width(interval, shown):
    assert estimate(interval) == shown


def test_a_negative_bound_has_a_real_minus():
    ahead = Measure("ahead", "ahead of the teacher", "points", "points", 100)
    level = dataclasses.replace(claim("good"), compares=Level(ahead, where("good"), above=-0.01))
    assert level.shown_published == "> −1 points"


def test_a_difference_shows_signs_and_no_signed_zero():
    measure = measure_of("test_accuracy")
    assert measure.difference(Interval(-0.0027, -0.0051, -0.0003)) == "−0.27 points [−0.51, −0.03]"
    assert measure.difference(Interval(0.0, -0.1, 0.1)) == "0 points [−10, +10]"


def run(size, seeds, **configuration):
    rows = [
        {"seed": seed, "method": method, "role": "student", "train_size": size, "test_accuracy": 0.9 + seed / 100}
        for seed in range(seeds)
        for method in ("plain", "kd")
    ]
    return dataclasses.replace(results(rows), setting={"configuration": configuration, "data": {}})


def test_yours_is_smaller_in_named_respects():
    yours = run(3500, 2, epochs=3, teacher_epochs=12, lambdas=[0, 1], temperature=1)
    ours = run(55_000, 5, epochs=12, teacher_epochs=12, lambdas=[0, 0.5, 1], temperature=20)
    assert smaller(yours, ours) == (
        "Yours is smaller: 3,500 training images (ours 55,000), 3 epochs (ours 12), 2 lambdas (ours 3), "
        "2 seeds (ours 5)."
    )
    assert smaller(ours, ours) == ""


def test_fewer_values_and_students_on_fewer_images_are_smaller_too():
    ours, fewer = run(1000, 2), run(1000, 2)
    ours.setting["grid"], fewer.setting["grid"] = ({"lambdas": [0, 0.5, 1], "seeds": [0, 1]}, {"lambdas": [0.5]})
    assert smaller(fewer, ours) == "Yours is smaller: 1 lambdas (ours 3)."
    teacher = run(1000, 1).rows.assign(role="teacher")
    mixed = dataclasses.replace(ours, rows=pd.concat([teacher, run(100, 2).rows]))
    assert smaller(mixed, ours) == "Yours is smaller: 100 training images (ours 1,000)."


def test_the_terminal_shows_yours_ours_and_paper_in_100_columns():
    summary = Summary(
        by=("method",),
        values={"kd": "distilled", "plain": "labels alone"},
        more=("train_size",),
        published=lambda line: 0.93 if line["method"] == "kd" else None,
    )
    file = io.StringIO()
    show(summary, run(55_000, 3), run(3500, 2), Console(file=file, width=140))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "yours (%)" in text
    assert "distilled     90.5 ± 6.4  91.0 ± 2.5         93   3,500" in text
    assert "Yours is smaller: 3,500 training images (ours 55,000), 2 seeds (ours 3)." in text
    assert "…" not in text


def test_intervals_are_over_seeds_where_a_seed_has_several_rows():
    """Three seeds with two members each: sd of the seeds' means 0.02, t(2) = 4.3027."""
    rows = [
        {"seed": 10 * seed + member, "ensemble": seed, "role": "member", "test_accuracy": 0.9 + seed / 50 + gap}
        for seed in range(3)
        for member, gap in enumerate((-0.01, 0.01))
    ]
    rows.append({"seed": 0, "ensemble": None, "role": "teacher", "test_accuracy": 0.95})
    file = io.StringIO()
    show(Summary(by=("role",), by_seed="ensemble"), results(rows), console=Console(file=file, width=100))
    assert "member   92.0 ± 5.0" in file.getvalue()  # 4.3027 · 2 / √3
    assert "teacher       95.00" in file.getvalue()


def test_a_teacher_that_has_nothing_its_students_vary_in_is_named():
    rows = [{"seed": 0, "role": role, "lambda": value, "test_accuracy": 0.9} for role, value in
            (("teacher", None), ("student", 0.5))]  # fmt: skip
    file = io.StringIO()
    show(Summary(by=("lambda",)), results(rows), console=Console(file=file, width=100))
    assert [line.split()[0] for line in file.getvalue().splitlines() if "90.00" in line] == ["teacher", "0.5"]


def test_claims_are_sorted_by_verdict_and_the_papers_come_first():
    table = claims_table(JUDGED)
    assert table.verdict.tolist() == ["reproduced", "no difference", "undecided", "not run", "yes"]
    assert table["the paper's words"].iloc[0] == "“it wins” (§1)"
    assert table.n.tolist() == ["3", "3", "3", "", "3"]
    assert table["δ"].iloc[0] == "0.2 points"
    assert markdown(table).splitlines()[2].startswith("| reproduced | ")
    assert "good \\| wins" in markdown(table)
    assert '<tr class="no-difference">' in as_html(table)


def test_counts_are_of_the_papers_claims_only():
    assert counts(JUDGED) == {
        "reproduced": 1,
        "contradicted": 0,
        "at another level": 0,
        "no difference": 1,
        "undecided": 1,
        "not tested": 0,
        "not run": 1,
    }
    corrected = [dataclasses.replace(one, after_holm="undecided") for one in JUDGED]
    assert counts(corrected, after_holm=True)["undecided"] == 4
    assert counts_line(JUDGED) == "1 reproduced, 1 no difference, 1 undecided, 1 not run"


def test_a_verdict_is_one_line_without_numbers():
    lines = verdict_lines("study", JUDGED).splitlines()
    assert len(lines) == len(JUDGED)
    assert lines[0] == "study | e | noise | wins | undecided"
    more = groups(plain=[0.9] * 3, good=[0.95, 0.952, 0.951], same=[0.9, 0.9001, 0.9], noise=[0.95, 0.8, 0.91])
    assert verdict_lines("study", judge([one.claim for one in JUDGED], more)) == verdict_lines("study", JUDGED)
